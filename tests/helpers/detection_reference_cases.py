"""Synthetic detections of tests/reference/detection_scores.json, with other programs' scores."""

import json

from fusebench.data.boxes import make_boxes
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

REFERENCE_FILE = REFERENCE_FOLDER / "detection_scores.json"
CASES = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))["cases"]


def parse_case(case):
    """Return true boxes, predictions and class names of one case."""
    truth, predicted = {}, {}
    for number, image in enumerate(case["images"]):
        true_rows, rows = image["true"], image["found"]
        truth[f"{number:02}"] = make_boxes(
            [row[:4] for row in true_rows], [row[4] for row in true_rows]
        )
        predicted[f"{number:02}"] = make_boxes(
            [row[:4] for row in rows], [row[4] for row in rows], [row[5] for row in rows]
        )
    return truth, predicted, tuple("abcdef"[: case["classes"]])
