"""Other people's boxes: what is read, and what is refused."""

import json

import pytest

from detection.models import from_file
from fusebench.data.boxes import to_coco
from fusebench.errors import UserError
from tests.helpers.tiny_detection_dataset import write_labeled_images


@pytest.fixture
def the_images(tmp_path):
    return write_labeled_images(tmp_path / "images", 3, name="test")


def document(shown, **changes):
    """The true boxes as if they were found, with a score each."""
    truth = {pair.key: pair.boxes for pair in shown.split.pairs}
    sizes = {pair.key: pair.size for pair in shown.split.pairs}
    made = to_coco(truth, shown.split.classes, sizes)
    for row in made["annotations"]:
        row["score"] = 0.5
    return made | changes


def predict(folder, shown, content, **given):
    file = folder / "boxes.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    options = from_file.Options(file=file, **given)
    return from_file.predict(folder, shown, options, from_file.Predict(), device="cpu")


def test_gives_back_the_boxes_of_the_file(tmp_path, the_images):
    found = predict(tmp_path, the_images, document(the_images))
    for pair in the_images.split.pairs:
        assert found[pair.key].corners.tolist() == pair.boxes.corners.tolist()
        assert found[pair.key].class_ids.tolist() == pair.boxes.class_ids.tolist()
        assert set(found[pair.key].scores) == {0.5}


def test_images_are_matched_by_name_whatever_their_order_and_ending(tmp_path, the_images):
    made = document(the_images)
    for image in made["images"]:
        image["file_name"] = f"some/where/{image['file_name']}.jpg"
    made["images"].reverse()
    found = predict(tmp_path, the_images, made)
    assert {key: len(boxes) for key, boxes in found.items()} == {"000": 1, "001": 2, "002": 1}


def test_images_without_a_file_name_are_matched_by_id(tmp_path, the_images):
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
    found = predict(tmp_path, the_images, made)
    assert found["000"].corners.tolist() == [[0, 0, 96, 64]]


def results(made):
    """The document as COCO's list of results, and the document that says what its ids mean."""
    rows = [
        {name: row[name] for name in ("image_id", "category_id", "bbox", "score")}
        for row in made["annotations"]
    ]
    return rows, made | {"annotations": []}


def test_a_list_of_results_is_read_with_the_file_that_lists_its_images(tmp_path, the_images):
    rows, listing = results(document(the_images))
    (tmp_path / "true.json").write_text(json.dumps(listing))
    whole = predict(tmp_path, the_images, document(the_images))
    found = predict(tmp_path, the_images, rows, images=tmp_path / "true.json")
    assert [boxes.corners.tolist() for boxes in found.values()] == [
        boxes.corners.tolist() for boxes in whole.values()
    ]
    nothing = predict(tmp_path, the_images, [], images=tmp_path / "true.json")
    assert [len(boxes) for boxes in nothing.values()] == [0, 0, 0]


def test_a_list_of_results_alone_does_not_say_which_images_were_looked_at(tmp_path, the_images):
    with pytest.raises(UserError, match=r"boxes\.json: a bare list .* add the option images"):
        predict(tmp_path, the_images, results(document(the_images))[0])


def test_a_document_with_images_needs_no_other(tmp_path, the_images):
    (tmp_path / "true.json").write_text("{}")
    with pytest.raises(UserError, match=r"boxes\.json: lists its images itself"):
        predict(tmp_path, the_images, document(the_images), images=tmp_path / "true.json")


@pytest.mark.parametrize(
    ("listing", "message"),
    [("{}", "has no list of images"), ('{"images": []}', "has no list of categories")],
)
def test_a_listing_without_images_or_categories_is_refused(tmp_path, the_images, listing, message):
    (tmp_path / "true.json").write_text(listing)
    with pytest.raises(UserError, match=r"true\.json: " + message):
        predict(tmp_path, the_images, [], images=tmp_path / "true.json")


def test_a_class_map_renames_joins_and_drops(tmp_path, the_images):
    made = document(the_images)
    kinds = [row["category_id"] for row in made["annotations"]]
    made["categories"] = [{"id": 1, "name": "plank"}, {"id": 2, "name": "post"}]
    both = predict(tmp_path, the_images, made, class_map={"plank": "tall", "post": "tall"})
    assert {kind for boxes in both.values() for kind in boxes.class_ids} == {1}
    for dropped in ({"plank": "wide"}, {"plank": "wide", "post": None}):
        kept = predict(tmp_path, the_images, made, class_map=dropped)
        assert sum(map(len, kept.values())) == kinds.count(1) < len(kinds)
    options = from_file.Options(
        file=tmp_path / "boxes.json", class_map={"plank": "wide", "post": None}
    )
    said = from_file.protocol(options, from_file.Predict())
    assert said["class map"] == "plank to wide; others dropped"


def test_a_class_map_that_names_what_is_not_there_is_refused(tmp_path, the_images):
    with pytest.raises(UserError, match=r"class_map\.wide: 'round' is none of wide, tall"):
        predict(tmp_path, the_images, document(the_images), class_map={"wide": "round"})
    with pytest.raises(UserError, match=r"names 'post', which is none of its categories: wide, t"):
        predict(tmp_path, the_images, document(the_images), class_map={"post": "tall"})


def test_a_file_without_a_class_of_the_data_set_is_refused(tmp_path, the_images):
    made = document(the_images)
    lost = made["categories"].pop()
    made["annotations"] = [r for r in made["annotations"] if r["category_id"] != lost["id"]]
    with pytest.raises(UserError, match=r"boxes\.json: has no category tall, so its AP would be 0"):
        predict(tmp_path, the_images, made)
    kept = predict(
        tmp_path, the_images, made, class_map={"wide": "wide"}
    )  # see fusebench.experiments.specs
    assert sum(map(len, kept.values())) == len(made["annotations"]) > 0
    (tmp_path / "true.json").write_text(json.dumps(made | {"annotations": []}))
    with pytest.raises(UserError, match=r"true\.json: has no category tall"):
        predict(tmp_path, the_images, made["annotations"], images=tmp_path / "true.json")


def without_the_last_image(made):
    gone = made["images"].pop()
    made["annotations"] = [r for r in made["annotations"] if r["image_id"] != gone["id"]]


LISTS = {
    "unknown image": lambda made: made["images"].append({"id": 99, "file_name": "999"}),
    "missing image": without_the_last_image,
    "unknown class": lambda made: made["categories"][0].update(name="elephant"),
    "image twice": lambda made: made["images"].append(made["images"][0]),
    "file twice": lambda made: made["images"].append(made["images"][0] | {"id": 99}),
    "category twice": lambda made: made["categories"].append(made["categories"][0]),
    "nameless category": lambda made: made["categories"][0].pop("name"),
    "image without id": lambda made: made["images"][0].pop("id"),
    "prediction twice": lambda made: made["annotations"].append(made["annotations"][0]),
    "no score": lambda made: made["annotations"][0].pop("score"),
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
        ("missing image", "lacks '002'"),
        ("unknown class", "class 'elephant' is none of wide, tall"),
        ("image twice", "images: id 1 is listed 2 times"),
        ("file twice", "an image is listed twice"),
        ("category twice", "categories: id 1 is listed 2 times"),
        ("nameless category", "categories: .* has no name"),
        ("image without id", "images: an entry has no id"),
        ("prediction twice", "prediction 5 .*: the same box, class and score as one before"),
        ("image id", "prediction 1: image_id 77 is none of the 3 listed"),
        ("category id", "prediction 1: category_id '1' is none of the 2 listed"),
        ("negative size", r"prediction 1 \(image 1\): bbox \[1, 1, -3, 4\] has no area"),
        ("no width", "has no area"),
        ("NaN corner", "expected .left, top, width, height., four numbers"),
        ("three numbers", "expected .left, top, width, height., four numbers"),
        (
            "outside",
            r"000: a box from \(200, 200\) to \(205, 205\) lies outside the image of 96x64",
        ),
        ("no score", "expected a score from 0 to 1 for every box, got None"),
        ("NaN", "got nan"),
        ("infinite", "got inf"),
        ("above one", "got 1.5"),
        ("text", "got 'high'"),
        ("true", "got True"),
        ("huge", "got 1000"),
    ],
)
def test_refuses_a_file_that_does_not_fit(tmp_path, the_images, name, message):
    made = document(the_images)
    if name in FIELDS:
        field, value = FIELDS[name]
        made["annotations"][0][field] = value
    else:
        LISTS[name](made)
    with pytest.raises(UserError, match=r"boxes\.json: .*" + message):
        predict(tmp_path, the_images, made)


def test_refuses_coordinates_that_are_shares_of_the_image(tmp_path, the_images):
    made = document(the_images)
    for row in made["annotations"]:
        row["bbox"] = [value / 100 for value in row["bbox"]]
    with pytest.raises(UserError, match=r"boxes\.json: .*look like shares of the image"):
        predict(tmp_path, the_images, made)


@pytest.mark.parametrize(
    "content", ["[]", "{}", "not JSON", "3", '{"images": 3}', '{"images": [1]}']
)
def test_refuses_what_is_no_detection_file(tmp_path, the_images, content):
    with pytest.raises(UserError, match=r"boxes\.json"):
        predict(tmp_path, the_images, content)


def test_a_missing_file_is_found_out_when_planning(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        from_file.dependency_hashes(from_file.Options(file=tmp_path / "none.json"))
