"""Boxes of a tree: label files by pair, classes by name, and what is refused."""

import pytest

from fusebench.data.trees.box_files import find_boxes, list_classes
from fusebench.data.trees.label_options import BoxFiles
from fusebench.data.trees.pair_files import TreePair
from fusebench.errors import UserError

SIZE = (100, 100)
BOX = "0.5 0.5 0.2 0.4"
VOC = (
    "<annotation><object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
    "<ymax>40</ymax></bndbox></object></annotation>"
)


def build_pairs(folder, *keys, **values):
    return [
        TreePair(key, f"{folder}/ir/{key}.png", f"{folder}/vi/{key}.png", {"key": key, **values})
        for key in keys
    ]


def write(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".xml" if text.startswith("<") else ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def find(folder, *keys, classes=(), pairs=None, **options):
    options = {"format": "yolo", "files": "labels", **options}
    pairs = pairs or build_pairs(folder, *keys)
    return find_boxes(folder, pairs, BoxFiles(**options), classes)


def read_classes(boxes, key):
    labels = boxes.read(key, SIZE)
    return [boxes.classes[i] for i in labels.boxes.class_ids]


def refuse(*arguments, **options):
    with pytest.raises(UserError) as error:
        find(*arguments, **options)
    return str(error.value)


def test_yolo_rows_are_classes_in_the_order_of_the_task_file(tmp_path):
    write(tmp_path, labels__a=f"1 {BOX}\n0 {BOX}\n", labels__b="")
    boxes = find(tmp_path, "a", "b", classes=("person", "car"))
    assert read_classes(boxes, "a") == ["car", "person"]
    assert boxes.read("a", SIZE).boxes.corners[0].tolist() == pytest.approx([40, 30, 60, 70])
    assert len(boxes.read("b", SIZE).boxes) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels/train/classes.txt", "car\nperson\n\n"),
        ("labels/classes.txt", "car\r\nperson\r\n"),
        ("classes.txt", "car\nperson"),
        ("classes.txt", "0 car\n1: person\n"),
        ("data.yaml", "nc: 2\nnames: [car, person]\n"),
        ("labels/data.yaml", "names: {0: car, 1: person}\n"),
        ("labels/train/Classes.TXT", "car\nperson\n"),
        ("data.yml", "names: [car, person]\n"),
        ("labels/obj.names", "car\nperson\n"),
    ],
)
def test_a_list_of_class_names_beside_or_above_the_labels_gives_the_ids(tmp_path, name, text):
    write(tmp_path, labels__train__a=f"1 {BOX}\n")
    (tmp_path / name).write_text(text)
    files = {"files": "labels/{split}"}
    pairs = build_pairs(tmp_path, "a", split="train")
    assert find(tmp_path, pairs=pairs, **files).classes == ("car", "person")
    boxes = find(tmp_path, pairs=pairs, classes=("person", "car"), **files)
    assert read_classes(boxes, "a") == ["person"]  # the file decides what an id means
    assert list_classes(tmp_path, BoxFiles(format="yolo", **files)) == ("car", "person")


def test_names_of_the_task_file_come_before_a_list(tmp_path):
    write(tmp_path, labels__a=f"1 {BOX}\n", labels__classes="x\ny\n")
    assert find(tmp_path, "a", names=["car", "person"]).classes == ("car", "person")


def test_a_list_above_the_data_set_is_not_its_list(tmp_path):
    (tmp_path / "classes.txt").write_text("x\ny\n")
    write(tmp_path, set__labels__a=f"1 {BOX}\n")
    message = refuse(tmp_path / "set", pairs=build_pairs(tmp_path / "set", "a"))
    assert "data.classes: name the classes in the order of the ids" in message


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["car\n\nperson\n"], "line 2 is blank"),
        (["car\nperson\ncar\n"], "'car' is there twice"),
        (["\n"], "has no class name"),
        (["traffic light"], "one class or 2?"),
        (["1 car\n2 person\n"], "line 1 begins with 1; expected class id 0"),
        (["0 car\n2 person\n"], "line 2 begins with 2; expected class id 1"),
        (["car\nperson\n", "names: [person, car]\n"], "lists car, person, and"),
        (["car\n", "names: {1: car}\n"], "expected 'names:' with class names"),
        (["car\n", "path: x\n"], "expected 'names:' with class names"),
        (["car\n", "names: [yes]\n"], "expected 'names:' with class names"),
    ],
)
def test_a_list_in_which_ids_are_not_certain_is_refused(tmp_path, texts, message):
    write(tmp_path, labels__a=f"0 {BOX}\n")
    for name, text in zip(("labels/classes.txt", "data.yaml"), texts, strict=False):
        (tmp_path / name).write_text(text)
    assert message in refuse(tmp_path, "a")


def test_lists_of_train_and_test_that_differ_are_refused(tmp_path):
    for part, text in (("train", "car\nperson\n"), ("test", "person\ncar\n")):
        write(tmp_path, **{f"labels__{part}__{part}": f"0 {BOX}\n"})
        (tmp_path / f"labels/{part}/classes.txt").write_text(text)
    pairs = [*build_pairs(tmp_path, "train", split="train"),
             *build_pairs(tmp_path, "test", split="test")]  # fmt: skip
    message = refuse(tmp_path, pairs=pairs, files="labels/{split}")
    assert f"{tmp_path}/labels/test/classes.txt lists person, car, and" in message


def test_renamed_classes_join_and_others_are_left_out_and_counted(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n1 0.2 0.2 0.1 0.1\n2 {BOX}\n")
    (tmp_path / "classes.txt").write_text("van\ncar\ndog\n")
    boxes = find(tmp_path, "a", classes=("car",), rename={"van": "car", "dog": None})
    assert read_classes(boxes, "a") == ["car", "car"]
    assert boxes.read("a", SIZE).counts == {"left out": 1}


def test_classes_that_the_files_have_besides_are_refused_with_the_line_to_write(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n")
    (tmp_path / "classes.txt").write_text("car\ndog\ncat\n")
    message = refuse(tmp_path, "a", classes=("car",))
    assert "also have dog, cat; add these, or leave them out" in message
    assert "boxes.rename: {dog: null, cat: null}" in message


def test_a_rename_to_an_unknown_class_is_refused_and_of_one_that_is_not_there_harmless(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n")
    (tmp_path / "classes.txt").write_text("car\n")
    message = refuse(tmp_path, "a", classes=("car",), rename={"car": "vehicle"})
    assert "data.boxes.rename: car: 'vehicle' is none of data.classes (car)" in message
    rename = {"lorry": "car", "dog": None}
    assert read_classes(find(tmp_path, "a", classes=("car",), rename=rename), "a") == ["car"]


def test_voc_files_are_read_by_name_with_other_names_renamed(tmp_path):
    write(tmp_path, labels__a=VOC.format("People"), labels__b=VOC.format("Lamp"))
    boxes = find(tmp_path, "a", "b", format="voc", classes=("person",),
                 rename={"People": "person", "Lamp": None})  # fmt: skip
    assert boxes.read("a", SIZE).boxes.corners.tolist() == [[1, 2, 30, 40]]
    assert len(boxes.read("b", SIZE).boxes) == 0
    boxes = find(tmp_path, "a", "b", format="voc", classes=("person",))
    with pytest.raises(UserError, match="class 'People' is none of person"):
        boxes.read("a", SIZE)
    assert "name the classes of the VOC files" in refuse(tmp_path, "a", format="voc")


def test_pairs_without_a_label_are_refused_background_or_left_out(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n")
    message = refuse(tmp_path, "a", "b", classes=("car",))
    assert "1 of 2 pair(s) have no label labels: b; add the missing labels, or set" in message
    boxes = find(tmp_path, "a", "b", classes=("car",), unlabeled_images="background")
    assert boxes.keys == {"a", "b"}
    assert boxes.read("b", SIZE).counts == {"unlabeled": 1}
    boxes = find(tmp_path, "a", "b", classes=("car",), unlabeled_images="leave_out")
    assert boxes.keys == {"a"}


@pytest.mark.parametrize("unlabeled_images", ["background", "leave_out"])
def test_labels_of_none_of_the_pairs_are_refused_even_if_some_may_lack(tmp_path, unlabeled_images):
    write(tmp_path, labels__x=f"0 {BOX}\n")
    options = {"unlabeled_images": unlabeled_images, "unmatched_labels": "leave_out"}
    assert "no pair has a label labels" in refuse(tmp_path, "a", classes=("car",), **options)


def test_labels_without_images_are_refused_or_left_out(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n", labels__b=f"0 {BOX}\n")
    message = refuse(tmp_path, "a", classes=("car",))
    assert f"1 label(s) have no images: {tmp_path}/labels/b.txt; images are e.g." in message
    assert "boxes.unmatched_labels: leave_out" in message
    assert find(tmp_path, "a", classes=("car",), unmatched_labels="leave_out").keys == {"a"}


def test_two_label_files_of_one_pair_are_refused_not_chosen_from(tmp_path):
    write(tmp_path, old__labels__a=f"0 {BOX}\n", new__labels__a=f"1 {BOX}\n")
    message = refuse(tmp_path, "a", classes=("car", "bus"), files="*/labels/{key}.txt")
    assert "are both */labels/{key}.txt of a; keep one of them, or name the folders" in message


def test_a_label_file_of_two_pairs_is_refused(tmp_path):
    write(tmp_path, labels__a=f"0 {BOX}\n")
    pairs = [
        TreePair(f"{part}_a", f"{part}/ir/a.png", f"{part}/vi/a.png", {"split": part, "key": "a"})
        for part in ("train", "test")
    ]
    with pytest.raises(
        UserError, match=r"labels/a\.txt: would be .* two pairs, train_a and test_a"
    ):
        find(tmp_path, pairs=pairs, classes=("car",))


def test_a_placeholder_that_the_images_do_not_have_is_refused(tmp_path):
    write(tmp_path, labels__x__a=f"0 {BOX}\n")
    message = refuse(tmp_path, "a", classes=("car",), files="labels/{sequence}")
    assert "has {sequence}, which the images' paths do not have; write * there" in message


def test_labels_in_the_wrong_place_are_refused_with_what_is_there(tmp_path):
    write(tmp_path, labels__a=VOC.format("car"))
    message = refuse(tmp_path, "a", classes=("car",))
    assert "data.boxes.files: no file is called labels; in" in message
    assert "found: 1 .xml; expected .txt files" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "coco", "files": "labels"}, "expected the path of a .json file"),
        ({"format": "yolo", "files": "a.txt"}, "expected a folder, or a name with {key}"),
        ({"format": "voc", "files": "a", "names": ["x"]}, "names is for format yolo"),
        ({"format": "yolo", "files": "a", "names": ["x", "x"]}, "a name is there twice"),
        ({"format": "yolo", "files": {"infrared": "a", "visible": "b"}}, "say which are used"),
        ({"format": "yolo", "files": 5}, "expected a path, or a path for each sensor"),
        ({"format": "yolo", "files": {"infrared": "a/{x}", "visible": "b"}, "sensor": "visible"},
         "expected only these in braces"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_right_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BoxFiles(**options)


def test_labels_of_the_chosen_sensor_are_read_and_the_others_named():
    files = {"infrared": "ir_labels", "visible": "vi_labels"}
    options = BoxFiles(format="yolo", files=files, sensor="infrared")
    assert options.used_files == "ir_labels"
    assert options.describe_sensor() == (
        "drawn for the infrared images; those of the visible images are not used"
    )
