"""M3FD: folder structures, both label formats, split rules, and refusal of broken data sets."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from fusebench.data.split_builder import load_split
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
LIST_RULE = {"rule": "lists"}


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(m3fd.load, root, split, m3fd.Options(**options))


def test_official_folder_structure_is_read(tmp_path):
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
def test_folder_names_may_have_any_case_and_several_spellings(tmp_path, names):
    write_m3fd(tmp_path / "M3FD", KEYS)
    for old, new in zip(("Ir", "Vis", "Annotation"), names, strict=True):
        (tmp_path / "M3FD" / old).rename(tmp_path / "M3FD" / new)
    assert load(tmp_path).keys == KEYS


def test_release_unpacked_into_a_subfolder_of_its_name_is_found(tmp_path):
    write_m3fd(tmp_path / "m3fd/M3FD_Detection", KEYS)
    assert load(tmp_path).keys == KEYS


def test_what_systems_and_archives_leave_beside_a_release_does_not_matter(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd/M3FD_Detection/M3FD", KEYS)
    for name in (".DS_Store", "Thumbs.db", "M3FD_Detection.zip", "M3FD_Detection/desktop.ini"):
        (tmp_path / "m3fd" / name).write_bytes(b"\0")
    write_images(tmp_path / "m3fd/__MACOSX/M3FD_Detection/Ir", ["._00000"])
    for name in ("Ir", "Vis", "Annotation"):
        (folder / name / ".DS_Store").write_bytes(b"\0")
        (folder / name / "._00000.xml").write_bytes(b"\0")
    assert load(tmp_path).keys == tuple(KEYS)


def test_labels_match_images_across_unicode_forms(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", ["Straße é"])
    label = folder / "Annotation/Straße é.xml"
    label.rename(label.with_name(unicodedata.normalize("NFD", label.name)))
    (pair,) = load(tmp_path).pairs
    assert (pair.key, len(pair.boxes)) == ("Straße é", 1)


def test_two_labels_of_one_key_are_refused(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    write_voc_xml(folder / "Annotation/00001.XML", [])
    with pytest.raises(
        UserError, match=r"'00001\.XML' and '00001\.xml' are both labels of '00001'"
    ):
        load(tmp_path)


def test_images_without_a_folder_of_labels_have_no_boxes(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    shutil.rmtree(folder / "Annotation")
    assert [pair.boxes for pair in load(tmp_path).pairs] == [None] * len(KEYS)


def test_absolute_folder_does_not_depend_on_the_data_folder(tmp_path):
    write_m3fd(tmp_path / "elsewhere", KEYS)
    assert load(Path("nowhere"), folder=tmp_path / "elsewhere").keys == KEYS


def test_text_labels_are_read_in_the_declared_class_order(tmp_path):
    write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "3 0.5 0.5 0.25 0.5\n", "00001": ""})
    pairs_a = load(tmp_path, class_order="A").pairs
    pairs_b = load(tmp_path, class_order="B").pairs
    assert pairs_a[0].boxes.class_ids.tolist() == [4]
    assert pairs_b[0].boxes.class_ids.tolist() == [3]
    assert pairs_a[0].boxes.corners.tolist() == [[12, 6, 20, 18]]
    assert len(pairs_a[1].boxes) == 0


def test_a_box_given_twice_is_one_object_and_is_noted(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    car = ("Car", 2, 3, 12, 13)
    write_voc_xml(folder / "Annotation/00001.xml", [car, car, ("Car", 2, 3, 12.01, 13)])
    split = load(tmp_path)
    assert [len(pair.boxes) for pair in split.pairs] == [1, 2, 1]
    note = ("duplicate boxes", "1 of 5 dropped: same class and box as another one")
    assert split.notes == (note,)
    assert load(tmp_path, "test").notes == ()


def test_text_labels_have_the_same_notes(tmp_path):
    row = "3 0.5 0.5 0.25 0.5\n"
    write_yolo_text_dataset(tmp_path / "m3fd", {"00000": row + row, "00001": "0 0.02 0.5 0.1 0.5"})
    assert [name for name, _ in load(tmp_path, class_order="A").notes] == [
        "duplicate boxes",
        "clipped boxes",
    ]


def test_difficult_and_deleted_objects_are_noted(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    for key, flag in (("00000", "difficult"), ("00001", "deleted")):
        path = folder / f"Annotation/{key}.xml"
        path.write_text(path.read_text().replace("<bndbox>", f"<{flag}>1</{flag}><bndbox>"))
    deleted, difficult = load(tmp_path).notes
    assert deleted == ("deleted objects", "1 marked as deleted in the label files, left out")
    assert difficult[0] == "caution: difficult objects"
    assert difficult[1].startswith("1 of 2 boxes are marked as difficult and count as objects")


@pytest.mark.parametrize("label", ["Annotation/00001.xml", "labels/00001.txt"])
def test_an_image_without_a_label_file_has_no_objects_only_where_that_is_stated(tmp_path, label):
    if "xml" in label:
        folder = write_m3fd(tmp_path / "m3fd", KEYS)
    else:
        rows = dict.fromkeys(KEYS, "0 0.5 0.5 0.25 0.5\n")
        folder = write_yolo_text_dataset(tmp_path / "m3fd", rows)
    (folder / label).unlink()
    with pytest.raises(UserError, match=r"1 image.* 00001; .*data\.unlabeled_images: background"):
        load(tmp_path, class_order="A")
    split = load(tmp_path, class_order="A", unlabeled_images="background")
    assert [len(pair.boxes) for pair in split.pairs] == [1, 0, 1]
    assert split.notes == (("images without a label file", "1 of 3, without objects"),)


def test_a_label_without_an_image_is_refused_also_where_labels_may_be_missing(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    write_voc_xml(folder / "Annotation/00007.xml", [])
    with pytest.raises(UserError, match=r"1 label\(s\) have no image") as error:
        load(tmp_path, unlabeled_images="background")
    assert "unlabeled_images" not in str(error.value)


def test_few_text_labels_without_a_declared_class_order_are_refused(tmp_path):
    write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "3 0.5 0.5 0.25 0.5\n"})
    with pytest.raises(UserError, match=r"id 3: 1 boxes.* Set data\.class_order"):
        load(tmp_path)


def test_xml_labels_are_preferred_to_text_labels(tmp_path):
    write_m3fd(tmp_path / "m3fd", ["00000"])
    write_yolo_text_dataset(tmp_path / "other", {"00000": "0 0.5 0.5 0.25 0.5\n"})
    (tmp_path / "other/labels").rename(tmp_path / "m3fd/labels")
    assert load(tmp_path).pairs[0].boxes.class_ids.tolist() == [1]


def test_hidden_files_and_classes_txt_are_not_labels(tmp_path):
    folder = write_yolo_text_dataset(tmp_path / "m3fd", {"00000": "0 0.5 0.5 0.25 0.5\n"})
    (folder / "labels/classes.txt").write_text("People\nCar\nBus\nLamp\nMotorcycle\nTruck\n")
    (folder / "labels/._00000.txt").write_bytes(b"\x00\xff")
    (folder / "ir/._00000.png").write_bytes(b"\x00\xff")
    assert load(tmp_path).keys == ("00000",)


def test_train_and_test_follow_the_split_rule_and_describe_it(tmp_path):
    write_m3fd(tmp_path / "m3fd", KEYS)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (("00000", "00001"), ("00250",))
    assert test.rule_description == "blocks of 100 ids, gap 10, 1 of 4 tested from block 2"
    assert not test.has_leakage
    assert test.pairs[0].sequence == "block-0002"


def test_list_files_are_relative_to_the_data_set(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    (folder / "meta").mkdir()
    (folder / "meta/train.txt").write_text("00000.png\n")
    (folder / "meta/test.txt").write_text("00001.png\n")
    assert load(tmp_path, "train", split=LIST_RULE).keys == ("00000",)
    assert load(tmp_path, "test", split=LIST_RULE).keys == ("00001",)
    assert load(tmp_path, "test", split=LIST_RULE).has_leakage


def test_official_split_is_refused(tmp_path):
    write_m3fd(tmp_path / "m3fd", KEYS)
    with pytest.raises(UserError, match="m3fd has no official split"):
        load(tmp_path, "test", split={"rule": "official"})


@pytest.mark.parametrize("path", ["meta/scenario.json", "named.json"])
def test_conditions_and_sequences_are_read_from_the_scenario_file(tmp_path, path):
    folder = write_m3fd(tmp_path / "m3fd", KEYS)
    (folder / "meta").mkdir()
    (folder / path).write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "mode": "val", '
        '"range": [{"min": 1, "max": 250}]}]}]'
    )
    pairs = load(tmp_path, scenarios="named.json" if path == "named.json" else None).pairs
    assert [(pair.condition, pair.sequence) for pair in pairs] == [
        (None, "block-0000"),
        ("night", "yard"),
        ("night", "yard"),
    ]


def test_missing_data_set_is_reported_with_path_folder_structures_and_advice(tmp_path):
    with pytest.raises(DatasetNotFoundError) as error:
        load(tmp_path)
    for part in (str(tmp_path / "m3fd"), "Ir/ Vis/ Annotation/*.xml", "labels/*.txt", "--scenes"):
        assert part in str(error.value)


def test_unknown_split_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match="no split is called 'val'; known: train, test, all"):
        load(tmp_path, "val")


def test_empty_folder_is_refused(tmp_path):
    (tmp_path / "m3fd").mkdir()
    with pytest.raises(UserError, match="m3fd: empty folder; expected Ir/ Vis/"):
        load(tmp_path)


def test_folder_without_images_is_refused(tmp_path):
    for name in ("Ir", "Vis", "Annotation"):
        (tmp_path / "m3fd" / name).mkdir(parents=True)
    with pytest.raises(UserError, match="no images"):
        load(tmp_path)


def delete_visible_image(folder):
    (folder / "Vis/00001.png").unlink()


def delete_label(folder):
    (folder / "Annotation/00001.xml").unlink()


def add_label_without_image(folder):
    write_voc_xml(folder / "Annotation/00007.xml", [])


def write_text_as_image(folder):
    (folder / "Ir/00001.png").write_bytes(b"no image")


def resize_image(folder):
    write_image(folder / "Ir/00001.png", (16, 12))


def write_unknown_class(folder):
    write_voc_xml(folder / "Annotation/00001.xml", [("Tram", 1, 1, 5, 5)])


def write_box_outside_image(folder):
    write_voc_xml(folder / "Annotation/00001.xml", [("Car", 1, 1, 50, 5)])


def write_incomplete_xml(folder):
    (folder / "Annotation/00001.xml").write_text("<annotation>")


def add_image_of_the_same_stem(folder):
    Image.new("L", (32, 24)).save(folder / "Ir/00001.jpg")


def add_second_infrared_folder(folder):
    write_images(folder / "infrared", KEYS)


def rename_visible_folder(folder):
    (folder / "Vis").rename(folder / "Color")


def add_extension_to_label_names(folder):
    for path in (folder / "Annotation").iterdir():
        path.rename(path.with_name(f"{path.stem}.png.xml"))


def unpack_two_archives(folder):
    write_m3fd(folder / "M3FD_Detection", KEYS)
    write_images(folder / "M3FD_Fusion/Vis", KEYS)
    for name in ("Ir", "Vis", "Annotation"):
        shutil.rmtree(folder / name)


def unpack_two_archives_into_folders(folder):
    unpack_two_archives(folder)
    for name in ("M3FD_Detection", "M3FD_Fusion"):
        (folder / name).rename(folder / f"{name}.moved")
        (folder / name).mkdir()
        (folder / f"{name}.moved").rename(folder / name / "unpacked")


def delete_all_labels(folder):
    for path in (folder / "Annotation").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (delete_visible_image, r"1 image\(s\) have no partner in .*Vis: 00001"),
        (delete_label, r"1 image\(s\) have no label in .*Annotation: 00001"),
        (add_label_without_image, r"1 label\(s\) have no image, in .*Annotation: 00007"),
        (write_text_as_image, r"Ir/00001\.png: cannot be read as an image"),
        (resize_image, r"00001\.png is 16x12 but .*00001\.png is 32x24"),
        (write_unknown_class, r"00001\.xml: object 1: class 'Tram' is none of People"),
        (write_box_outside_image, r"00001\.xml: object 1 \(Car\): xmin 1.*xmax 50"),
        (write_incomplete_xml, r"00001\.xml: not XML"),
        (add_image_of_the_same_stem, r"00001\.jpg' and '00001\.png' are both called '00001'"),
        (add_second_infrared_folder, "both Ir and infrared could be meant"),
        (rename_visible_folder, "no folder of visible images .*found: Annotation, Color, Ir"),
        (add_extension_to_label_names, r"images are named like \{key\}, labels like \{key\}\.png;"),
        (unpack_two_archives, r"m3fd/M3FD_Detection has one: name it with data\.folder"),
        (
            unpack_two_archives_into_folders,
            r"M3FD_Detection/unpacked has one: name it with data\.folder",
        ),
        (delete_all_labels, r"Annotation: no \.xml and no \.txt"),
    ],
)
def test_damaged_data_set_is_refused_by_name(tmp_path, damage, message):
    damage(write_m3fd(tmp_path / "m3fd", KEYS))
    with pytest.raises(UserError, match=message):
        load(tmp_path)
