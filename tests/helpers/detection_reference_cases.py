"""The made-up detections of tests/reference/detection_scores.json, with what others compute."""

import json

from fusebench.data.boxes import make_boxes
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

REFERENCE_FILE = REFERENCE_FOLDER / "detection_scores.json"
CASES = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))["cases"]


def parse_case(case):
    """Truth, predictions and class names of one case."""
    truth, found = {}, {}
    for number, image in enumerate(case["images"]):
        true, seen = image["true"], image["found"]
        truth[f"{number:02}"] = make_boxes([row[:4] for row in true], [row[4] for row in true])
        found[f"{number:02}"] = make_boxes(
            [row[:4] for row in seen], [row[4] for row in seen], [row[5] for row in seen]
        )
    return truth, found, tuple("abcdef"[: case["classes"]])
