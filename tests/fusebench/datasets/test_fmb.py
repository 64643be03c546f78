import numpy as np
import pytest
from PIL import Image

from fusebench.data.label_maps import read_label_map
from fusebench.datasets import fmb
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import write_fmb as tree_of
from tests.helpers.dataset_folders import write_image, write_images


def load(root, part="all", /, **options):
    return fmb.load(root, part, fmb.Options(**options))


def test_the_folders_are_the_split(tmp_path):
    tree_of(tmp_path / "fmb", ["00001", "00004"], ["00002"])
    train, test, everything = (load(tmp_path, name) for name in ("train", "test", "all"))
    assert (train.keys, test.keys) == (("00001", "00004"), ("00002",))
    assert everything.keys == ("00001", "00002", "00004")
    assert test.rule_description == "official"
    assert test.pairs[0].label_map == tmp_path / "fmb/test/Label/00002.png"
    assert test.pairs[0].boxes is None
    assert len(test.classes) == 15
    assert (test.classes[0], test.classes[10], test.classes[14]) == ("unlabelled", "truck", "pole")


def test_another_rule_divides_both_folders_anew(tmp_path):
    tree_of(tmp_path / "fmb", ["00001", "00004"], ["00002", "00250"])
    found = load(tmp_path, "train", split={"rule": "blocks"})
    assert found.keys == ("00001", "00002", "00004")


def test_folder_names_may_have_any_case(tmp_path):
    tree = tree_of(tmp_path / "FMB", ["1"], ["2"])
    for part in ("train", "test"):
        (tree / part / "Infrared").rename(tree / part / "ir")
        (tree / part / "Label").rename(tree / part / "LABEL")
        (tree / part).rename(tree / part.upper())
    assert load(tmp_path).keys == ("1", "2")


def test_conditions_come_from_the_scenario_file(tmp_path):
    tree = tree_of(tmp_path / "fmb", ["00001"], ["00002"])
    (tree / "meta").mkdir()
    (tree / "meta/scenario.json").write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "range": [{"min": 2, "max": 2}]}]}]'
    )
    (pair,) = load(tmp_path, "test").pairs
    assert (pair.condition, pair.sequence) == ("night", "yard")


def test_a_sequence_in_both_folders_is_a_leak(tmp_path):
    tree = tree_of(tmp_path / "fmb", ["00001"], ["00002"])
    assert not load(tmp_path, "test").has_leakage
    (tree / "meta").mkdir()
    (tree / "meta/scenario.json").write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "range": [{"min": 1, "max": 2}]}]}]'
    )
    assert load(tmp_path, "test").has_leakage


def test_images_without_masks_are_told_apart_from_absent_data(tmp_path):
    write_images(tmp_path / "fmb/Infrared", ["1"])
    write_images(tmp_path / "fmb/Visible", ["1"])
    with pytest.raises(UserError, match=r"no Label folder.*data set 'folder'") as fault:
        load(tmp_path)
    assert not isinstance(fault.value, DatasetNotFoundError)


def test_absent_data_names_the_simulated_scenes_with_masks(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"segmentation\.run --scenes_seg"):
        load(tmp_path)


def spoil_label_folder(tree):
    (tree / "test/Label").rename(tree / "test/color")


def spoil_mask_missing(tree):
    (tree / "test/Label/2.png").unlink()


def spoil_mask_left_over(tree):
    write_image(tree / "test/Label/9.png")


def spoil_mask_size(tree):
    write_image(tree / "test/Label/2.png", (16, 12))


def spoil_key_on_both_sides(tree):
    for name in ("Infrared", "Visible", "Label"):
        write_image(tree / "train" / name / "2.png")


def spoil_no_test(tree):
    (tree / "test").rename(tree / "val")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_label_folder, "test: no folder of masks .*found: Infrared, Visible, color"),
        (spoil_mask_missing, r"1 image\(s\) have no label in .*test/Label: 2"),
        (spoil_mask_left_over, r"1 label\(s\) have no image, in .*test/Label: 9"),
        (spoil_mask_size, r"Label/2\.png is 16x12 but .*Visible/2\.png is 32x24"),
        (spoil_key_on_both_sides, r"1 name\(s\) are in train and in test: 2"),
        (spoil_no_test, "no folder of test pairs"),
    ],
)
def test_a_spoilt_tree_is_refused_by_name(tmp_path, spoil, says):
    spoil(tree_of(tmp_path / "fmb", ["1"], ["2"]))
    with pytest.raises(UserError, match=says):
        load(tmp_path)


def test_a_mask_is_its_ids_and_255_is_unlabeled(tmp_path):
    Image.fromarray(np.array([[0, 14, 255]], np.uint8)).save(tmp_path / "a.png")
    assert read_label_map(tmp_path / "a.png", fmb.CLASSES).tolist() == [[0, 14, 0]]


def test_an_id_without_a_class_is_refused_by_name(tmp_path):
    Image.fromarray(np.array([[0, 15, 15, 200]], np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: id 15 \(2 pixels\) has no class.*0\.\.14"):
        read_label_map(tmp_path / "a.png", fmb.CLASSES)


def test_a_color_rendering_is_no_mask(tmp_path):
    write_image(tmp_path / "a.png", mode="RGB")
    with pytest.raises(UserError, match="one channel of class ids"):
        read_label_map(tmp_path / "a.png", fmb.CLASSES)
