"""Other people's boxes: what is read, and what is refused."""

import json

import pytest
from detection_toy import examples

from bench.boxes import to_coco
from bench.errors import BenchError
from detection.models import fixed


@pytest.fixture
def the_images(tmp_path):
    return examples(tmp_path / "images", 3, name="test")


def document(shown, **changes):
    """The true boxes as if they were found, with a score each."""
    truth = {pair.key: pair.boxes for pair in shown.split.pairs}
    sizes = {pair.key: pair.size for pair in shown.split.pairs}
    made = to_coco(truth, shown.split.classes, sizes)
    for row in made["annotations"]:
        row["score"] = 0.5
    return made | changes


def predict(folder, shown, content):
    file = folder / "boxes.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    options = fixed.Options(file=file)
    return fixed.predict(folder, shown, options, fixed.Predict(), device="cpu")


def test_gives_back_the_boxes_of_the_file(tmp_path, the_images):
    found = predict(tmp_path, the_images, document(the_images))
    for pair in the_images.split.pairs:
        assert found[pair.key].corners.tolist() == pair.boxes.corners.tolist()
        assert found[pair.key].classes.tolist() == pair.boxes.classes.tolist()
        assert set(found[pair.key].scores) == {0.5}


def the_images_are_matched_by_name_whatever_their_order_and_ending(tmp_path, the_images):
    made = document(the_images)
    for image in made["images"]:
        image["file_name"] = f"some/where/{image['file_name']}.jpg"
    made["images"].reverse()
    found = predict(tmp_path, the_images, made)
    assert {key: len(boxes) for key, boxes in found.items()} == {"000": 1, "001": 2, "002": 1}


def the_images_without_a_file_name_are_matched_by_id(tmp_path, the_images):
    made = document(the_images)
    names = {image["id"]: image.pop("file_name") for image in made["images"]}
    for image in made["images"]:
        image["id"] = names[image["id"]]
    for row in made["annotations"]:
        row["image_id"] = names[row["image_id"]]
    assert [len(b) for b in predict(tmp_path, the_images, made).values()] == [1, 2, 1]


def test_a_listed_image_without_boxes_is_one_where_nothing_was_found(tmp_path, the_images):
    found = predict(tmp_path, the_images, document(the_images, annotations=[]))
    assert [len(boxes) for boxes in found.values()] == [0, 0, 0]


def test_boxes_are_clipped_to_the_image(tmp_path, the_images):
    made = document(the_images)
    made["annotations"][0]["bbox"] = [-5, -5, 500, 500]
    made["annotations"][1]["bbox"] = [200, 200, 5, 5]
    found = predict(tmp_path, the_images, made)
    assert found["000"].corners.tolist() == [[0, 0, 96, 64]]
    assert len(found["001"]) == 1


def broken(name):
    def change(made):
        row = made["annotations"][0]
        if name == "unknown image":
            made["images"].append({"id": 99, "file_name": "999"})
        elif name == "missing image":
            gone = made["images"].pop()
            made["annotations"] = [r for r in made["annotations"] if r["image_id"] != gone["id"]]
        elif name == "unknown class":
            made["categories"][0]["name"] = "elephant"
        elif name == "negative size":
            row["bbox"][2] = -3
        elif name == "no score":
            del row["score"]
        else:
            row["score"] = {"NaN": float("nan"), "above one": 1.5, "text": "high"}[name]

    return change


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown image", "has '999'"),
        ("missing image", "lacks '002'"),
        ("unknown class", "class 'elephant' is none of wide, tall"),
        ("negative size", "has no area"),
        ("no score", "expected a score from 0 to 1 for every box, got None"),
        ("NaN", "got nan"),
        ("above one", "got 1.5"),
        ("text", "got 'high'"),
    ],
)
def test_refuses_a_file_that_does_not_fit(tmp_path, the_images, name, message):
    made = document(the_images)
    broken(name)(made)
    with pytest.raises(BenchError, match=r"boxes\.json: .*" + message):
        predict(tmp_path, the_images, made)


@pytest.mark.parametrize("content", ["[]", "{}", "not JSON", '{"images": 3}', '{"images": [1]}'])
def test_refuses_what_is_no_detection_file(tmp_path, the_images, content):
    with pytest.raises(BenchError, match=r"boxes\.json"):
        predict(tmp_path, the_images, content)


def test_a_missing_file_is_found_out_when_planning(tmp_path):
    with pytest.raises(BenchError, match="no such file"):
        fixed.pins(fixed.Options(file=tmp_path / "none.json"))
