"""Upright hulls of oriented boxes of VOC files."""

import math
from collections import Counter
from xml.etree.ElementTree import fromstring

import pytest

from fusebench.data import box_annotations
from fusebench.data.box_labels.upright_hulls import clip_to_image, read_upright_hull
from fusebench.errors import UserError

SIZE = (100, 80)


def build_rotated(x, y, width, height, angle):
    return fromstring(
        f"<object><robndbox><cx>{x}</cx><cy>{y}</cy><w>{width}</w><h>{height}</h>"
        f"<angle>{angle}</angle></robndbox></object>"
    )


def test_a_box_that_is_turned_by_a_right_angle_swaps_its_sides():
    edges = read_upright_hull(build_rotated(50, 40, 20, 10, math.pi / 2), SIZE, Counter())
    assert edges == pytest.approx((45, 30, 55, 50))


def test_a_square_that_is_turned_by_45_degrees_grows_by_the_root_of_two():
    edges = read_upright_hull(build_rotated(50, 40, 20, 20, math.pi / 4), SIZE, Counter())
    half = 10 * math.sqrt(2)
    assert edges == pytest.approx((50 - half, 40 - half, 50 + half, 40 + half))


def test_a_corner_that_is_no_number_makes_the_box_unusable():
    counts = Counter()
    assert read_upright_hull(build_rotated(50, "?", 20, 20, 0), SIZE, counts) is None
    assert counts["unusable"] == 1


def test_boxes_are_clipped_however_far_they_reach():
    counts = Counter()
    assert clip_to_image((-90, 10, 40, 200), SIZE, counts) == (0, 10, 40, 80)
    assert clip_to_image((100, 10, 140, 20), SIZE, counts) is None
    assert counts == {"clipped": 1, "unusable": 1}


def test_oriented_boxes_are_an_error_without_the_option(tmp_path):
    path = tmp_path / "a.xml"
    points = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate(CORNERS, 1))
    path.write_text(
        f"<annotation><object><name>car</name><polygon>{points}</polygon></object></annotation>"
    )
    with pytest.raises(UserError, match=r"a polygon and no bndbox.*upright_hulls"):
        box_annotations.read_voc_labels(path, ["car"], SIZE)
    labels = box_annotations.read_voc_labels(path, ["car"], SIZE, use_hulls=True)
    assert labels.boxes.corners.tolist() == [[10, 20, 40, 70]]


CORNERS = [(20, 20), (40, 30), (30, 70), (10, 60)]
