"""A split whose label maps hold no label is refused with the ids that were found."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data.label_images.reading import read_label_image
from fusebench.data.label_images.statistics import LabelStatistics, read_label_statistics
from fusebench.errors import UserError

WITH_UNLABELED, WITHOUT = ("unlabelled", "road"), ("road", "car")


def write(path, ids, *, one_bit=False):
    labels = np.array(ids, np.uint8)
    Image.fromarray(labels > 0 if one_bit else labels).save(path)
    return path


def count(*paths):
    statistics = LabelStatistics()
    for path in paths:
        statistics.add(path, read_label_image(path))
    return statistics


@pytest.mark.parametrize(
    ("classes", "ids", "message"),
    [
        (WITH_UNLABELED, [[0, 255, 255]], r"0 \(1 pixels\) and 255 \(2 pixels\)\. 255 means unlab"),
        (
            WITH_UNLABELED,
            [[255, 255]],
            r"the only ids are 255 \(2 pixels\).* replace 255 by the id",
        ),
        (WITH_UNLABELED, [[0, 0]], "0 is the class unlabelled; was a conversion to 8 bits made"),
        (WITHOUT, [[255, 255]], r"maps, no pixel has a label: the only ids are 255"),
    ],
)
def test_label_maps_without_a_label_are_refused(tmp_path, classes, ids, message):
    with pytest.raises(UserError, match=message):
        count(write(tmp_path / "a.png", ids)).check_any_class(classes, "maps")


@pytest.mark.parametrize(
    ("classes", "ids"), [(WITH_UNLABELED, [[255, 0, 1]]), (WITHOUT, [[255, 0]]), (WITHOUT, [[0]])]
)
def test_one_labeled_pixel_is_enough(tmp_path, classes, ids):
    count(write(tmp_path / "a.png", ids)).check_any_class(classes, "maps")


def test_masks_of_one_bit_among_others_are_refused_because_white_may_have_been_255(tmp_path):
    one_bit = write(tmp_path / "small.png", [[0, 1]], one_bit=True)
    eight_bits = write(tmp_path / "a.png", [[0, 1]])
    with pytest.raises(
        UserError, match=r"1 label maps have one bit .*first: small\.png\) and 1 ha"
    ):
        count(one_bit, eight_bits).check_bit_depths("maps")
    black = write(tmp_path / "black.png", [[0, 0]], one_bit=True)  # 0 in any depth
    count(eight_bits, black).check_bit_depths("maps")
    count(one_bit, black).check_any_class(WITH_UNLABELED, "maps")


def test_the_counts_are_written_and_read(tmp_path):
    statistics = count(write(tmp_path / "a.png", [[0, 7, 7]]))
    statistics.write(tmp_path / "labels.json")
    again = read_label_statistics(tmp_path / "labels.json")
    assert {i: n for i, n in enumerate(again.pixels.tolist()) if n} == {0: 1, 7: 2}
    assert (again.one_bit_files, again.other_files) == ([], 1)
