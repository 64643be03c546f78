from pathlib import Path

import pytest
from PIL import Image

from fusebench.datasets import m3fd
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import (
    write_image,
    write_images,
    write_m3fd,
    write_voc_xml,
    write_yolo_text_dataset,
)

KEYS = ("00000", "00001", "00250")
LISTS = {"rule": "lists"}


def load(root, part="all", /, **options):
    return m3fd.load(root, part, m3fd.Options(**options))


def test_the_official_tree_is_read(tmp_path):
    write_m3fd(tmp_path / "m3fd", KEYS)
    split = load(tmp_path)
    first = split.pairs[0]
    assert split.keys == KEYS
    assert split.classes == ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
    assert first.infrared == tmp_path / "m3fd/Ir/00000.png"
    assert first.visible == tmp_path / "m3fd/Vis/00000.png"
    assert first.size == (32, 24)
    assert first.boxes.corners.tolist() == [[2, 3, 12, 13]]
    assert first.boxes.class_ids.tolist() == [1]
    assert (first.label_map, first.condition, first.sequence) == (None, None, "block-0000")


@pytest.mark.parametrize(
    "names",
    [("ir", "vi", "annotations"), ("IR", "visible", "LABELS"), ("infrared", "VIS", "Label")],
)
def test_folder_names_may_have_any_case_and_the_known_spellings(tmp_path, names):
    write_m3fd(tmp_path / "M3FD", KEYS)
    for old, new in zip(("Ir", "Vis", "Annotation"), names, strict=True):
        (tmp_path / "M3FD" / old).rename(tmp_path / "M3FD" / new)
    assert load(tmp_path).keys == KEYS


def test_a_release_unpacked_into_its_own_folder_is_found(tmp_path):
    write_m3fd(tmp_path / "m3fd/M3FD_Detection", KEYS)
    assert load(tmp_path).keys == KEYS


def test_an_absolute_folder_does_not_need_the_root(tmp_path):
    write_m3fd(tmp_path / "elsewhere", KEYS)
    assert load(Path("nowhere"), folder=tmp_path / "elsewhere").keys == KEYS


def test_text_labels_are_read_in_the_declared_order(tmp_path):
    write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "3 0.5 0.5 0.25 0.5\n", "00001": ""})
    as_tardal = load(tmp_path, class_order="A").pairs
    as_deyolo = load(tmp_path, class_order="B").pairs
    assert as_tardal[0].boxes.class_ids.tolist() == [4]
    assert as_deyolo[0].boxes.class_ids.tolist() == [3]
    assert as_tardal[0].boxes.corners.tolist() == [[12, 6, 20, 18]]
    assert len(as_tardal[1].boxes) == 0


def test_text_labels_without_a_declared_order_are_refused_when_few(tmp_path):
    write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "3 0.5 0.5 0.25 0.5\n"})
    with pytest.raises(UserError, match=r"id 3: 1 boxes.* Set data\.class_order"):
        load(tmp_path)


def test_xml_is_preferred_where_both_kinds_of_labels_are(tmp_path):
    write_m3fd(tmp_path / "m3fd", ["00000"])
    write_yolo_text_dataset(tmp_path / "other", {"00000": "0 0.5 0.5 0.25 0.5\n"})
    (tmp_path / "other/labels").rename(tmp_path / "m3fd/labels")
    assert load(tmp_path).pairs[0].boxes.class_ids.tolist() == [1]


def test_hidden_files_and_a_list_of_classes_are_no_labels(tmp_path):
    tree = write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "0 0.5 0.5 0.25 0.5\n"})
    (tree / "labels/classes.txt").write_text("People\nCar\nBus\nLamp\nMotorcycle\nTruck\n")
    (tree / "labels/._00000.txt").write_bytes(b"\x00\xff")
    (tree / "ir/._00000.png").write_bytes(b"\x00\xff")
    assert load(tmp_path).keys == ("00000",)


def test_train_and_test_are_the_rule_s_and_say_so(tmp_path):
    write_m3fd(tmp_path / "m3fd", KEYS)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (("00000", "00001"), ("00250",))
    assert test.rule_description == "blocks of 100 ids, gap 10, 1 of 4 tested from block 2"
    assert not test.has_leakage
    assert test.pairs[0].sequence == "block-0002"


def test_lists_lie_below_the_data_folder(tmp_path):
    tree = write_m3fd(tmp_path / "m3fd", KEYS)
    (tree / "meta").mkdir()
    (tree / "meta/train.txt").write_text("00000.png\n")
    (tree / "meta/test.txt").write_text("00001.png\n")
    assert load(tmp_path, "train", split=LISTS).keys == ("00000",)
    assert load(tmp_path, "test", split=LISTS).keys == ("00001",)
    assert load(tmp_path, "test", split=LISTS).has_leakage


def test_there_is_no_official_split(tmp_path):
    write_m3fd(tmp_path / "m3fd", KEYS)
    with pytest.raises(UserError, match="m3fd has no official split"):
        load(tmp_path, "test", split={"rule": "official"})


@pytest.mark.parametrize("path", ["meta/scenario.json", "mine.json"])
def test_conditions_and_sequences_come_from_the_scenario_file(tmp_path, path):
    tree = write_m3fd(tmp_path / "m3fd", KEYS)
    (tree / "meta").mkdir()
    (tree / path).write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "mode": "val", '
        '"range": [{"min": 1, "max": 250}]}]}]'
    )
    found = load(tmp_path, scenarios="mine.json" if path == "mine.json" else None).pairs
    assert [(pair.condition, pair.sequence) for pair in found] == [
        (None, "block-0000"),
        ("night", "yard"),
        ("night", "yard"),
    ]


def test_absent_data_says_where_it_looked_what_it_expects_and_what_to_do(tmp_path):
    with pytest.raises(DatasetNotFoundError) as fault:
        load(tmp_path)
    for part in (str(tmp_path / "m3fd"), "Ir/ Vis/ Annotation/*.xml", "labels/*.txt", "--scenes"):
        assert part in str(fault.value)


def test_an_unknown_split_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match="no split is called 'val'; there is train, test, all"):
        load(tmp_path, "val")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "m3fd").mkdir()
    with pytest.raises(UserError, match="m3fd: empty folder; expected Ir/ Vis/"):
        load(tmp_path)


def test_a_folder_without_images_is_refused(tmp_path):
    for name in ("Ir", "Vis", "Annotation"):
        (tmp_path / "m3fd" / name).mkdir(parents=True)
    with pytest.raises(UserError, match="no images"):
        load(tmp_path)


def spoil_nothing_visible(tree):
    (tree / "Vis/00001.png").unlink()


def spoil_label_missing(tree):
    (tree / "Annotation/00001.xml").unlink()


def spoil_label_left_over(tree):
    write_voc_xml(tree / "Annotation/00007.xml", [])


def spoil_image(tree):
    (tree / "Ir/00001.png").write_bytes(b"no image")


def spoil_size(tree):
    write_image(tree / "Ir/00001.png", (16, 12))


def spoil_class(tree):
    write_voc_xml(tree / "Annotation/00001.xml", [("Tram", 1, 1, 5, 5)])


def spoil_box(tree):
    write_voc_xml(tree / "Annotation/00001.xml", [("Car", 1, 1, 50, 5)])


def spoil_xml(tree):
    (tree / "Annotation/00001.xml").write_text("<annotation>")


def spoil_stem(tree):
    Image.new("L", (32, 24)).save(tree / "Ir/00001.jpg")


def spoil_two_folders(tree):
    write_images(tree / "infrared", KEYS)


def spoil_no_visible_folder(tree):
    (tree / "Vis").rename(tree / "Color")


def spoil_no_labels(tree):
    for path in (tree / "Annotation").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_nothing_visible, r"1 image\(s\) have no partner in .*Vis: 00001"),
        (spoil_label_missing, r"1 image\(s\) have no label in .*Annotation: 00001"),
        (spoil_label_left_over, r"1 label\(s\) have no image, in .*Annotation: 00007"),
        (spoil_image, r"Ir/00001\.png: cannot be read as an image"),
        (spoil_size, r"00001\.png is 16x12 but .*00001\.png is 32x24"),
        (spoil_class, r"00001\.xml: object 1: class 'Tram' is none of People"),
        (spoil_box, r"00001\.xml: object 1 \(Car\): xmin 1.*xmax 50"),
        (spoil_xml, r"00001\.xml: not XML"),
        (spoil_stem, r"00001\.jpg and 00001\.png are both called '00001'"),
        (spoil_two_folders, "both Ir and infrared could be meant"),
        (spoil_no_visible_folder, "no folder of visible images .*found: Annotation, Color, Ir"),
        (spoil_no_labels, r"Annotation: no \.xml and no \.txt"),
    ],
)
def test_a_spoilt_tree_is_refused_by_name(tmp_path, spoil, says):
    spoil(write_m3fd(tmp_path / "m3fd", KEYS))
    with pytest.raises(UserError, match=says):
        load(tmp_path)
