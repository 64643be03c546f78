"""Synthetic detections of tests/reference, with other programs' scores."""

import json

import numpy as np

from fusebench.data.boxes import make_boxes
from fusebench.evaluation import average_precision
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER


def read_cases(name):
    """Read the cases of a reference file."""
    return json.loads((REFERENCE_FOLDER / name).read_text(encoding="utf-8"))["cases"]


CASES = read_cases("detection_scores.json")
PEDESTRIAN_CASES = read_cases("pedestrian_scores.json")  # with ignored boxes


def parse_case(case):
    """Return true boxes, predictions and class names of one case."""
    truth, predicted = {}, {}
    for number, image in enumerate(case["images"]):
        true_rows, rows = image["true"], image["found"]
        truth[f"{number:02}"] = make_boxes(
            [row[:4] for row in true_rows],
            [row[4] for row in true_rows],
            ignored=[bool(row[5]) for row in true_rows if len(row) > 5],
        )
        predicted[f"{number:02}"] = make_boxes(
            [row[:4] for row in rows], [row[4] for row in rows], [row[5] for row in rows]
        )
    return truth, predicted, tuple("abcdef"[: case["classes"]])


def read_curve_as_tide(monkeypatch):
    """TIDE reads the curve at k / 100, COCO at linspace(0, 1, 101): the last digit differs."""
    recalls = np.arange(101) / 100
    monkeypatch.setattr(
        average_precision,
        "_count_reached_recalls",
        lambda recall, _: recalls.searchsorted(recall, side="right").astype(float),
    )
