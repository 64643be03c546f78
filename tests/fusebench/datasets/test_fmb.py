"""FMB: folder structure, official split, label maps, and refusal of broken data sets."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import fmb
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_fmb, write_image, write_images


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(fmb.load, root, split, fmb.Options(**options))


def test_folders_are_the_official_split(tmp_path):
    write_fmb(tmp_path / "fmb", ["00001", "00004"], ["00002"])
    train, test, everything = (load(tmp_path, name) for name in ("train", "test", "all"))
    assert (train.keys, test.keys) == (("00001", "00004"), ("00002",))
    assert everything.keys == ("00001", "00002", "00004")
    assert test.rule_description == "official"
    assert test.pairs[0].label_map == tmp_path / "fmb/test/Label/00002.png"
    assert test.pairs[0].boxes is None
    assert len(test.classes) == 15
    assert (test.classes[0], test.classes[10], test.classes[14]) == ("unlabelled", "truck", "pole")


def write_colored_label_maps(folder):
    """Replace Label by color: on the left road, on the right person, in FMB's colors."""
    for part in ("train", "test"):
        label = folder / part / "Label"
        (folder / part / "color").mkdir()
        for path in label.iterdir():
            image = Image.new("RGB", IMAGE_SIZE, (179, 228, 228))
            image.paste((76, 99, 166), (16, 0, *IMAGE_SIZE))
            image.save(folder / part / "color" / path.name)
        shutil.rmtree(label)


def test_colored_label_maps_are_read_where_there_is_no_label_folder(tmp_path):
    folder = write_fmb(tmp_path / "fmb", ["1", "3"], ["2"])
    assert load(tmp_path, "test").notes == ()
    write_colored_label_maps(folder)
    split = load(tmp_path, "test")
    (pair,) = split.pairs
    assert pair.label_map == folder / "test/color/2.png"
    labels = read_label_map(pair.label_map, split.classes)
    assert {split.classes[i] for i in np.unique(labels[:, :16])} == {"road"}
    assert {split.classes[i] for i in np.unique(labels[:, 16:])} == {"person"}
    text = "those of train and test are read from the folder color, by color"
    assert split.notes == (("label maps", text),)


def test_label_maps_of_ids_are_preferred_to_colored_ones(tmp_path):
    folder = write_fmb(tmp_path / "fmb", ["1"], ["2"])
    write_image(folder / "test/color/2.png", mode="RGB")
    split = load(tmp_path, "test")
    assert (split.pairs[0].label_map.parent.name, split.notes) == ("Label", ())


def test_color_that_is_of_no_class_is_refused(tmp_path):
    folder = write_fmb(tmp_path / "fmb", ["1"], ["2"])
    write_colored_label_maps(folder)
    Image.new("RGB", IMAGE_SIZE, (173, 229, 229)).save(folder / "test/color/2.png")
    (pair,) = load(tmp_path, "test").pairs
    with pytest.raises(UserError, match=r"color/2\.png: .*colors of no class"):
        read_label_map(pair.label_map, fmb.CLASSES)


def test_another_rule_divides_the_pairs_of_both_folders(tmp_path):
    write_fmb(tmp_path / "fmb", ["00001", "00004"], ["00002", "00250"])
    train = load(tmp_path, "train", split={"rule": "blocks"})
    assert train.keys == ("00001", "00002", "00004")


def test_folder_names_may_have_any_case(tmp_path):
    folder = write_fmb(tmp_path / "FMB", ["1"], ["2"])
    for part in ("train", "test"):
        (folder / part / "Infrared").rename(folder / part / "ir")
        (folder / part / "Label").rename(folder / part / "LABEL")
        (folder / part).rename(folder / part.upper())
    assert load(tmp_path).keys == ("1", "2")


def test_conditions_and_sequences_are_read_from_the_scenario_file(tmp_path):
    folder = write_fmb(tmp_path / "fmb", ["00001"], ["00002"])
    (folder / "meta").mkdir()
    (folder / "meta/scenario.json").write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "range": [{"min": 2, "max": 2}]}]}]'
    )
    (pair,) = load(tmp_path, "test").pairs
    assert (pair.condition, pair.sequence) == ("night", "yard")


def test_sequence_in_both_folders_is_leakage(tmp_path):
    folder = write_fmb(tmp_path / "fmb", ["00001"], ["00002"])
    assert not load(tmp_path, "test").has_leakage
    (folder / "meta").mkdir()
    (folder / "meta/scenario.json").write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "range": [{"min": 1, "max": 2}]}]}]'
    )
    assert load(tmp_path, "test").has_leakage


def test_images_without_label_maps_are_not_reported_as_a_missing_data_set(tmp_path):
    write_images(tmp_path / "fmb/Infrared", ["1"])
    write_images(tmp_path / "fmb/Visible", ["1"])
    with pytest.raises(UserError, match=r"no Label folder.*data set 'folder'") as error:
        load(tmp_path)
    assert not isinstance(error.value, DatasetNotFoundError)


def test_missing_data_set_is_reported_with_the_simulated_one_as_alternative(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"segmentation\.run --scenes_seg"):
        load(tmp_path)


def rename_label_folder(folder):
    (folder / "test/Label").rename(folder / "test/Drawn")


def delete_label_map(folder):
    (folder / "test/Label/2.png").unlink()


def add_label_map_without_image(folder):
    write_image(folder / "test/Label/9.png")


def resize_label_map(folder):
    write_image(folder / "test/Label/2.png", (16, 12))


def add_test_pair_to_train(folder):
    for name in ("Infrared", "Visible", "Label"):
        write_image(folder / "train" / name / "2.png")


def rename_test_folder(folder):
    (folder / "test").rename(folder / "val")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (rename_label_folder, "test: no folder of label maps .*found: Drawn, Infrared, Visible"),
        (delete_label_map, r"test/Label: no images; found: nothing"),
        (add_label_map_without_image, r"1 label\(s\) have no image, in .*test/Label: 9"),
        (resize_label_map, r"Label/2\.png is 16x12 but .*Visible/2\.png is 32x24"),
        (add_test_pair_to_train, r"1 name\(s\) are in train and in test: 2"),
        (rename_test_folder, "no folder of test pairs"),
    ],
)
def test_damaged_data_set_is_refused_by_name(tmp_path, damage, message):
    damage(write_fmb(tmp_path / "fmb", ["1"], ["2"]))
    with pytest.raises(UserError, match=message):
        load(tmp_path)
