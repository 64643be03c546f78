"""The published data sets, where this machine has them: set FUSEBENCH_DATA to their folder."""

import os
from collections import Counter
from pathlib import Path

import pytest

from fusebench.data.label_maps import read_label_map
from fusebench.datasets import fmb, m3fd, msrs
from fusebench.errors import DatasetNotFoundError, UserError

ROOT = Path(os.environ.get("FUSEBENCH_DATA", "data"))


def whole(dataset):
    try:
        return dataset.load(ROOT, "all")
    except DatasetNotFoundError:
        pytest.skip(f"{dataset.TITLE} is not in {ROOT} (set FUSEBENCH_DATA)")


def counts(split):
    return Counter(split.classes[i] for pair in split.pairs for i in pair.boxes.classes)


def test_m3fd_has_the_published_number_of_boxes():
    split = whole(m3fd)
    if len(split.pairs) != 4200:
        pytest.skip(f"{len(split.pairs)} of M3FD's 4200 pairs are in {ROOT}")
    assert counts(split) == {
        "Car": 18296,
        "People": 11477,
        "Lamp": 2405,
        "Truck": 1008,
        "Bus": 700,
        "Motorcycle": 521,
    }
    assert sum(pair.size != (1024, 768) for pair in split.pairs) == 274


def test_every_class_of_m3fd_is_in_train_and_in_test():
    if len(whole(m3fd).pairs) != 4200:
        pytest.skip("only part of M3FD is here")
    for part in ("train", "test"):
        assert min(counts(m3fd.load(ROOT, part)).values()) > 50


def test_m3fd_boxes_are_people_where_the_xml_says_so():
    pair = next((p for p in whole(m3fd).pairs if p.key == "00000"), None)
    if pair is None:
        pytest.skip("M3FD's 00000 is not here")
    assert pair.boxes.corners[0].tolist() == [45, 371, 82, 478]
    assert pair.boxes.classes[0] == m3fd.CLASSES.index("People")


def test_msrs_names_say_day_or_night_and_its_lists_do_not_leak():
    split = whole(msrs)
    assert {pair.scene for pair in split.pairs} <= {"day", "night"}
    assert {pair.size for pair in split.pairs} == {(640, 480)}
    try:
        train, test = msrs.load(ROOT, "train"), msrs.load(ROOT, "test")
    except UserError as fault:
        pytest.skip(str(fault))
    assert not set(train.keys) & set(test.keys)
    assert not test.has_leakage


def test_fmb_has_its_published_sizes_and_known_ids():
    split = whole(fmb)
    assert (len(fmb.load(ROOT, "train").pairs), len(fmb.load(ROOT, "test").pairs)) == (1220, 280)
    for pair in split.limit_pairs(20).pairs:
        assert read_label_map(pair.label_map, split.classes).shape == (600, 800)
