"""MSRS, and folders of pairs without labels."""

import pytest
from PIL import Image

from fusebench.data.split_builder import load_split
from fusebench.datasets import folder, msrs
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import (
    IMAGE_SIZE,
    write_image,
    write_images,
    write_voc_xml,
    write_yolo_text_dataset,
)

CAR = "2  0.5  0.5  0.25  0.5  "


def write_msrs(root):
    return write_yolo_text_dataset(
        root / "msrs", {"00004N": CAR + "\n\n", "00008N": "", "00431D": CAR, "00650D": CAR}
    )


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(msrs.load, root, split, msrs.Options(**options))


def test_msrs_has_the_condition_of_the_file_name(tmp_path):
    write_msrs(tmp_path)
    split = load(tmp_path)
    assert [pair.condition for pair in split.pairs] == ["night", "night", "day", "day"]
    assert [len(pair.boxes) for pair in split.pairs] == [1, 0, 1, 1]
    assert split.classes[split.pairs[0].boxes.class_ids[0]] == "car"
    assert [pair.sequence for pair in split.pairs] == [
        "block-0000",
        "block-0000",
        "block-0004",
        "block-0006",
    ]


def test_msrs_list_files_are_its_official_split(tmp_path):
    dataset = write_msrs(tmp_path)
    (dataset / "splits").mkdir()
    (dataset / "splits/train.txt").write_text("00004N\n00008N\n")
    (dataset / "splits/test.txt").write_text("00431D\n")
    assert load(tmp_path, "train").keys == ("00004N", "00008N")
    assert load(tmp_path, "test").keys == ("00431D",)
    assert load(tmp_path, "test").rule_description == "official"
    assert len(load(tmp_path, "all").pairs) == 4


def test_msrs_without_list_files_is_refused_with_other_rules_as_advice(tmp_path):
    write_msrs(tmp_path)
    with pytest.raises(
        UserError,
        match=r"no official split here: .*msrs has no splits.*; set split to blocks, random",
    ):
        load(tmp_path, "test")
    assert load(tmp_path, "test", split={"rule": "blocks"}).keys == ("00650D",)


def test_the_repository_as_cloned_has_its_boxes_in_detection(tmp_path):
    write_yolo_text_dataset(tmp_path / "msrs/detection", {"1": CAR, "1042": ""})
    for part in ("train", "test"):
        for name in ("ir", "vi", "Segmentation_labels"):
            write_images(tmp_path / "msrs" / part / name, ["00001D"])
    split = load(tmp_path, split={"rule": "all"})
    assert [(pair.key, len(pair.boxes)) for pair in split.pairs] == [("1", 1), ("1042", 0)]
    with pytest.raises(UserError, match=r"detection has no splits.*\{labels: label_maps\}"):
        load(tmp_path, "test")
    assert load(tmp_path, folder="msrs/test", split={"rule": "all"}).pairs[0].boxes is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels/classes.txt", "car\nperson\nbicycle\n"),
        ("labels/classes.txt", "0 car\n1 person\n2 bicycle\n"),
        ("data.yaml", "names: [car, person, bicycle]"),
    ],
)
def test_a_list_of_class_names_beside_the_labels_of_msrs_decides_the_order(tmp_path, name, content):
    dataset = write_msrs(tmp_path)
    (dataset / name).write_text(content)
    pair = load(tmp_path).pairs[0]
    assert msrs.CLASSES[pair.boxes.class_ids[0]] == "bicycle"
    (dataset / name).write_text(content.replace("bicycle", "bus"))
    with pytest.raises(UserError, match=r"expected the 3 names person, bicycle, car .* got car, p"):
        load(tmp_path)


def test_two_lists_of_class_names_of_msrs_must_agree(tmp_path):
    dataset = write_msrs(tmp_path)
    (dataset / "labels/classes.txt").write_text("car\nperson\nbicycle\n")
    (dataset / "data.yaml").write_text("names: [car, person, bicycle]")
    assert msrs.CLASSES[load(tmp_path).pairs[0].boxes.class_ids[0]] == "bicycle"
    (dataset / "data.yaml").write_text("names: [person, car, bicycle]")
    with pytest.raises(UserError, match=r"classes\.txt lists car, .*data\.yaml lists person, car"):
        load(tmp_path)


def test_unknown_class_id_of_msrs_is_refused(tmp_path):
    write_yolo_text_dataset(tmp_path / "msrs", {"00004N": "3 0.5 0.5 0.1 0.1"})
    with pytest.raises(UserError, match=r"00004N\.txt: line 1: class id 3 is not in 0\.\.2"):
        load(tmp_path)


def test_xml_labels_of_msrs_are_refused(tmp_path):
    dataset = write_msrs(tmp_path)
    for key in ("00004N", "00008N", "00431D", "00650D"):
        write_voc_xml(dataset / f"labels/{key}.xml", [])
    with pytest.raises(UserError, match=r"labels are \.xml files"):
        load(tmp_path)


def test_names_of_a_pair_may_differ_by_a_template(tmp_path):
    write_images(tmp_path / "FLIR", ["F_01_T", "F_02_T"])
    write_images(tmp_path / "RGB", ["F_01", "F_02"])
    split = load_folder(tmp_path, infrared="FLIR/{key}_T", visible="RGB")
    assert split.keys == ("F_01", "F_02")
    assert split.pairs[1].infrared == tmp_path / "FLIR/F_02_T.png"


def load_folder(root, split="test", infrared="ir", visible="vi"):
    return load_split(folder.load, root, split, folder.Options(infrared=infrared, visible=visible))


def test_two_folders_are_matched_by_stem_and_every_pair_is_tested(tmp_path):
    write_images(tmp_path / "ir", ["gate", "yard"])
    write_image(tmp_path / "vi/yard.jpg", mode="RGB")
    write_image(tmp_path / "vi/gate.bmp", mode="RGB")
    split = load_folder(tmp_path)
    assert split.keys == ("gate", "yard")
    assert split.pairs[0].visible.name == "gate.bmp"
    assert (split.classes, split.rule_description, split.has_leakage) == ((), "all pairs", False)
    assert [pair.sequence for pair in split.pairs] == ["gate", "yard"]
    assert load_folder(tmp_path, "all").keys == split.keys


def test_split_train_of_a_folder_of_pairs_is_refused(tmp_path):
    for name in ("ir", "vi"):
        write_images(tmp_path / name, ["gate"])
    with pytest.raises(UserError, match="no split 'train'"):
        load_folder(tmp_path, "train")


def test_missing_folder_of_pairs_is_reported_as_a_missing_data_set(tmp_path):
    write_images(tmp_path / "ir", ["gate"])
    with pytest.raises(DatasetNotFoundError, match=r"vi: no such folder.*data\.visible"):
        load_folder(tmp_path)


def test_empty_folders_of_pairs_are_refused(tmp_path):
    (tmp_path / "ir").mkdir()
    (tmp_path / "vi").mkdir()
    with pytest.raises(UserError, match="no images"):
        load_folder(tmp_path)


def test_pair_of_different_sizes_is_refused(tmp_path):
    write_images(tmp_path / "ir", ["gate"])
    write_image(tmp_path / "vi/gate.png", (64, 48))
    with pytest.raises(UserError, match=r"32x24 but .*gate\.png is 64x48"):
        load_folder(tmp_path)


def write_turned_pair(root, key, orientation):
    """A visible image whose EXIF orientation turns it, and an infrared image that is upright."""
    write_image(root / "ir" / f"{key}.png")
    exif = Image.Exif()
    exif[0x0112] = orientation
    (root / "vi").mkdir(exist_ok=True)
    Image.new("RGB", IMAGE_SIZE).save(root / "vi" / f"{key}.jpg", exif=exif)


def load_turned(root):
    return load_split(folder.load, root, "all", folder.Options(infrared="ir", visible="vi"))


def test_images_that_are_turned_for_display_are_counted_in_the_notes(tmp_path):
    for key, orientation in (("a", 1), ("b", 3), ("c", 2)):
        write_turned_pair(tmp_path, key, orientation)
    assert load_turned(tmp_path).notes == (
        ("orientation", "2 of 6 images turned or mirrored, as their EXIF says"),
    )
    for key in ("b", "c"):
        write_turned_pair(tmp_path, key, 1)
    assert load_turned(tmp_path).notes == ()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_pair_that_a_quarter_turn_makes_unequal_is_refused_with_the_reason(tmp_path, orientation):
    write_turned_pair(tmp_path, "a", orientation)
    with pytest.raises(
        UserError,
        match=rf"is 32x24 but .*a\.jpg is 24x32; a\.jpg is stored as 32x24, and its EXIF "
        rf"orientation {orientation} turns it",
    ):
        load_turned(tmp_path)
