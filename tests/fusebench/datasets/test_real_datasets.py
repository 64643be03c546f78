"""Published data sets, if this machine has them: set FUSEBENCH_DATA to their folder."""

import os
from collections import Counter
from pathlib import Path

import pytest

from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import flir_aligned, fmb, llvip, m3fd, mfnet, msrs
from fusebench.errors import DatasetNotFoundError, UserError

ROOT = Path(os.environ.get("FUSEBENCH_DATA", "data"))


def load_all(dataset):
    try:
        return load_split(dataset.load, ROOT, "all", dataset.Options())
    except DatasetNotFoundError:
        pytest.skip(f"{dataset.TITLE} is not in {ROOT} (set FUSEBENCH_DATA)")


def count_boxes(split):
    return Counter(split.classes[i] for pair in split.pairs for i in pair.boxes.class_ids)


def test_m3fd_has_the_published_number_of_boxes():
    split = load_all(m3fd)
    if len(split.pairs) != 4200:
        pytest.skip(f"{len(split.pairs)} of M3FD's 4200 pairs are in {ROOT}")
    assert count_boxes(split) == {
        "Car": 18296,
        "People": 11477,
        "Lamp": 2405,
        "Truck": 1008,
        "Bus": 700,
        "Motorcycle": 521,
    }
    assert sum(pair.size != (1024, 768) for pair in split.pairs) == 274


def test_train_and_test_of_m3fd_have_boxes_of_every_class():
    if len(load_all(m3fd).pairs) != 4200:
        pytest.skip("only part of M3FD is here")
    for part in ("train", "test"):
        assert min(count_boxes(load_split(m3fd.load, ROOT, part, m3fd.Options())).values()) > 50


def test_first_box_of_m3fd_is_that_of_its_xml_file():
    pair = next((pair for pair in load_all(m3fd).pairs if pair.key == "00000"), None)
    if pair is None:
        pytest.skip("M3FD's 00000 is not here")
    assert pair.boxes.corners[0].tolist() == [45, 371, 82, 478]
    assert pair.boxes.class_ids[0] == m3fd.CLASSES.index("People")


def test_msrs_has_day_and_night_and_its_official_split_does_not_leak():
    split = load_all(msrs)
    assert {pair.condition for pair in split.pairs} <= {"day", "night"}
    assert {pair.size for pair in split.pairs} == {(640, 480)}
    try:
        train, test = (
            load_split(msrs.load, ROOT, "train", msrs.Options()),
            load_split(msrs.load, ROOT, "test", msrs.Options()),
        )
    except UserError as error:
        pytest.skip(str(error))
    assert not set(train.keys) & set(test.keys)
    assert not test.has_leakage


def test_fmb_has_the_published_split_sizes_and_only_valid_ids():
    split = load_all(fmb)
    assert (
        len(load_split(fmb.load, ROOT, "train", fmb.Options()).pairs),
        len(load_split(fmb.load, ROOT, "test", fmb.Options()).pairs),
    ) == (1220, 280)
    for pair in split.limit_pairs(20).pairs:
        assert read_label_map(pair.label_map, split.classes).shape == (600, 800)


def test_llvip_test_images_have_the_boxes_of_the_published_labels():
    split = load_all(llvip)
    pair = next((pair for pair in split.pairs if pair.key == "190001"), None)
    if pair is None:
        pytest.skip("LLVIP's 190001 is not here")
    assert pair.size == (1280, 1024)
    assert pair.boxes.corners.tolist() == [[1018, 330, 1137, 588], [1204, 304, 1280, 531]]
    assert {pair.sequence for pair in split.pairs} <= {f"{number:02d}" for number in range(1, 27)}


def test_flir_pairs_are_by_day_and_night_and_have_the_three_classes_of_the_paper():
    split = load_all(flir_aligned)
    assert {pair.size for pair in split.pairs} == {(640, 512)}
    assert {pair.condition for pair in split.pairs} <= {"day", "night", None}
    assert set(count_boxes(split)) == {"person", "bicycle", "car"}
    if len(split.pairs) == 40:  # part of RGBXFusion's training images; counts of its JSON file
        assert split.count_boxes() == [102, 33, 229]


def test_label_maps_of_mfnets_crops_have_ids_of_its_classes():
    options = mfnet.Options(folder="mfnet_crops", split={"rule": "random"})
    try:
        split = load_split(mfnet.load, ROOT, "all", options)
    except DatasetNotFoundError:
        pytest.skip(f"mfnet_crops is not in {ROOT} (set FUSEBENCH_DATA)")
    present = {
        split.classes[i]
        for pair in split.pairs
        for i in set(read_label_map(pair.label_map, split.classes).ravel().tolist())
    }
    assert present == {"background", "car", "person", "bike", "curve"}
