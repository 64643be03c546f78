"""COCO files of a tree: which pair an image is, by name and folders, and the classes."""

import json

import pytest

from fusebench.data.trees.box_files import find_boxes, list_classes
from fusebench.data.trees.label_options import BoxFiles
from fusebench.data.trees.pair_files import TreePair
from fusebench.errors import UserError

SIZE = (100, 80)


def write_coco(path, images, categories=("person", "car"), first_id=1):
    """A file with a box at (n, n) in the nth image, of the class with that number modulo 2."""
    document = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(images, 1)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(categories, first_id)],
        "annotations": [
            {"image_id": n, "category_id": first_id + n % 2, "bbox": [n, n, 10, 10]}
            for n in range(1, len(images) + 1)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def build_pair(key, infrared=None, visible=None, **values):
    return TreePair(
        key, infrared or f"/d/ir/{key}.png", visible or f"/d/vi/{key}.jpg", {"key": key, **values}
    )


def find(folder, pairs, classes=(), files="a.json", **options):
    return find_boxes(folder, pairs, BoxFiles(format="coco", files=files, **options), classes)


def refuse(*arguments, **options):
    with pytest.raises(UserError) as error:
        find(*arguments, **options)
    return str(error.value)


def get_left(boxes, key):
    return boxes.read(key, SIZE).boxes.corners[:, 0].tolist()


@pytest.mark.parametrize(
    "name", ["k1.jpg", "k1.png", "k1.bmp", "k1", "train/k1.jpg", "./vi/k1.jpg", "c:\\data\\k1.JPG"]
)
def test_an_image_is_found_by_its_name_whatever_folder_and_extension(tmp_path, name):
    write_coco(tmp_path / "a.json", [name, "k2.jpg"])
    boxes = find(tmp_path, [build_pair("k1"), build_pair("k2")])
    assert (get_left(boxes, "k1"), get_left(boxes, "k2")) == ([1], [2])
    assert boxes.classes == ("person", "car")


def test_the_names_of_either_sensor_and_the_key_are_known(tmp_path):
    pairs = [
        build_pair(f"0{n}", f"/d/FLIR_0{n}_PreviewData.jpg", f"/d/FLIR_0{n}_RGB.jpg")
        for n in (1, 2, 3)
    ]
    write_coco(tmp_path / "a.json", ["data/FLIR_01_RGB.jpg", "FLIR_02_PreviewData.jpeg", "03"])
    boxes = find(tmp_path, pairs)
    assert [get_left(boxes, f"0{n}") for n in (1, 2, 3)] == [[1], [2], [3]]


def test_names_that_are_repeated_in_folders_are_told_apart_by_the_folders(tmp_path):
    pairs = [
        build_pair(f"{s}_I1", f"/d/{s}/lwir/I1.jpg", f"/d/{s}/visible/I1.jpg", sequence=s)
        for s in ("set00", "set01")
    ]
    write_coco(tmp_path / "a.json", ["kaist/set01/visible/I1.jpg", "set00/I1.jpg"])
    boxes = find(tmp_path, pairs)
    assert (get_left(boxes, "set01_I1"), get_left(boxes, "set00_I1")) == ([1], [2])


def test_the_image_of_a_folder_that_is_not_here_does_not_take_the_place_of_one_that_is(tmp_path):
    pairs = [
        build_pair(f"{a}_{b}_I1", f"/d/{a}/{b}/ir/I1.png", f"/d/{a}/{b}/vi/I1.png")
        for a, b in (("set00", "V0"), ("set00", "V1"))
    ]
    names = ["set05/V0/I1.png", "set00/V0/I1.png", "set00/V1/I1.png"]
    for order in (names, names[::-1]):
        write_coco(tmp_path / "a.json", order)
        boxes = find(tmp_path, pairs, unmatched_labels="leave_out")
        assert get_left(boxes, "set00_V0_I1") == [order.index(names[1]) + 1]
        assert "1 label(s) have no images: set05/V0/I1.png in" in refuse(tmp_path, pairs)


def test_a_name_that_several_pairs_have_is_not_guessed(tmp_path):
    pairs = [build_pair(f"{s}_1", f"/d/{s}/ir/1.png", f"/d/{s}/vi/1.png") for s in "ab"]
    write_coco(tmp_path / "a.json", ["1.png", "c/1.png"])
    assert "2 label(s) have no images" in refuse(tmp_path, pairs)


def test_composed_and_decomposed_names_are_one_image(tmp_path):
    write_coco(tmp_path / "a.json", ["e\u0301.jpg", "b.jpg"])
    boxes = find(tmp_path, [build_pair("\u00e9"), build_pair("b")])
    assert get_left(boxes, "\u00e9") == [1]


def test_a_name_with_dots_is_not_cut(tmp_path):
    write_coco(tmp_path / "a.json", ["a.1.jpg", "a.jpg"])
    boxes = find(tmp_path, [build_pair("a"), build_pair("a.1")])
    assert (get_left(boxes, "a.1"), get_left(boxes, "a")) == ([1], [2])


def test_an_image_that_is_listed_twice_is_refused(tmp_path):
    write_coco(tmp_path / "a.json", ["x/k1.jpg", "k1.png"])
    message = refuse(tmp_path, [build_pair("k1")])
    assert "k1.png is listed twice, here or as x/k1.jpg in" in message


def test_names_that_differ_in_case_are_refused_and_told(tmp_path):
    write_coco(tmp_path / "a.json", ["K1.jpg"])
    assert "'K1' and 'k1' differ in the case of letters" in refuse(tmp_path, [build_pair("k1")])


def test_a_file_without_images_has_no_labels(tmp_path):
    write_coco(tmp_path / "a.json", [])
    assert "1 of 1 pair(s) have no label in" in refuse(tmp_path, [build_pair("k1")])


def test_one_file_per_split_is_about_the_images_of_its_split(tmp_path):
    for part in ("train", "test"):
        write_coco(tmp_path / f"{part}.json", [f"{part}1.jpg", "both.jpg"])
    pairs = [
        build_pair(f"{part}_{name}", f"/d/{part}/ir/{name}.png", f"/d/{part}/vi/{name}.png",
                   split=part)
        for part in ("train", "test") for name in (f"{part}1", "both")
    ]  # fmt: skip
    boxes = find(tmp_path, pairs, files="{split}.json")
    assert {key: get_left(boxes, key) for key in sorted(boxes.keys)} == {
        "test_both": [2], "test_test1": [1], "train_both": [2], "train_train1": [1],
    }  # fmt: skip


def test_files_per_split_divide_images_that_lie_in_one_folder(tmp_path):
    write_coco(tmp_path / "instances_train.json", ["a.jpg", "b.jpg"])
    write_coco(tmp_path / "instances_val.json", ["c.jpg"], first_id=1)
    pairs = [build_pair(key) for key in "abc"]
    boxes = find(tmp_path, pairs, files="instances_{split}.json")
    assert dict(boxes.splits) == {"a": "train", "b": "train", "c": "val"}


def test_classes_without_annotations_are_no_classes_unless_named(tmp_path):
    write_coco(tmp_path / "a.json", ["k1.jpg", "k2.jpg"], ("root", "person", "car"), first_id=0)
    document = json.loads((tmp_path / "a.json").read_text())
    for annotation in document["annotations"]:
        annotation["category_id"] += 1
    (tmp_path / "a.json").write_text(json.dumps(document))
    options = BoxFiles(format="coco", files="a.json")
    assert list_classes(tmp_path, options) == ("person", "car")
    pairs = [build_pair("k1"), build_pair("k2")]
    assert find(tmp_path, pairs, ("car", "person", "root")).classes == ("car", "person", "root")


def test_categories_of_annotations_that_are_no_classes_are_refused_together(tmp_path):
    write_coco(tmp_path / "a.json", ["k1.jpg", "k2.jpg"], ("dog", "cat"))
    pairs = [build_pair("k1"), build_pair("k2")]
    message = refuse(tmp_path, pairs, ("person",))
    assert "boxes.rename: {cat: null, dog: null}" in message
    boxes = find(tmp_path, pairs, ("person",), rename={"cat": None, "dog": "person"})
    assert boxes.read("k1", SIZE).counts == {"left out": 1}
    assert len(boxes.read("k2", SIZE).boxes) == 1


def test_two_names_can_be_exchanged(tmp_path):
    write_coco(tmp_path / "a.json", ["k1.jpg", "k2.jpg"])
    pairs = [build_pair("k1"), build_pair("k2")]
    exchange = {"person": "car", "car": "person"}
    boxes = find(tmp_path, pairs, ("person", "car"), rename=exchange)
    assert boxes.read("k1", SIZE).boxes.class_ids.tolist() == [0]  # a car in the file
    assert boxes.read("k2", SIZE).boxes.class_ids.tolist() == [1]


def test_files_of_other_categories_need_the_names_of_the_classes(tmp_path):
    write_coco(tmp_path / "1.json", ["k1.jpg"], ("person", "car"))
    write_coco(tmp_path / "2.json", ["k2.jpg"], ("car", "person"))
    pairs = [build_pair("k1"), build_pair("k2")]
    message = refuse(tmp_path, pairs, files="*.json")
    assert "2.json: its categories differ from those of" in message
    boxes = find(tmp_path, pairs, ("car", "person"), files="*.json")
    assert [boxes.read(key, SIZE).boxes.class_ids.tolist() for key in ("k1", "k2")] == [[0], [1]]


def test_a_rename_of_what_this_release_does_not_have_changes_nothing(tmp_path):
    write_coco(tmp_path / "a.json", ["k1.jpg"])
    rename = {"lorry": "car", "dog": None}
    boxes = find(tmp_path, [build_pair("k1")], ("person", "car"), rename=rename)
    assert boxes.read("k1", SIZE).boxes.class_ids.tolist() == [1]
