"""Train and test parts by folders."""

import pytest

from fusebench.data.trees.options import SplitFolders
from fusebench.data.trees.split_folders import divide_by_folders


def divide(*folders, **names):
    return divide_by_folders({str(n): f for n, f in enumerate(folders)}, SplitFolders(**names))


@pytest.mark.parametrize(
    ("folders", "test"),
    [
        (("train", "test"), ["1"]),
        (("Train", "VAL"), ["1"]),
        (("train", "val", "test"), ["2"]),
        (("train", "valid", "validation"), ["1"]),
    ],
)
def test_the_test_part_is_test_or_else_the_validation_part(folders, test):
    split = divide(*folders)
    assert split.parts == {"train": ["0"], "test": test}


def test_a_folder_that_is_not_used_is_stated_as_a_caution():
    split = divide("train", "val", "test", "val")
    assert split.text == "folders train / test"
    [(name, text)] = split.notes
    assert name.endswith("folders left out")
    assert text == "val (2 pairs) in no part"


def test_named_folders_whatever_their_case_are_joined():
    split = divide("Day", "night", "A", train="day", test=["NIGHT", "a"])
    assert split.parts == {"train": ["0"], "test": ["1", "2"]}
    assert split.text == "folders day / a and night"


@pytest.mark.parametrize(
    ("folders", "hint"),
    [
        (("", ""), "; the paths of the images have no {split}"),
        (("train", "train"), "stands for train (2 pairs); name those of both parts"),
        (("a", "b"), "stands for a (1 pairs), b (1 pairs)"),
        (("train", ""), "stands for no text (1 pairs), train (1 pairs)"),
    ],
)
def test_folders_that_do_not_say_both_parts_are_no_division(folders, hint):
    split = divide(*folders)
    assert split.parts is None
    assert hint in split.hint
