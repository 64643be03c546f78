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

from bench import average_precision, boxes
from bench.matches import ClassMatches
from reports.significance import resampling, synthetic
from reports.significance.resampling import Draws
from reports.significance.synthetic import World

IMAGES, CLASSES, SOURCES, GROUPS = 840, 6, 3, 42
TRUE, FALSE = 8.0, 60.0  # boxes per image, all classes together; M3FD has 8 true ones
WORLD = World(boxes=TRUE / CLASSES, alarms=FALSE / CLASSES)


def tables(rng: np.random.Generator) -> list[list[ClassMatches]]:
    """The matches of every source and class."""
    sizes = np.full(GROUPS, IMAGES // GROUPS)
    shown = [synthetic.scenes(WORLD, sizes, rng) for _ in range(CLASSES)]
    return [[synthetic.detect(WORLD, on, rng) for on in shown] for _ in range(SOURCES)]


def judge(found: list[ClassMatches]) -> Any:
    """A COCOeval that holds these matches as if it had evaluated them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    keys = {f"{i:03d}": boxes.make([[0, 0, 1, 1]], [0], [1]) for i in range(IMAGES)}
    coco = COCO()
    names = [str(i) for i in range(CLASSES)]
    coco.dataset = boxes.to_coco(keys, names, dict.fromkeys(keys, (1, 1)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    made = COCOeval(coco, coco, "bbox")
    made.params.areaRng, made.params.areaRngLbl = [made.params.areaRng[0]], ["all"]
    made.params.maxDets = [average_precision.MOST]
    made._paramsEval = made.params
    made.evalImgs = [_said(one, image) for one in found for image in range(IMAGES)]
    return made


def _said(one: ClassMatches, image: int) -> dict[str, Any]:
    mine = one.images == image
    truths = int(one.truths[0, image])
    return {
        "dtScores": one.scores[mine].tolist(),
        "dtMatches": one.hits[0][:, mine].astype(float),
        "dtIgnore": one.ignored[0][:, mine],
        "gtIgnore": np.zeros(truths),
    }


def theirs(made: Any, weights: np.ndarray) -> np.ndarray:
    """AP (thresholds, classes) of one resample by pycocotools."""
    times = np.repeat(np.arange(IMAGES), weights.astype(int))
    whole = made.evalImgs
    made.evalImgs = [whole[c * IMAGES + i] for c in range(CLASSES) for i in times]
    made.params.imgIds = list(range(len(times)))
    with contextlib.redirect_stdout(io.StringIO()):
        made.accumulate()
    made.evalImgs = whole
    return made.eval["precision"][:, :, :, 0, 0].mean(axis=1)


def ours(every: list[list[ClassMatches]], draws: Draws) -> np.ndarray:
    """AP (sources, classes, resamples, thresholds)."""
    weights = draws.weights
    return np.array([[average_precision.weighted(one, weights) for one in s] for s in every])


def main() -> None:
    """Print the comparison."""
    flags = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    flags.add_argument("--resamples", type=int, default=resampling.RESAMPLES)
    flags.add_argument("--calls", type=int, default=3, help="of pycocotools")
    args = flags.parse_args()
    every = tables(np.random.default_rng(0))
    groups = [f"{i // (IMAGES // GROUPS)}" for i in range(IMAGES)]
    draws = resampling.draw(groups, args.resamples)
    number = sum(len(one.scores) for one in every[0])
    print(f"{number} predictions per source, {SOURCES} sources, {args.resamples} resamples")
    start = time.process_time()
    found = ours(every, draws)
    spent = time.process_time() - start
    print(f"weighted average precision: {spent:.1f} s")
    made = judge(every[0])
    start, gap = time.process_time(), 0.0
    for call in range(args.calls):
        again = theirs(made, draws.weights[call])
        gap = max(gap, float(np.abs(again - found[0, :, call].T).max()))
    each = (time.process_time() - start) / args.calls
    whole = each * args.resamples * SOURCES
    print(f"pycocotools, accumulate alone: {each:.2f} s a call and source ({args.calls} timed);")
    print(f"  extrapolated to all: {whole:.0f} s, {whole / spent:.0f} times as long")
    print(f"largest difference between the two: {gap:.1e}")


if __name__ == "__main__":
    main()
