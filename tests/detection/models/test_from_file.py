"""Predictions from a COCO file: what is read, and what is refused."""

import json

import pytest

import fusebench
from detection.models import from_file
from fusebench.data.boxes import from_coco, make_boxes, to_coco
from fusebench.errors import UserError
from tests.helpers import random_boxes
from tests.helpers.tiny_detection_dataset import write_labeled_images


@pytest.fixture
def examples(tmp_path):
    return write_labeled_images(tmp_path / "images", 3, name="test")


def make_document(examples, **changes):
    """Return the true boxes as predictions with a score of 0.5."""
    truth = {pair.key: pair.boxes for pair in examples.split.pairs}
    sizes = {pair.key: pair.size for pair in examples.split.pairs}
    document = to_coco(truth, examples.split.classes, sizes)
    for row in document["annotations"]:
        row["score"] = 0.5
    return document | changes


def predict(folder, examples, content, **options):
    """Return the predictions of a file with ``content``."""
    file = folder / "boxes.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    options = from_file.Options(file=file, **options)
    return from_file.predict(folder, examples, options, from_file.Predict(), device="cpu")


def test_the_predictions_are_the_boxes_of_the_file(tmp_path, examples):
    predicted = predict(tmp_path, examples, make_document(examples))
    for pair in examples.split.pairs:
        boxes = predicted[pair.key]
        assert boxes.corners.tolist() == pair.boxes.corners.tolist()
        assert boxes.class_ids.tolist() == pair.boxes.class_ids.tolist()
        assert set(boxes.scores) == {0.5}


def test_images_are_matched_by_name_in_any_order_and_with_any_extension(tmp_path, examples):
    document = make_document(examples)
    for image in document["images"]:
        image["file_name"] = f"some/where/{image['file_name']}.jpg"
    document["images"].reverse()
    predicted = predict(tmp_path, examples, document)
    assert {key: len(boxes) for key, boxes in predicted.items()} == {"000": 1, "001": 2, "002": 1}


@pytest.mark.parametrize("name", ["..\\M3FD\\Vis\\{}.png", "C:\\{}.JPG", "/data/{}.tif", "{}"])
def test_folders_of_any_system_and_names_that_agree_with_the_ids_are_accepted(
    tmp_path, examples, name
):
    document = make_document(examples)
    names = {image["id"]: image["file_name"] for image in document["images"]}
    for image in document["images"]:
        image.update(file_name=name.format(image["file_name"]), width=0, height=None)
    for row in document["annotations"]:
        row.update(file_name=f"{names[row['image_id']]}.jpg", category_name=None)
    text = "\ufeff" + json.dumps(document)
    assert [len(b) for b in predict(tmp_path, examples, text).values()] == [1, 2, 1]


def test_images_without_a_file_name_are_matched_by_id(tmp_path, examples):
    document = make_document(examples)
    names = {image["id"]: image.pop("file_name") for image in document["images"]}
    for image in document["images"]:
        image["id"] = names[image["id"]]
    for row in document["annotations"]:
        row["image_id"] = names[row["image_id"]]
    assert [len(b) for b in predict(tmp_path, examples, document).values()] == [1, 2, 1]


def test_a_listed_image_without_boxes_has_no_detections(tmp_path, examples):
    predicted = predict(tmp_path, examples, make_document(examples, annotations=[]))
    assert [len(boxes) for boxes in predicted.values()] == [0, 0, 0]


def test_boxes_beyond_the_edge_are_kept_as_pycocotools_keeps_them(tmp_path, examples):
    document = make_document(examples)
    document["annotations"][0]["bbox"] = [-5, -5, 500, 500]
    predicted = predict(tmp_path, examples, document)
    assert predicted["000"].corners.tolist() == [[-5, -5, 495, 495]]


def test_boxes_beyond_the_edge_score_as_pycocotools_scores_the_file(tmp_path, examples):
    document = make_document(examples)
    for row in document["annotations"][:2]:
        left = row["bbox"][0]
        row["bbox"] = [-30, row["bbox"][1], left + row["bbox"][2] + 30, row["bbox"][3]]
    truth = {pair.key: pair.boxes for pair in examples.split.pairs}
    predicted = predict(tmp_path, examples, document)
    expected = random_boxes.compute_pycocotools_ap(truth, from_coco(document, ("wide", "tall")))
    scores = fusebench.average_precision(truth, predicted, classes=("wide", "tall"))
    by_class = [scores.by_class[name]["AP50"] for name in ("wide", "tall")]
    assert by_class == pytest.approx(list(expected[0, :2, 0, 0]))
    clipped = {
        key: make_boxes(boxes.corners.clip(0, [96, 64, 96, 64]), boxes.class_ids, boxes.scores)
        for key, boxes in predicted.items()
    }
    assert fusebench.average_precision(truth, clipped).mean["AP50"] > scores.mean["AP50"] + 0.1


def split_results(document):
    """Return COCO's list of results, and the document that lists images and categories."""
    rows = [
        {name: row[name] for name in ("image_id", "category_id", "bbox", "score")}
        for row in document["annotations"]
    ]
    return rows, document | {"annotations": []}


def test_a_list_of_results_is_read_with_the_file_of_its_images(tmp_path, examples):
    rows, image_list = split_results(make_document(examples))
    (tmp_path / "true.json").write_text(json.dumps(image_list))
    expected = predict(tmp_path, examples, make_document(examples))
    predicted = predict(tmp_path, examples, rows, images=tmp_path / "true.json")
    assert [boxes.corners.tolist() for boxes in predicted.values()] == [
        boxes.corners.tolist() for boxes in expected.values()
    ]
    empty = predict(tmp_path, examples, [], images=tmp_path / "true.json")
    assert [len(boxes) for boxes in empty.values()] == [0, 0, 0]


def test_a_list_of_results_without_its_images_is_refused(tmp_path, examples):
    with pytest.raises(UserError, match=r"boxes\.json: a bare list .* add the option images"):
        predict(tmp_path, examples, split_results(make_document(examples))[0])


def test_a_document_with_images_refuses_the_option_images(tmp_path, examples):
    (tmp_path / "true.json").write_text("{}")
    with pytest.raises(UserError, match=r"boxes\.json: lists its images itself"):
        predict(tmp_path, examples, make_document(examples), images=tmp_path / "true.json")


@pytest.mark.parametrize(
    ("image_list", "message"),
    [("{}", "has no list of images"), ('{"images": []}', "has no list of categories")],
)
def test_an_image_list_without_images_or_categories_is_refused(
    tmp_path, examples, image_list, message
):
    (tmp_path / "true.json").write_text(image_list)
    with pytest.raises(UserError, match=r"true\.json: " + message):
        predict(tmp_path, examples, [], images=tmp_path / "true.json")


def test_a_class_map_renames_merges_and_drops_categories(tmp_path, examples):
    document = make_document(examples)
    class_ids = [row["category_id"] for row in document["annotations"]]
    document["categories"] = [{"id": 1, "name": "plank"}, {"id": 2, "name": "post"}]
    merged = predict(tmp_path, examples, document, class_map={"plank": "tall", "post": "tall"})
    assert {class_id for boxes in merged.values() for class_id in boxes.class_ids} == {1}
    for class_map in ({"plank": "wide"}, {"plank": "wide", "post": None}):
        mapped = predict(tmp_path, examples, document, class_map=class_map)
        assert sum(map(len, mapped.values())) == class_ids.count(1) < len(class_ids)
    options = from_file.Options(
        file=tmp_path / "boxes.json", class_map={"plank": "wide", "post": None}
    )
    protocol = from_file.protocol(options, from_file.Predict())
    assert protocol["class map"] == "plank to wide; others dropped"


def test_a_class_map_with_an_unknown_class_or_category_is_refused(tmp_path, examples):
    with pytest.raises(UserError, match=r"class_map\.wide: 'round' is none of wide, tall"):
        predict(tmp_path, examples, make_document(examples), class_map={"wide": "round"})
    with pytest.raises(UserError, match=r"names 'post', which is none of its categories: wide, t"):
        predict(tmp_path, examples, make_document(examples), class_map={"post": "tall"})


def test_a_file_without_a_class_of_the_data_set_is_refused(tmp_path, examples):
    document = make_document(examples)
    removed = document["categories"].pop()
    document["annotations"] = [
        r for r in document["annotations"] if r["category_id"] != removed["id"]
    ]
    with pytest.raises(UserError, match=r"boxes\.json: has no category tall, so its AP would be 0"):
        predict(tmp_path, examples, document)
    mapped = predict(tmp_path, examples, document, class_map={"wide": "wide"})
    assert sum(map(len, mapped.values())) == len(document["annotations"]) > 0
    (tmp_path / "true.json").write_text(json.dumps(document | {"annotations": []}))
    with pytest.raises(UserError, match=r"true\.json: has no category tall"):
        predict(tmp_path, examples, document["annotations"], images=tmp_path / "true.json")


def remove_last_image(document):
    removed = document["images"].pop()
    document["annotations"] = [r for r in document["annotations"] if r["image_id"] != removed["id"]]


def name_image(row, file_name):
    return row.update(file_name=file_name)


CHANGES = {
    "name of another image": lambda d: name_image(d["annotations"][0], "x/001.png"),
    "name of another class": lambda d: d["annotations"][0].update(category_name="round"),
    "other size": lambda d: d["images"][1].update(width=640, height=480),
    "file name": lambda d: d["images"][0].update(file_name=["000"]),
    "list as id": lambda d: d["images"][0].update(id=[1]),
    "same numbers": lambda d: d["annotations"].append(
        {**d["annotations"][0], "bbox": [float(v) for v in d["annotations"][0]["bbox"]]}
    ),
    "unknown image": lambda d: d["images"].append({"id": 99, "file_name": "999"}),
    "missing image": remove_last_image,
    "unknown class": lambda d: d["categories"][0].update(name="elephant"),
    "image twice": lambda d: d["images"].append(d["images"][0]),
    "file twice": lambda d: d["images"].append(d["images"][0] | {"id": 99}),
    "category twice": lambda d: d["categories"].append(d["categories"][0]),
    "nameless category": lambda d: d["categories"][0].pop("name"),
    "image without id": lambda d: d["images"][0].pop("id"),
    "prediction twice": lambda d: d["annotations"].append(d["annotations"][0]),
    "no score": lambda d: d["annotations"][0].pop("score"),
}
FIELDS = {
    "image id": ("image_id", 77),
    "category id": ("category_id", "1"),
    "negative size": ("bbox", [1, 1, -3, 4]),
    "no width": ("bbox", [1, 1, 0, 4]),
    "NaN corner": ("bbox", [float("nan"), 1, 3, 4]),
    "three numbers": ("bbox", [1, 1, 3]),
    "outside": ("bbox", [200, 200, 5, 5]),
    "NaN": ("score", float("nan")),
    "infinite": ("score", float("inf")),
    "above one": ("score", 1.5),
    "text": ("score", "high"),
    "true": ("score", True),
    "huge": ("score", 10**400),
}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown image", "has '999'"),
        ("name of another image", "file_name 'x/001.png' contradicts image_id, .* listed as '000'"),
        ("name of another class", "category_name 'round' contradicts category_id"),
        ("other size", "lists '001' with 640x480 pixels, but the image has 96x64"),
        ("file name", "images|lists 3 images"),
        ("list as id", "images: id .1. is neither a number nor text"),
        ("same numbers", "same box, class and score as an earlier prediction"),
        ("missing image", "lacks '002'"),
        ("unknown class", "class 'elephant' is none of wide, tall"),
        ("image twice", "images: id 1 is listed 2 times"),
        ("file twice", "an image is listed twice"),
        ("category twice", "categories: id 1 is listed 2 times"),
        ("nameless category", "categories: .* has no name"),
        ("image without id", "images: an entry has no id"),
        ("prediction twice", "prediction 5 .*: same box, class and score as an earlier prediction"),
        ("image id", "prediction 1: image_id 77 is none of the 3 listed"),
        (
            "category id",
            "prediction 1: category_id '1' is none of the 2 listed; write the ids as n",
        ),
        ("negative size", r"prediction 1 \(image 1\): bbox \[1, 1, -3, 4\] has no area"),
        ("no width", "has no area"),
        ("NaN corner", "NaN is no finite number"),
        ("three numbers", "expected .left, top, width, height., four numbers"),
        (
            "outside",
            r"000: a box from \(200, 200\) to \(205, 205\) lies outside the image of 96x64",
        ),
        ("no score", "expected a score from 0 to 1 for every box, got None"),
        ("NaN", "NaN is no finite number"),
        ("infinite", "Infinity is no finite number"),
        ("above one", "got 1.5; divide percentages by 100"),
        ("text", "got 'high'"),
        ("true", "got True"),
        ("huge", "has 401 digits"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path, examples, name, message):
    document = make_document(examples)
    if name in FIELDS:
        field, value = FIELDS[name]
        document["annotations"][0][field] = value
    else:
        CHANGES[name](document)
    with pytest.raises(UserError, match=r"boxes\.json: .*" + message):
        predict(tmp_path, examples, document)


def test_coordinates_as_fractions_of_the_image_are_refused(tmp_path, examples):
    document = make_document(examples)
    for row in document["annotations"]:
        row["bbox"] = [value / 100 for value in row["bbox"]]
    with pytest.raises(UserError, match=r"boxes\.json: .*look like fractions of the image"):
        predict(tmp_path, examples, document)


@pytest.mark.parametrize(
    "content", ["[]", "{}", "not JSON", "3", '{"images": 3}', '{"images": [1]}']
)
def test_a_file_that_is_no_detection_file_is_refused(tmp_path, examples, content):
    with pytest.raises(UserError, match=r"boxes\.json"):
        predict(tmp_path, examples, content)


def test_a_missing_file_is_an_error_when_planning(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        from_file.dependency_hashes(from_file.Options(file=tmp_path / "none.json"))
