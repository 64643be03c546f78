"""Predicted boxes in the store."""

import json
from pathlib import Path

import pytest

from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.storage import predicted_boxes

KEYS = ("a", "a.jpg", "b.tif.png")
SPLIT = Split("toy", "test", ("Car",), tuple(Pair(k, Path(k), Path(k), (32, 24)) for k in KEYS))
BOXES = {
    key: make_boxes([[i, 1, i + 2.5, 4]], [0], [0.25 * i])
    for i, key in enumerate(("a", "a.jpg", "b.tif.png"))
}


def test_boxes_are_unchanged_by_writing_and_reading_whatever_dots_the_keys_have(tmp_path):
    predicted_boxes.write_predicted_boxes(tmp_path, BOXES, SPLIT)
    boxes = predicted_boxes.read_predicted_boxes(tmp_path, SPLIT)
    for key in KEYS:
        assert boxes[key].corners.tolist() == BOXES[key].corners.tolist()
        assert boxes[key].scores.tolist() == BOXES[key].scores.tolist()


@pytest.mark.parametrize("corner", [float("nan"), float("inf")])
def test_boxes_that_are_not_finite_are_not_written(tmp_path, corner):
    boxes = BOXES | {"a": make_boxes([[0, 1, corner, 4]], [0], [0.5])}
    with pytest.raises(UserError, match=r"toy/test: image a: .* not finite"):
        predicted_boxes.write_predicted_boxes(tmp_path, boxes, SPLIT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: "{", "not JSON"),
        (lambda d: [], "no COCO document"),
        (lambda d: d | {"images": d["images"][:2], "annotations": []}, "lacks image 'b.tif.png'"),
        (lambda d: d | {"annotations": [{**d["annotations"][0], "bbox": [1]}]}, "not the expected"),
        (
            lambda d: d | {"annotations": [{**r, "score": 2e308} for r in d["annotations"]]},
            "finite",
        ),
        (
            lambda d: (
                d
                | {
                    "annotations": [
                        {k: v for k, v in r.items() if k != "score"} for r in d["annotations"]
                    ]
                }
            ),
            "boxes without a score",
        ),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it_and_the_repair(tmp_path, change, message):
    predicted_boxes.write_predicted_boxes(tmp_path, BOXES, SPLIT)
    path = tmp_path / "predictions.json"
    content = change(json.loads(path.read_text()))
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=rf"predictions\.json: damaged \(.*{message}") as error:
        predicted_boxes.read_predicted_boxes(tmp_path, SPLIT)
    assert "fusebench verify --repair" in str(error.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"predictions\.json: damaged \(no such file"):
        predicted_boxes.read_predicted_boxes(tmp_path, SPLIT)
