import pytest

from fusebench.datasets import folder, msrs
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import (
    write_image,
    write_images,
    write_voc_xml,
    write_yolo_text_dataset,
)

CAR = "2  0.5  0.5  0.25  0.5  "


def msrs_tree(root):
    return write_yolo_text_dataset(
        root / "msrs", {"00004N": CAR + "\n\n", "00008N": "", "00431D": CAR, "00650D": CAR}
    )


def load(root, part="all", /, **options):
    return msrs.load(root, part, msrs.Options(**options))


def test_msrs_is_read_with_its_scene_from_the_name(tmp_path):
    msrs_tree(tmp_path)
    found = load(tmp_path)
    assert [pair.condition for pair in found.pairs] == ["night", "night", "day", "day"]
    assert [len(pair.boxes) for pair in found.pairs] == [1, 0, 1, 1]
    assert found.class_ids[found.pairs[0].boxes.class_ids[0]] == "car"
    assert [pair.group for pair in found.pairs] == [
        "block-0000",
        "block-0000",
        "block-0004",
        "block-0006",
    ]


def test_msrs_official_lists_are_its_split(tmp_path):
    tree = msrs_tree(tmp_path)
    (tree / "splits").mkdir()
    (tree / "splits/train.txt").write_text("00004N\n00008N\n")
    (tree / "splits/test.txt").write_text("00431D\n")
    assert load(tmp_path, "train").keys == ("00004N", "00008N")
    assert load(tmp_path, "test").keys == ("00431D",)
    assert load(tmp_path, "test").rule_description == "official"
    assert len(load(tmp_path, "all").pairs) == 4


def test_msrs_without_its_lists_says_which_rules_there_are(tmp_path):
    msrs_tree(tmp_path)
    with pytest.raises(UserError, match="no official split here; set split to blocks, random"):
        load(tmp_path, "test")
    assert load(tmp_path, "test", split={"rule": "blocks"}).keys == ("00650D",)


def test_an_id_that_msrs_does_not_have_is_refused(tmp_path):
    write_yolo_text_dataset(tmp_path / "msrs", {"00004N": "3 0.5 0.5 0.1 0.1"})
    with pytest.raises(UserError, match=r"00004N\.txt: line 1: class id 3 is not in 0\.\.2"):
        load(tmp_path)


def test_msrs_has_no_xml_labels(tmp_path):
    tree = msrs_tree(tmp_path)
    for key in ("00004N", "00008N", "00431D", "00650D"):
        write_voc_xml(tree / f"labels/{key}.xml", [])
    with pytest.raises(UserError, match=r"labels are \.xml files"):
        load(tmp_path)


def pairs_of(root, split="test", infrared="ir", visible="vi"):
    return folder.load(root, split, folder.Options(infrared=infrared, visible=visible))


def test_two_folders_are_matched_by_stem_and_all_is_tested(tmp_path):
    write_images(tmp_path / "ir", ["gate", "yard"])
    write_image(tmp_path / "vi/yard.jpg", mode="RGB")
    write_image(tmp_path / "vi/gate.bmp", mode="RGB")
    found = pairs_of(tmp_path)
    assert found.keys == ("gate", "yard")
    assert found.pairs[0].visible.name == "gate.bmp"
    assert (found.classes, found.rule_description, found.has_leakage) == ((), "all pairs", False)
    assert [pair.sequence for pair in found.pairs] == ["gate", "yard"]
    assert pairs_of(tmp_path, "all").keys == found.keys


def test_a_folder_of_pairs_cannot_be_trained_on(tmp_path):
    with pytest.raises(UserError, match="no split 'train'"):
        pairs_of(tmp_path, "train")


def test_a_missing_folder_of_pairs_is_absent_data(tmp_path):
    write_images(tmp_path / "ir", ["gate"])
    with pytest.raises(DatasetNotFoundError, match=r"vi: no such folder.*data\.visible"):
        pairs_of(tmp_path)


def test_two_empty_folders_are_refused(tmp_path):
    (tmp_path / "ir").mkdir()
    (tmp_path / "vi").mkdir()
    with pytest.raises(UserError, match="no images"):
        pairs_of(tmp_path)


def test_sizes_of_a_pair_that_differ_are_refused(tmp_path):
    write_images(tmp_path / "ir", ["gate"])
    write_image(tmp_path / "vi/gate.png", (64, 48))
    with pytest.raises(UserError, match=r"32x24 but .*gate\.png is 64x48"):
        pairs_of(tmp_path)
