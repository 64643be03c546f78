"""LLVIP: its four trees, sequences of its names, partial downloads."""

import json

import pytest

from fusebench.data.split_builder import load_split
from fusebench.datasets import llvip
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_image, write_voc_xml

PERSON = [("person", 2, 3, 12, 13)]
SAME_BOX = "0 0.21875 0.3333333333 0.3125 0.4166666667\n"  # of PERSON in an image of 32 x 24


def load(root, split="all", /, **options):
    return load_split(llvip.load, root, split, llvip.Options(**options))


def write_images(folder, parts, names=("010001", "190001")):
    for part, name in zip(parts, names, strict=True):
        write_image(folder / "infrared" / part / f"{name}.jpg")
        write_image(folder / "visible" / part / f"{name}.jpg", mode="RGB")


def write_official(root):
    write_images(root / "llvip", ("train", "test"))
    for name in ("010001", "190001"):
        write_voc_xml(root / "llvip/Annotations" / f"{name}.xml", PERSON)


def write_damsdet(root, parts=("train", "val")):
    for part, name in zip(parts, ("010001", "190001"), strict=False):
        folder = root / f"llvip/{part}_imgs"
        write_image(folder / f"ir_imgs/{name}.jpg")
        write_image(folder / f"vis_imgs/{name}.jpg", mode="RGB")
        size = {"width": float(IMAGE_SIZE[0]), "height": float(IMAGE_SIZE[1])}
        document = {
            "images": [{"id": 0, "file_name": f"{name}.jpg", **size}],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [
                {"id": 1, "image_id": 0, "category_id": 1, "bbox": [2.0, 3.0, 10.0, 10.0]}
            ],
        }
        path = root / f"llvip/annotations/{part}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))


def write_yolo(root):
    write_images(root / "llvip", ("train", "test"))
    for part, name in (("train", "010001"), ("test", "190001")):
        path = root / f"llvip/labels/{part}/{name}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(SAME_BOX)


def write_sensor_labels(root):
    write_images(root / "llvip/images", ("train", "val"))
    for sensor, text in (("infrared", SAME_BOX), ("visible", "")):
        for part, name in (("train", "010001"), ("val", "190001")):
            path = root / f"llvip/labels/{sensor}/{part}/{name}.txt"
            path.parent.mkdir(parents=True)
            path.write_text(text)


@pytest.mark.parametrize("write", [write_official, write_damsdet, write_yolo, write_sensor_labels])
def test_every_tree_has_the_same_split_and_boxes(tmp_path, write):
    write(tmp_path)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (("010001",), ("190001",))
    assert train.pairs[0].boxes.corners[0].tolist() == pytest.approx([2, 3, 12, 13], abs=1e-6)
    assert test.count_boxes() == [1]
    assert test.rule_description.startswith("folders train / ")


def test_the_first_two_digits_are_the_sequence_and_conditions_are_unknown(tmp_path):
    write_official(tmp_path)
    assert [(p.sequence, p.condition) for p in load(tmp_path).pairs] == [("01", None), ("19", None)]
    assert not load(tmp_path, "test").has_leakage


def test_a_scene_in_both_parts_is_leakage(tmp_path):
    write_images(tmp_path / "llvip", ("train", "test"), ("010001", "010900"))
    for name in ("010001", "010900"):
        write_voc_xml(tmp_path / "llvip/Annotations" / f"{name}.xml", PERSON)
    assert load(tmp_path, "test").has_leakage


def test_labels_of_images_that_were_not_downloaded_do_no_harm(tmp_path):
    write_official(tmp_path)
    write_voc_xml(tmp_path / "llvip/Annotations/260001.xml", PERSON)
    assert load(tmp_path).keys == ("010001", "190001")


def test_a_missing_label_file_is_refused_unless_the_options_say_what_it_means(tmp_path):
    write_official(tmp_path)
    (tmp_path / "llvip/Annotations/190001.xml").unlink()
    with pytest.raises(UserError, match=r"have no label .*190001.*unlabeled_images"):
        load(tmp_path)
    split = load(tmp_path, unlabeled_images="background")
    assert [len(pair.boxes) for pair in split.pairs] == [1, 0]


def test_each_sensor_can_have_labels_of_its_own(tmp_path):
    write_sensor_labels(tmp_path)
    assert load(tmp_path, sensor="visible").count_boxes() == [0]
    notes = dict(load(tmp_path).notes).values()
    assert "drawn for the infrared images; those of the visible images are not used" in notes


def test_images_without_labels_are_pairs_without_boxes(tmp_path):
    write_images(tmp_path / "llvip", ("train", "test"))
    assert load(tmp_path, "test").pairs[0].boxes is None


def test_only_the_test_images_can_all_be_tested(tmp_path):
    write_damsdet(tmp_path, parts=("val",))
    with pytest.raises(UserError, match="official"):
        load(tmp_path, "test")
    assert load(tmp_path, "test", split={"rule": "all"}).keys == ("010001",)


def test_absent_data_and_other_trees_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"LLVIP is not at .*/llvip"):
        load(tmp_path)
    write_image(tmp_path / "llvip/photos/1.png")
    with pytest.raises(UserError, match=r"expected infrared/.*found: photos.*dataset: pairs"):
        load(tmp_path)
