"""Seconds of a paired bootstrap of average precision, and of pycocotools once per resample.

python -m benchmarks.bootstrap

2000 resamples of 840 images (M3FD's test set in size), 6 classes, 10 overlaps, 3 sources, at most
100 boxes per image and class. Processor time of one core. pycocotools is given the matches: only
its `accumulate` is timed, on the images of a resample, a few times, and extrapolated; matching
again as well would make it slower still.
"""

import argparse
import contextlib
import io
import time
from typing import Any

import numpy as np

from fusebench.data import boxes
from fusebench.evaluation import average_precision, bootstrap
from fusebench.evaluation.bootstrap import Resamples
from fusebench.evaluation.match_table import ClassMatches
from reports.statistics import synthetic_detections
from reports.statistics.synthetic_detections import DetectorModel

IMAGE_COUNT, CLASS_COUNT, SOURCE_COUNT, SEQUENCE_COUNT = 840, 6, 3, 42
TRUE_BOXES_PER_IMAGE, FALSE_POSITIVES_PER_IMAGE = (
    8.0,
    60.0,
)  # boxes per image, all classes together; M3FD has 8 true ones
DETECTOR_MODEL = DetectorModel(
    boxes_per_image=TRUE_BOXES_PER_IMAGE / CLASS_COUNT,
    false_positives_per_image=FALSE_POSITIVES_PER_IMAGE / CLASS_COUNT,
)


def simulate_match_tables(rng: np.random.Generator) -> list[list[ClassMatches]]:
    """The matches of every source and class."""
    sizes = np.full(SEQUENCE_COUNT, IMAGE_COUNT // SEQUENCE_COUNT)
    shown = [
        synthetic_detections.generate_ground_truth(DETECTOR_MODEL, sizes, rng)
        for _ in range(CLASS_COUNT)
    ]
    return [
        [synthetic_detections.simulate_detections(DETECTOR_MODEL, on, rng) for on in shown]
        for _ in range(SOURCE_COUNT)
    ]


def build_coco_eval(found: list[ClassMatches]) -> Any:
    """A COCOeval that holds these matches as if it had evaluated them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    keys = {f"{i:03d}": boxes.make_boxes([[0, 0, 1, 1]], [0], [1]) for i in range(IMAGE_COUNT)}
    coco = COCO()
    names = [str(i) for i in range(CLASS_COUNT)]
    coco.dataset = boxes.to_coco(keys, names, dict.fromkeys(keys, (1, 1)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    made = COCOeval(coco, coco, "bbox")
    made.params.areaRng, made.params.areaRngLbl = [made.params.areaRng[0]], ["all"]
    made.params.maxDets = [average_precision.MAX_DETECTIONS]
    made._paramsEval = made.params
    made.evalImgs = [
        _build_coco_eval_image(one, image) for one in found for image in range(IMAGE_COUNT)
    ]
    return made


def _build_coco_eval_image(one: ClassMatches, image: int) -> dict[str, Any]:
    mine = one.image_indices == image
    truths = int(one.truth_counts[0, image])
    return {
        "dtScores": one.scores[mine].tolist(),
        "dtMatches": one.true_positives[0][:, mine].astype(float),
        "dtIgnore": one.ignored[0][:, mine],
        "gtIgnore": np.zeros(truths),
    }


def compute_ap_with_pycocotools(made: Any, weights: np.ndarray) -> np.ndarray:
    """AP (thresholds, classes) of one resample by pycocotools."""
    times = np.repeat(np.arange(IMAGE_COUNT), weights.astype(int))
    whole = made.evalImgs
    made.evalImgs = [whole[c * IMAGE_COUNT + i] for c in range(CLASS_COUNT) for i in times]
    made.params.imgIds = list(range(len(times)))
    with contextlib.redirect_stdout(io.StringIO()):
        made.accumulate()
    made.evalImgs = whole
    return made.eval["precision"][:, :, :, 0, 0].mean(axis=1)


def compute_ap_with_fusebench(every: list[list[ClassMatches]], draws: Resamples) -> np.ndarray:
    """AP (sources, classes, resamples, thresholds)."""
    weights = draws.image_weights
    return np.array(
        [[average_precision.weighted_average_precision(one, weights) for one in s] for s in every]
    )


def main() -> None:
    """Print the comparison."""
    flags = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    flags.add_argument("--resamples", type=int, default=bootstrap.RESAMPLE_COUNT)
    flags.add_argument("--calls", type=int, default=3, help="of pycocotools")
    args = flags.parse_args()
    every = simulate_match_tables(np.random.default_rng(0))
    groups = [f"{i // (IMAGE_COUNT // SEQUENCE_COUNT)}" for i in range(IMAGE_COUNT)]
    draws = bootstrap.resample_units(groups, args.resamples)
    number = sum(len(one.scores) for one in every[0])
    print(f"{number} predictions per source, {SOURCE_COUNT} sources, {args.resamples} resamples")
    start = time.process_time()
    found = compute_ap_with_fusebench(every, draws)
    spent = time.process_time() - start
    print(f"weighted average precision: {spent:.1f} s")
    made = build_coco_eval(every[0])
    start, gap = time.process_time(), 0.0
    for call in range(args.calls):
        again = compute_ap_with_pycocotools(made, draws.image_weights[call])
        gap = max(gap, float(np.abs(again - found[0, :, call].T).max()))
    each = (time.process_time() - start) / args.calls
    whole = each * args.resamples * SOURCE_COUNT
    print(f"pycocotools, accumulate alone: {each:.2f} s a call and source ({args.calls} timed);")
    print(f"  extrapolated to all: {whole:.0f} s, {whole / spent:.0f} times as long")
    print(f"largest difference between the two: {gap:.1e}")


if __name__ == "__main__":
    main()
