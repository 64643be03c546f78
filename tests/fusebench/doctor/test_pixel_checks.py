"""Borders, darkness and the contrast of boxes, on images with known gray levels."""

import numpy as np
import pytest

from fusebench.doctor.checks import borders, illumination, sensor_contrast
from fusebench.doctor.checks.sensor_contrast import BoxContrast

RNG = np.random.default_rng(4)


def test_a_black_border_is_measured_to_the_pixel():
    image = np.zeros((60, 80), np.uint8)
    image[5:50, 8:77] = 120
    assert borders.find_content(image) == (8, 5, 77, 50)
    assert borders.compute_border_share((8, 5, 77, 50), (80, 60)) == pytest.approx(10 / 60)


def test_compression_noise_in_a_border_does_not_hide_it():
    image = RNG.integers(0, 4, (60, 80), dtype=np.uint8)
    image[:, 20:] = 120
    assert borders.find_content(image) == (20, 0, 80, 60)


def test_a_dark_image_has_no_border():
    image = np.zeros((60, 80), np.uint8)
    image[30:40, 30:40] = 200  # a lamp at night
    assert borders.find_content(image) == (0, 0, 80, 60)


def test_narrow_borders_are_not_reported():
    contents = {"wide": ((0, 0, 100, 100), (0, 0, 90, 100)), "narrow": ((1, 0, 100, 100),) * 2}
    section = borders.check_borders(contents, dict.fromkeys(contents, (100, 100)))
    (finding,) = section.findings
    assert finding.title.startswith("1 of 2 visible images")
    assert finding.items[0].detail == "up to 10 % of a side"


def test_brightness_is_mean_and_percentiles():
    image = np.repeat(np.arange(100, dtype=np.uint8), 100).reshape(100, 100)
    mean, low, high = illumination.measure_brightness(image)
    assert mean == 49.5
    assert (low, high) == tuple(np.percentile(image, [1, 99], method="inverted_cdf"))


@pytest.mark.parametrize(
    ("condition", "mean", "expected"),
    [
        ("day", 20, True),
        ("day", 100, False),
        ("night", 20, False),
        ("Night", 146, False),
        ("Night", 180, True),
        ("", 1, False),
        ("fog", 250, False),
    ],
)
def test_a_condition_is_doubted_only_if_its_name_and_the_image_contradict(
    condition, mean, expected
):
    assert illumination.is_contradiction(condition, mean) == expected


def test_dark_flat_and_contradicting_images_are_reported_the_worst_first():
    visible = {"a": (10.0, 0.0, 20.0), "b": (5.0, 0.0, 20.0), "c": (120.0, 0.0, 250.0)}
    infrared = {"a": (50.0, 45.0, 55.0), "b": (50.0, 0.0, 90.0), "c": (50.0, 0.0, 90.0)}
    section = illumination.check_illumination(infrared, visible, {"a": "day", "b": "night"})
    items = [[item.name for item in finding.items] for finding in section.findings]
    assert items == [["a"], ["a"], ["b", "a"]]  # contradiction, flat infrared, dark
    assert [histogram.counts[0] for histogram in section.histograms] == [2, 1]


def test_the_contrast_of_a_box_is_the_range_inside_it_without_noise():
    image = np.full((100, 100), 50, np.uint8)
    image[20:60, 20:40] = 150
    noise = RNG.integers(0, 4, image.shape, dtype=np.uint8)
    corners = np.array([[20, 20, 40, 60], [60, 60, 90, 90]], float)
    contrasts = sensor_contrast.measure_box_contrast(image + noise, corners)
    assert contrasts[0] == pytest.approx(100, abs=3)
    assert contrasts[1] < 3


def test_boxes_at_the_edge_of_the_image_are_measured():
    image = np.zeros((50, 50), np.uint8)
    image[:, 45:] = 200
    corners = np.array([[40, 0, 50, 50], [-3, -3, 2, 2]], float)
    contrasts = sensor_contrast.measure_box_contrast(image, corners)
    assert contrasts[0] > 150
    assert contrasts[1] == 0


def box(key, infrared, visible, class_id=0, size=30):
    return BoxContrast(key, class_id, (0, 0, size, size), infrared, visible)


@pytest.mark.parametrize(
    ("infrared", "visible", "sensor"),
    [
        (120, 8, "infrared"),
        (8, 120, "visible"),
        (120, 60, ""),  # both can be seen
        (60, 15, ""),  # not five times
        (300, 25, ""),  # the weaker one can be seen
        (10, 1, ""),  # none can be seen
    ],
)
def test_a_box_fits_one_sensor_if_the_other_one_is_flat(infrared, visible, sensor):
    assert box("a", infrared, visible).sensor == sensor


def test_boxes_of_one_sensor_are_reported_with_their_share_per_class():
    boxes = [box("a", 100, 5), box("b", 100, 9), box("c", 90, 80), box("d", 9, 70, 1)]
    boxes += [box("small", 100, 1, size=4)]
    section = sensor_contrast.check_sensor_contrast(boxes, ("person", "car"), {})
    infrared, visible = section.findings
    assert "2 of 4 boxes (50.0 %) can be seen in infrared only (person 66.7 %)" in infrared.title
    assert [item.name for item in infrared.items] == ["a", "b"]
    assert "1 of 4 boxes (25.0 %) can be seen in visible only (car 100.0 %)" in visible.title


def test_boxes_without_contrast_in_both_sensors_are_reported():
    boxes = [box("a", 3, 4), box("b", 100, 90)]
    (finding,) = sensor_contrast.check_sensor_contrast(boxes, ("person",), {}).findings
    assert "show nothing in either sensor" in finding.title
    assert [item.name for item in finding.items] == ["a"]
