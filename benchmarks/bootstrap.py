"""Time the paired bootstrap of average precision, compared with pycocotools once per resample.

python -m benchmarks.bootstrap

Setting: 2000 resamples of 840 images (the size of M3FD's test set), 6 classes, 10 IoU thresholds,
3 sources, at most 100 boxes per image and class. All times are processor time of one core.

pycocotools gets the matches ready made: only its `accumulate` is timed, on the images of a few
resamples, and extrapolated to all. Matching again for each resample would make it slower still.
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
from fusebench.runtime.program import run_program
from reports.statistics import synthetic_detections
from reports.statistics.synthetic_detections import DetectorModel

IMAGE_COUNT, CLASS_COUNT, SOURCE_COUNT, SEQUENCE_COUNT = 840, 6, 3, 42
TRUE_BOXES_PER_IMAGE = 8.0  # all classes together, as in M3FD
FALSE_POSITIVES_PER_IMAGE = 60.0
DETECTOR_MODEL = DetectorModel(
    boxes_per_image=TRUE_BOXES_PER_IMAGE / CLASS_COUNT,
    false_positives_per_image=FALSE_POSITIVES_PER_IMAGE / CLASS_COUNT,
)


def simulate_matches(rng: np.random.Generator) -> list[list[ClassMatches]]:
    """Simulate the box matches of every source and class, as [source][class]."""
    sequence_lengths = np.full(SEQUENCE_COUNT, IMAGE_COUNT // SEQUENCE_COUNT)
    ground_truths = [
        synthetic_detections.generate_ground_truth(DETECTOR_MODEL, sequence_lengths, rng)
        for _ in range(CLASS_COUNT)
    ]
    return [
        [
            synthetic_detections.simulate_detections(DETECTOR_MODEL, truth, rng)
            for truth in ground_truths
        ]
        for _ in range(SOURCE_COUNT)
    ]


def build_coco_eval(class_matches: list[ClassMatches]) -> Any:
    """Build a COCOeval that holds the matches of one source as if it had evaluated them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    # One box per image: COCOeval needs images and classes, and reads its boxes only to match.
    placeholders = {
        f"{i:03d}": boxes.make_boxes([[0, 0, 1, 1]], [0], [1]) for i in range(IMAGE_COUNT)
    }
    class_names = [str(i) for i in range(CLASS_COUNT)]
    coco = COCO()
    coco.dataset = boxes.to_coco(placeholders, class_names, dict.fromkeys(placeholders, (1, 1)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    coco_eval = COCOeval(coco, coco, "bbox")
    coco_eval.params.areaRng = [coco_eval.params.areaRng[0]]
    coco_eval.params.areaRngLbl = ["all"]
    coco_eval.params.maxDets = [average_precision.MAX_DETECTIONS]
    coco_eval._paramsEval = coco_eval.params
    coco_eval.evalImgs = [
        _build_image_result(matches, image)
        for matches in class_matches
        for image in range(IMAGE_COUNT)
    ]
    return coco_eval


def _build_image_result(matches: ClassMatches, image: int) -> dict[str, Any]:
    """Build the entry of COCOeval's ``evalImgs`` for one class and image."""
    in_image = matches.image_indices == image
    return {
        "dtScores": matches.scores[in_image].tolist(),
        "dtMatches": matches.true_positives[0][:, in_image].astype(float),
        "dtIgnore": matches.ignored[0][:, in_image],
        "gtIgnore": np.zeros(int(matches.truth_counts[0, image])),
    }


def compute_ap_with_pycocotools(coco_eval: Any, image_weights: np.ndarray) -> np.ndarray:
    """Compute the average precision of one resample with pycocotools.

    Args:
        coco_eval: The result of `build_coco_eval`.
        image_weights: How often the resample holds each image, (I,).

    Returns:
        Shape (T, K): IoU thresholds, classes.
    """
    images = np.repeat(np.arange(IMAGE_COUNT), image_weights.astype(int))
    all_results = coco_eval.evalImgs
    coco_eval.evalImgs = [
        all_results[class_id * IMAGE_COUNT + image]
        for class_id in range(CLASS_COUNT)
        for image in images
    ]
    coco_eval.params.imgIds = list(range(len(images)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco_eval.accumulate()
    coco_eval.evalImgs = all_results
    # precision: (T, recalls, K, area ranges, detection limits); one area range and limit here
    return coco_eval.eval["precision"][:, :, :, 0, 0].mean(axis=1)


def compute_ap_with_fusebench(
    matches: list[list[ClassMatches]], resamples: Resamples
) -> np.ndarray:
    """Compute the average precision of all resamples, (sources, classes, resamples, thresholds)."""
    weights = resamples.image_weights
    return np.array(
        [
            [average_precision.weighted_average_precision(m, weights) for m in class_matches]
            for class_matches in matches
        ]
    )


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--resamples", type=int, default=bootstrap.RESAMPLE_COUNT)
    parser.add_argument("--calls", type=int, default=3, help="number of pycocotools calls to time")
    args = parser.parse_args()
    matches = simulate_matches(np.random.default_rng(0))
    sequences = [f"{i // (IMAGE_COUNT // SEQUENCE_COUNT)}" for i in range(IMAGE_COUNT)]
    resamples = bootstrap.resample_units(sequences, args.resamples)
    predictions = sum(len(m.scores) for m in matches[0])
    print(
        f"{predictions} predictions per source, {SOURCE_COUNT} sources, {args.resamples} resamples"
    )

    start = time.process_time()
    precisions = compute_ap_with_fusebench(matches, resamples)
    seconds = time.process_time() - start
    print(f"weighted average precision: {seconds:.1f} s")

    coco_eval = build_coco_eval(matches[0])
    start, largest_difference = time.process_time(), 0.0
    for call in range(args.calls):
        expected = compute_ap_with_pycocotools(coco_eval, resamples.image_weights[call])
        difference = float(np.abs(expected - precisions[0, :, call].T).max())
        largest_difference = max(largest_difference, difference)
    seconds_per_call = (time.process_time() - start) / args.calls
    extrapolated = seconds_per_call * args.resamples * SOURCE_COUNT
    print(
        f"pycocotools, accumulate alone: {seconds_per_call:.2f} s per call and source"
        f" ({args.calls} timed);"
    )
    print(
        f"  extrapolated to all: {extrapolated:.0f} s, {extrapolated / seconds:.0f} times as long"
    )
    print(f"largest difference between the two: {largest_difference:.1e}")


if __name__ == "__main__":
    run_program(main)
