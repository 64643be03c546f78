import contextlib
import importlib
import io
import json

import numpy as np
import pytest

from fusebench.data import boxes
from fusebench.errors import UserError

CLASSES = ("People", "Car")
SIZES = {"b": (40, 30), "a": (32, 24)}
FOUND = {
    "b": boxes.make_boxes([[1 / 3, 2.25, 10.1, 20]], [1], [0.1 + 0.2]),
    "a": boxes.make_boxes([], []),
}


def test_nothing_at_all_is_an_empty_boxes():
    nothing = boxes.make_boxes([], [])
    assert nothing.corners.shape == (0, 4)
    assert len(nothing) == 0


def test_as_many_classes_as_corners_or_it_is_a_bug():
    with pytest.raises(ValueError, match="2 classes for corners"):
        boxes.make_boxes([[0, 0, 1, 1]], [0, 1])
    with pytest.raises(ValueError, match="1 scores for 2 boxes"):
        boxes.make_boxes([[0, 0, 1, 1]] * 2, [0, 1], [0.5])


def test_images_are_numbered_in_key_order_and_named_by_key():
    document = boxes.to_coco(FOUND, CLASSES, SIZES)
    assert document["images"] == [
        {"id": 1, "file_name": "a", "width": 32, "height": 24},
        {"id": 2, "file_name": "b", "width": 40, "height": 30},
    ]
    assert document["categories"] == [{"id": 1, "name": "People"}, {"id": 2, "name": "Car"}]


def test_a_box_is_left_top_width_height_with_its_score_in_full():
    (row,) = boxes.to_coco(FOUND, CLASSES, SIZES)["annotations"]
    assert row["image_id"] == 2
    assert row["category_id"] == 2
    assert row["bbox"] == pytest.approx([1 / 3, 2.25, 10.1 - 1 / 3, 17.75], rel=1e-15)
    assert row["score"] == 0.30000000000000004


def test_predictions_survive_the_way_through_a_json_file():
    document = json.loads(json.dumps(boxes.to_coco(FOUND, CLASSES, SIZES)))
    back = boxes.from_coco(document, CLASSES)
    assert set(back) == {"a", "b"}
    np.testing.assert_allclose(back["b"].corners, FOUND["b"].corners, rtol=1e-14)
    np.testing.assert_array_equal(back["b"].scores, FOUND["b"].scores)
    np.testing.assert_array_equal(back["b"].class_ids, FOUND["b"].class_ids)
    assert len(back["a"]) == 0


def test_true_boxes_come_back_without_scores():
    truth = {"a": boxes.make_boxes([[0, 0, 4, 4]], [0])}
    document = boxes.to_coco(truth, CLASSES, SIZES)
    assert "score" not in document["annotations"][0]
    assert len(boxes.from_coco(document, CLASSES)["a"].scores) == 0


def test_keys_with_dots_stay_apart_and_only_an_image_extension_is_no_part_of_a_key():
    truth = {key: boxes.make_boxes([[0, 0, 4, 4]], [0]) for key in ("a.rf.1", "a.rf.2")}
    document = boxes.to_coco(truth, CLASSES, dict.fromkeys(truth, (9, 9)))
    assert list(boxes.from_coco(document, CLASSES)) == ["a.rf.1", "a.rf.2"]
    document["images"][0]["file_name"] = "images/test/a.rf.1.JPG"
    assert list(boxes.from_coco(document, CLASSES)) == ["a.rf.1", "a.rf.2"]


def test_other_peoples_category_ids_are_matched_by_name():
    document = boxes.to_coco(FOUND, CLASSES, SIZES)
    back = boxes.from_coco(document, ("Car", "People"))
    assert list(back["b"].class_ids) == [0]


def test_pycocotools_loads_truth_and_predictions_and_finds_them_equal():
    coco = importlib.import_module("pycocotools.coco")
    evaluation = importlib.import_module("pycocotools.cocoeval")
    truth = {
        "a": boxes.make_boxes([[2, 3, 12, 13]], [0]),
        "b": boxes.make_boxes([[0, 0, 9, 9]], [1]),
    }
    guess = {k: boxes.make_boxes(v.corners, v.class_ids, [0.9]) for k, v in truth.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        ground = coco.COCO()
        ground.dataset = {"info": {}, **boxes.to_coco(truth, CLASSES, SIZES)}
        ground.createIndex()
        found = ground.loadRes(boxes.to_coco(guess, CLASSES, SIZES)["annotations"])
        judge = evaluation.COCOeval(ground, found, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert judge.stats[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["categories"][1].update(name="Tram"), "class 'Tram' is none of People, Car"),
        (lambda d: d["annotations"][0].update(image_id=9), "not the expected form"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, 0, 5]), "has no area"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, float("nan"), 5]), "has no area"),
        (lambda d: d["annotations"][0].update(bbox=[1, 1, 5]), "not the expected form"),
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
def test_a_document_of_another_form_is_refused(change, says):
    document = boxes.to_coco(FOUND, CLASSES, SIZES)
    change(document)
    with pytest.raises(UserError, match=says):
        boxes.from_coco(document, CLASSES)
