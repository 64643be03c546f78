"""Random true and predicted boxes, and their average precision by pycocotools."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fusebench.data.boxes import make_boxes, to_coco

CLASSES = ("a", "b", "c", "never there")


def make_random_boxes(seed, images=7):
    """True and predicted boxes: empty images and classes, ties, small and large, crowds."""
    rng = np.random.default_rng(seed)
    truth, predicted = {}, {}
    for number in range(images):
        n = int(rng.integers(0, 6)) * (number != 3)
        low = rng.uniform(0, 300, (n, 2))
        sides = rng.choice([12.0, 30.0, 60.0, 140.0], (n, 1)) * rng.uniform(0.7, 1.4, (n, 2))
        kinds = rng.integers(0, 2 + seed % 2, n)
        corners = np.hstack([low, low + sides])
        truth[f"{number:02}"] = make_boxes(corners, kinds)
        crowd = 400 if number == 1 and seed % 10 == 0 else 0
        extra = int(rng.integers(0, 6)) + crowd
        kept = rng.random(n) < 0.8
        near = np.repeat(corners[kept], 2, axis=0)
        near = (
            near + rng.normal(0, 0.06, near.shape) * np.repeat(sides[kept], 2, 0)[:, [0, 1, 0, 1]]
        )
        far = rng.uniform(0, 300, (extra, 2))
        far = np.hstack([far, far + rng.uniform(10, 120, (extra, 2))])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        labels = np.concatenate([np.repeat(kinds[kept], 2), rng.integers(0, 3, extra)])
        wrong = rng.random(len(labels)) < 0.1
        labels[wrong] = rng.integers(0, 3, wrong.sum())
        scores = rng.random(len(labels))
        if seed % 3 == 0:
            scores = scores.round(1)  # many ties, in one image too
        if number == 4:
            labels, scores, near, far = labels[:0], scores[:0], near[:0], far[:0]
        predicted[f"{number:02}"] = make_boxes(np.vstack([near, far]), labels, scores)
    return truth, predicted


def mark_ignored(truth, seed):
    """About a third of the true boxes ignored, some of them made larger, as regions are."""
    rng = np.random.default_rng(seed)
    marked = {}
    for key, boxes in truth.items():
        ignored = rng.random(len(boxes)) < 0.35
        corners = boxes.corners.copy()
        corners[ignored, 2:] += rng.choice([0.0, 30.0, 150.0], (ignored.sum(), 1))
        marked[key] = make_boxes(corners, boxes.class_ids, ignored=ignored)
    return marked


def compute_pycocotools_precision(truth, predicted, most=(100, 300)):
    """pycocotools' precision, (10, 101, classes, areas, most)."""
    sizes = dict.fromkeys(truth, (0, 0))
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set, predicted_set = COCO(), COCO()
        truth_set.dataset, predicted_set.dataset = (
            to_coco(x, CLASSES, sizes) for x in (truth, predicted)
        )
        truth_set.createIndex()
        predicted_set.createIndex()
        evaluation = COCOeval(truth_set, predicted_set, "bbox")
        evaluation.params.maxDets = list(most)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"]


def compute_pycocotools_ap(truth, predicted):
    """AP of pycocotools, (10, classes, areas, most); NaN where it says -1."""
    precision = compute_pycocotools_precision(truth, predicted)
    return np.where(precision[:, 0] < 0, np.nan, precision.mean(axis=1))


def repeat_images(boxes, times):
    """Every image as often as its number says, copies side by side."""
    return {
        f"{key}-{copy}": boxes[key]
        for key, n in zip(sorted(boxes), times, strict=True)
        for copy in range(n)
    }
