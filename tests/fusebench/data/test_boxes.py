"""Box arrays and their conversion to and from COCO's format."""

import contextlib
import importlib
import io
import json

import numpy as np
import pytest

from fusebench.data import boxes
from fusebench.data.matching.keys import index_keys
from fusebench.errors import UserError

CLASSES = ("People", "Car")
SIZES = {"b": (40, 30), "a": (32, 24)}
PREDICTIONS = {
    "b": boxes.make_boxes([[1 / 3, 2.25, 10.1, 20]], [1], [0.1 + 0.2]),
    "a": boxes.make_boxes([], []),
}


def test_empty_lists_give_empty_boxes():
    empty = boxes.make_boxes([], [])
    assert empty.corners.shape == (0, 4)
    assert len(empty) == 0


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="2 classes for corners"):
        boxes.make_boxes([[0, 0, 1, 1]], [0, 1])
    with pytest.raises(ValueError, match="1 scores for 2 boxes"):
        boxes.make_boxes([[0, 0, 1, 1]] * 2, [0, 1], [0.5])


def test_coco_images_are_numbered_in_key_order_and_named_by_key():
    document = boxes.to_coco(PREDICTIONS, CLASSES, SIZES)
    assert document["images"] == [
        {"id": 1, "file_name": "a", "width": 32, "height": 24},
        {"id": 2, "file_name": "b", "width": 40, "height": 30},
    ]
    assert document["categories"] == [{"id": 1, "name": "People"}, {"id": 2, "name": "Car"}]


def test_coco_box_is_left_top_width_height_with_the_exact_score():
    (annotation,) = boxes.to_coco(PREDICTIONS, CLASSES, SIZES)["annotations"]
    assert annotation["image_id"] == 2
    assert annotation["category_id"] == 2
    assert annotation["bbox"] == pytest.approx([1 / 3, 2.25, 10.1 - 1 / 3, 17.75], rel=1e-15)
    assert annotation["score"] == 0.30000000000000004


def test_predictions_are_unchanged_by_conversion_to_json_and_back():
    document = json.loads(json.dumps(boxes.to_coco(PREDICTIONS, CLASSES, SIZES)))
    converted = boxes.from_coco(document, CLASSES)
    assert set(converted) == {"a", "b"}
    np.testing.assert_allclose(converted["b"].corners, PREDICTIONS["b"].corners, rtol=1e-14)
    np.testing.assert_array_equal(converted["b"].scores, PREDICTIONS["b"].scores)
    np.testing.assert_array_equal(converted["b"].class_ids, PREDICTIONS["b"].class_ids)
    assert len(converted["a"]) == 0


def test_ground_truth_is_converted_without_scores():
    truth = {"a": boxes.make_boxes([[0, 0, 4, 4]], [0])}
    document = boxes.to_coco(truth, CLASSES, SIZES)
    assert "score" not in document["annotations"][0]
    assert len(boxes.from_coco(document, CLASSES)["a"].scores) == 0


def test_ignored_boxes_are_cocos_crowd_regions_in_both_directions():
    truth = {"1": boxes.make_boxes([[0, 0, 4, 4], [2, 2, 9, 8]], [0, 1], ignored=[False, True])}
    document = boxes.to_coco(truth, CLASSES, {"1": (10, 10)})
    assert [annotation["iscrowd"] for annotation in document["annotations"]] == [0, 1]
    assert boxes.from_coco(document, CLASSES)["1"].ignored.tolist() == [False, True]


def test_no_box_is_ignored_by_default_and_a_selection_keeps_its_flags():
    assert boxes.make_boxes([[0, 0, 4, 4]], [0]).ignored.tolist() == [False]
    three = boxes.make_boxes([[0, 0, 4, 4], [1, 1, 2, 2], [2, 2, 9, 8]], [0, 1, 2], (), [0, 1, 0])
    assert three.select(np.array([2, 1])).ignored.tolist() == [False, True]
    assert three.drop_ignored().class_ids.tolist() == [0, 2]


def test_a_prediction_cannot_be_ignored():
    with pytest.raises(ValueError, match="predicted boxes cannot be ignored"):
        boxes.make_boxes([[0, 0, 4, 4]], [0], [0.5], [True])
    with pytest.raises(ValueError, match=r"expected bool \(1,\)"):
        boxes.make_boxes([[0, 0, 4, 4]], [0], ignored=[True, False])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("iscrowd", "1", "iscrowd '1', expected 0 or 1"), ("score", 0.5, "has iscrowd 1")],
)
def test_a_crowd_that_is_no_number_or_has_a_score_is_refused(field, value, message):
    truth = {"1": boxes.make_boxes([[0, 0, 4, 4]], [0], ignored=[True])}
    document = boxes.to_coco(truth, CLASSES, {"1": (10, 10)})
    document["annotations"][0][field] = value
    with pytest.raises(UserError, match=message):
        boxes.from_coco(document, CLASSES)


def test_only_an_image_extension_is_removed_from_a_key():
    truth = {key: boxes.make_boxes([[0, 0, 4, 4]], [0]) for key in ("a.rf.1", "a.rf.2")}
    document = boxes.to_coco(truth, CLASSES, dict.fromkeys(truth, (9, 9)))
    assert list(boxes.from_coco(document, CLASSES)) == ["a.rf.1", "a.rf.2"]
    document["images"][0]["file_name"] = "images/test/a.rf.1.JPG"
    assert list(boxes.from_coco(document, CLASSES)) == ["a.rf.1", "a.rf.2"]


@pytest.mark.parametrize(
    ("file_name", "key"),
    [
        ("a.jpg.png", "a.jpg"),
        ("a.jpg", "a.jpg"),
        ("a", "a.jpg"),
        ("b.png", "b"),
        ("x\\y/b.PNG", "b"),
        ("1:30.png", "1:30"),
        ("e\u0301.png", "\u00e9"),
        ("unknown.v2.png", "unknown.v2"),
    ],
)
def test_a_file_name_is_resolved_to_a_known_key(file_name, key):
    known_keys = index_keys(("a.jpg", "b", "1:30", "\u00e9"))
    assert boxes.get_image_key(file_name, known_keys) == key


def test_a_known_key_that_equals_the_name_is_preferred():
    known_keys = index_keys(("a", "a.jpg", "b.png", "b.tif"))
    assert boxes.get_image_key("a.jpg", known_keys) == "a.jpg"
    assert boxes.get_image_key("a", known_keys) == "a"
    assert boxes.get_image_key("b", known_keys) == "b"  # could be either


def test_categories_are_matched_by_name():
    document = boxes.to_coco(PREDICTIONS, CLASSES, SIZES)
    converted = boxes.from_coco(document, ("Car", "People"))
    assert list(converted["b"].class_ids) == [0]


def test_pycocotools_gives_perfect_predictions_an_average_precision_of_1():
    coco = importlib.import_module("pycocotools.coco")
    evaluation = importlib.import_module("pycocotools.cocoeval")
    truth = {
        "a": boxes.make_boxes([[2, 3, 12, 13]], [0]),
        "b": boxes.make_boxes([[0, 0, 9, 9]], [1]),
    }
    predictions = {
        key: boxes.make_boxes(true.corners, true.class_ids, [0.9]) for key, true in truth.items()
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco_truth = coco.COCO()
        coco_truth.dataset = {"info": {}, **boxes.to_coco(truth, CLASSES, SIZES)}
        coco_truth.createIndex()
        annotations = boxes.to_coco(predictions, CLASSES, SIZES)["annotations"]
        evaluator = evaluation.COCOeval(coco_truth, coco_truth.loadRes(annotations), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    assert evaluator.stats[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["categories"][1].update(name="Tram"), "class 'Tram' is none of People, Car"),
        (lambda d: d["annotations"][0].update(image_id=9), "not the expected form"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, 0, 5]), "has no area"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, float("nan"), 5]), "has no area"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, 5]), "not the expected form"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, 10**400, 5]), "not the expected form"),
        (lambda d: d["annotations"][0].update(bbox=[1e308, 1, 1e308, 5]), "not finite"),
        (lambda d: d["annotations"][0].update(bbox=[1e17, 1, 1, 5]), "has no area"),
        (lambda d: d["annotations"][0].update(score=float("nan")), "score nan is not finite"),
        (lambda d: d["annotations"][0].update(score=float("inf")), "score inf is not finite"),
        (lambda d: d["images"][0].update(file_name=3), "not the expected form"),
        (lambda d: d["images"][0].update(id=[]), "not the expected form"),
        (
            lambda d: (
                d["annotations"].append({**d["annotations"][0]}) or d["annotations"][0].pop("score")
            ),
            "some annotations have a score",
        ),
        (lambda d: d["images"][1].update(file_name="a.png"), "an image is listed twice"),
        (lambda d: d["images"].append(d["images"][0]), "an image is listed twice"),
        (lambda d: d.pop("images"), "not the expected form"),
    ],
)
def test_invalid_coco_document_is_refused(change, message):
    document = boxes.to_coco(PREDICTIONS, CLASSES, SIZES)
    change(document)
    with pytest.raises(UserError, match=message):
        boxes.from_coco(document, CLASSES)
