"""Shifts of pairs: known shifts of toy scenes, and pairs for which there is no shift."""

import math

import cv2
import numpy as np
import pytest

from fusebench.doctor.checks import registration, shift_estimation
from fusebench.doctor.checks.shift_estimation import RADIUS, Shift

SIZE = (240, 320)  # height, width


def draw_scene(right=0, down=0, seed=3):
    """Twenty rectangles of different gray levels, shifted; uint8 (H, W)."""
    rng = np.random.default_rng(seed)
    scene = np.full((SIZE[0] + 80, SIZE[1] + 80), 90, np.uint8)
    for _ in range(20):
        left, top = rng.integers(0, [SIZE[1], SIZE[0]]).tolist()
        width, height = rng.integers(20, 80, 2).tolist()
        level = int(rng.integers(0, 256))
        cv2.rectangle(scene, (left, top), (left + width, top + height), level, -1)
    return scene[40 - down : 40 - down + SIZE[0], 40 - right : 40 - right + SIZE[1]].copy()


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, -3), (-9, 7), (RADIUS, RADIUS)])
def test_a_known_shift_is_recovered_although_the_contrast_is_inverted(right, down):
    infrared, visible = 255 - draw_scene(), draw_scene(right, down)
    shift = shift_estimation.estimate_shift(infrared, visible)
    assert (shift.right, shift.down) == (-right, -down)
    assert shift.is_certain


def test_the_shift_does_not_depend_on_the_order_of_the_gray_levels():
    table = np.random.default_rng(1).permutation(256).astype(np.uint8)
    shift = shift_estimation.estimate_shift(table[draw_scene()], draw_scene(4, 2))
    assert (shift.right, shift.down) == (-4, -2)


def test_a_flat_image_has_no_shift():
    flat = np.full(SIZE, 90, np.uint8)
    assert shift_estimation.estimate_shift(flat, draw_scene()).confidence == 0
    assert shift_estimation.estimate_shift(flat, flat) == Shift(0, 0, 0)


def test_noise_has_no_certain_shift():
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, SIZE, dtype=np.uint8) for _ in range(2)]
    assert not shift_estimation.estimate_shift(*noise).is_certain


def test_mutual_information_is_that_of_the_joint_histogram_of_the_overlap():
    rng = np.random.default_rng(5)
    first, second = (rng.integers(0, shift_estimation.BINS + 1, (40, 50)) for _ in range(2))
    second[5:, 3:] = first[:-5, :-3]  # dependent if second is moved up by 5 and left by 3
    information = shift_estimation.compute_mutual_information(first, second)
    assert np.unravel_index(information.argmax(), information.shape) == (RADIUS - 5, RADIUS - 3)
    a, b = first[:-5, :-3].ravel(), second[5:, 3:].ravel()
    expected = 0.0
    for i in set(a.tolist()):
        for j in set(b.tolist()):
            joint = np.mean((a == i) & (b == j))
            if joint:
                expected += joint * math.log2(joint / (np.mean(a == i) * np.mean(b == j)))
    assert information.max() == pytest.approx(expected, rel=1e-9)


def test_images_are_reduced_to_a_width_of_320_and_keep_their_shape():
    assert shift_estimation.reduce_image(np.zeros((768, 1024), np.uint8)).shape == (240, 320)
    assert shift_estimation.reduce_image(np.zeros((60, 80), np.uint8)).shape == (240, 320)
    assert shift_estimation.reduce_image(np.zeros((5000, 1), np.uint8)).shape == (1280, 320)
    assert shift_estimation.reduce_image(np.zeros((1, 5000), np.uint8)).shape == (24, 320)


def test_the_edge_of_a_black_border_does_not_decide():
    infrared, visible = draw_scene(), draw_scene(6, 0)
    content = (60, 40, 270, 210)
    bordered = np.zeros(SIZE, np.uint8)
    bordered[40:210, 60:270] = visible[40:210, 60:270]
    frame = infrared.copy()  # the same frame, in place, in the other sensor
    cv2.rectangle(frame, (60, 40), (269, 209), 255, 2)
    assert shift_estimation.measure_shift(frame, bordered, content).right == -6


def test_a_content_that_is_too_small_is_not_measured():
    assert shift_estimation.measure_shift(draw_scene(), draw_scene(), (0, 0, 30, 240)) is None


def check(shifts):
    section = registration.check_registration(shifts, dict.fromkeys(shifts, 640), {})
    return {finding.title: finding for finding in section.findings}


def test_shifted_pairs_are_reported_in_pixels_of_the_image_the_worst_first():
    shifts = {"a": Shift(1, 0, 9), "b": Shift(4, 0, 9), "c": Shift(-6, 8, 9)}
    (finding,) = check(shifts).values()
    assert finding.severity == "warning"
    assert finding.title.startswith("2 of 3 measurable pairs")
    assert [item.name for item in finding.items] == ["c", "b"]
    assert "-12 px right, +16 px down" in finding.items[0].detail  # 640 px: twice the 320


def test_uncertain_pairs_are_a_note_and_never_count_as_shifted():
    (finding,) = check({"a": Shift(9, 9, 2.0), "b": Shift(0, 0, 8)}).values()
    assert finding.severity == "note"
    assert [item.name for item in finding.items] == ["a"]


def test_pairs_that_hardly_ever_fit_are_reported_as_wrong_partners():
    shifts = {f"{i:02d}": Shift(0, 0, 9 if i < 2 else 2) for i in range(25)}
    assert any("do not belong together" in title for title in check(shifts))
    shifts |= {f"{i:02d}": Shift(0, 0, 9) for i in range(5)}
    assert not any("do not belong together" in title for title in check(shifts))


def test_a_common_shift_of_all_pairs_is_reported():
    titles = check({f"{i:02d}": Shift(2, 0, 9) for i in range(25)})
    assert any("whole data set is shifted" in title for title in titles)
    assert not check({f"{i:02d}": Shift(i % 2, 0, 9) for i in range(25)})
