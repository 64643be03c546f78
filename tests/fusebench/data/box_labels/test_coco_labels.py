"""Ground truth in COCO files: boxes by hand, and what is refused."""

import json

import pytest

from fusebench.data.box_labels.coco_labels import read_coco_boxes, read_coco_file
from fusebench.errors import UserError

SIZE = (100, 80)
CLASS_IDS = {"person": 0, "car": 1, "dog": None}


def build_document(annotations=(), images=None, categories=None):
    return {
        "images": images or [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 80}],
        "categories": categories
        or [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}, {"id": 9, "name": "dog"}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, **annotation}
            for number, annotation in enumerate(annotations)
        ],
    }


def read(tmp_path, document):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    return read_coco_file(path)


def read_boxes(tmp_path, *annotations):
    file = read(tmp_path, build_document(annotations))
    return read_coco_boxes(file, file.images[0], CLASS_IDS, SIZE)


def test_x_y_width_and_height_become_edges_and_categories_classes_by_name(tmp_path):
    labels = read_boxes(
        tmp_path,
        {"bbox": [10, 20, 30, 40], "category_id": 3},
        {"bbox": [0.5, 0, 99.5, 80.0]},
    )
    assert labels.boxes.corners.tolist() == [[10, 20, 40, 60], [0.5, 0, 100, 80]]
    assert labels.boxes.class_ids.tolist() == [1, 0]
    assert not labels.counts


def test_categories_are_ordered_by_id_from_0_and_may_be_texts(tmp_path):
    categories = [{"id": 2, "name": "c"}, {"id": 0, "name": "a"}, {"id": 1.0, "name": "b"}]
    file = read(tmp_path, build_document(categories=categories))
    assert list(file.categories.values()) == ["a", "b", "c"]
    texts = {
        "images": [{"id": "x", "file_name": "d\\a.jpg"}],
        "categories": [{"id": "k", "name": "a"}],
        "annotations": [{"image_id": "x", "category_id": "k", "bbox": [1, 1, 2, 2]}],
    }
    file = read(tmp_path, texts)
    assert (file.images[0].file_name, file.images[0].size) == ("d/a.jpg", None)
    assert len(file.images[0].annotations) == 1


@pytest.mark.parametrize("flag", [{"iscrowd": 1}, {"ignore": 1}, {"iscrowd": True}])
def test_a_crowd_region_is_an_ignored_box(tmp_path, flag):
    labels = read_boxes(tmp_path, {"bbox": [1, 1, 9, 9], **flag}, {"bbox": [5, 5, 9, 9]})
    assert labels.boxes.corners.tolist() == [[1, 1, 10, 10], [5, 5, 14, 14]]
    assert labels.boxes.ignored.tolist() == [True, False]


def test_flags_of_0_are_ordinary_objects(tmp_path):
    assert len(read_boxes(tmp_path, {"bbox": [1, 1, 9, 9], "iscrowd": 0, "ignore": 0}).boxes) == 1


def test_a_category_that_is_left_out_is_counted(tmp_path):
    labels = read_boxes(tmp_path, {"bbox": [1, 1, 9, 9], "category_id": 9})
    assert (len(labels.boxes), labels.counts) == (0, {"left out": 1})


def test_a_box_slightly_beyond_the_edge_is_clipped_and_counted(tmp_path):
    labels = read_boxes(tmp_path, {"bbox": [-0.9, 70, 50, 10.8]})
    assert labels.boxes.corners.tolist() == [[0, 70, 49.1, 80]]
    assert labels.counts == {"clipped": 1}


@pytest.mark.parametrize(
    "box",
    [
        None, [], [1, 2, 3], [1, 2, 3, 4, 5], "1 2 3 4", ["1", "2", "3", "4"], [1, 2, 0, 4],
        [1, 2, -3, 4], [90, 70, 50, 50], [True, 2, 3, 4], {"x": 1}, [None, 1, 2, 3],
    ],
)  # fmt: skip
def test_what_is_no_box_in_the_image_is_refused_with_its_annotation(tmp_path, box):
    with pytest.raises(UserError, match=r"a\.json: a\.jpg: bbox .*correct or delete annotation 0"):
        read_boxes(tmp_path, {"bbox": box})


def test_an_outline_without_a_box_is_refused_with_what_to_write(tmp_path):
    with pytest.raises(UserError, match="write the box around its segmentation as the bbox"):
        read_boxes(tmp_path, {"segmentation": [[1, 1, 5, 1, 5, 5]]})


def test_a_file_for_images_of_another_size_is_refused(tmp_path):
    file = read(tmp_path, build_document())
    with pytest.raises(UserError, match="made for an image of 100x80, but the image is 80x100"):
        read_coco_boxes(file, file.images[0], CLASS_IDS, (80, 100))


def change(**values):
    return {**build_document([{"bbox": [1, 1, 2, 2]}]), **values}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "has no list 'images'"),
        ({"shapes": [], "imagePath": "x"}, r"has no list 'images' of entries \(found: shapes, im"),
        (change(annotations=None), "has no list 'annotations'"),
        (change(images=[1]), "has no list 'images'"),
        (change(images=[{"id": 7}]), "image 7: file_name None; expected a text"),
        (change(images=[{"id": 7, "file_name": ""}]), "file_name ''; expected a text"),
        (change(images=[{"file_name": "a"}]), "image 1: id None; expected a number or a text"),
        (change(images=[{"id": [1], "file_name": "a"}]), r"image 1: id \[1\]"),
        (change(images=[{"id": 1, "file_name": "a"}] * 2), "image 2: id 1 is there twice"),
        (
            change(images=[{"id": 7, "file_name": "a", "width": [1], "height": 2}]),
            r"width \[1\] and height 2; expected",
        ),
        (change(categories=[{"id": 1, "name": 5}]), "category 1: name 5; expected a text"),
        (change(categories=[{"id": 1, "name": "a"}] * 2), "category 2: id 1 is there twice"),
        (change(annotations=[{"image_id": "7", "category_id": 1}]), "annotation 1: image_id '7'"),
        (change(annotations=[{"image_id": 7, "category_id": 8}]), "annotation 1: category_id 8"),
        (change(annotations=[{"image_id": [], "category_id": 1}]), r"annotation 1: image_id \[\]"),
    ],
)
def test_what_is_no_coco_file_is_refused_with_its_place(tmp_path, document, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, document)


def test_text_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("{'images': []}")
    with pytest.raises(UserError, match="not JSON"):
        read_coco_file(tmp_path / "a.json")
