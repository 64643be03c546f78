"""Attributes of pairs by hand on small images, and their file in the store."""

from dataclasses import replace

import numpy as np
import pytest

from fusebench.data import images
from fusebench.data.boxes import Boxes
from fusebench.errors import UserError
from fusebench.storage.store import Store
from reports.attributes import measurement, stored_attributes
from tests.helpers.reports.synthetic_records import write_split


def test_the_contrast_of_an_object_is_to_its_surroundings():
    image = np.full((40, 60), 50, np.uint8)
    image[10:20, 20:40] = 90
    corners = np.array([[20.0, 10, 40, 20]])
    assert measurement.measure_object_contrast(image, corners) == pytest.approx(40)
    assert measurement.measure_object_contrast(255 - image, corners) == pytest.approx(40)
    # half of the ring of a second, shifted box is object: |50 - mean of ring|
    both = np.vstack([corners, [[0.0, 30, 4, 34]]])
    assert measurement.measure_object_contrast(image, both) == pytest.approx(20)


def test_boxes_without_pixels_or_surroundings_have_no_contrast():
    image = np.zeros((8, 8), np.uint8)
    for corners in ([], [[0, 0, 8, 8]], [[-9, -9, -4, -4]], [[3.1, 3.1, 3.2, 3.2]]):
        boxes = np.array(corners, float).reshape(-1, 4)
        assert measurement.measure_object_contrast(image, boxes) is None


def test_overlap_is_the_largest_share_that_another_box_covers():
    corners = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert measurement.measure_overlap(corners) == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert measurement.measure_overlap(corners[:1]) == 0
    assert measurement.measure_overlap(corners[:0]) is None


def test_regions_are_small_connected_areas_of_one_class():
    label_map = np.zeros((100, 100), np.uint8)
    label_map[50:] = 1  # background: half of the image
    label_map[10:20, 10:20] = 2
    label_map[10:20, 40:50] = 2
    label_map[30:32, 30:32] = 3  # 4 pixels: too small
    label_map[70:80, 70:80] = 4
    unlabeled = label_map == 4
    regions = measurement.find_regions(label_map, unlabeled)
    assert regions.tolist() == [[10, 10, 20, 20], [40, 10, 50, 20]]
    assert measurement.find_regions(label_map, np.ones_like(unlabeled)).shape == (0, 4)


def test_ignored_boxes_are_no_objects():
    boxes = Boxes(
        np.array([[0.0, 0, 2, 2], [4, 4, 8, 8]]), np.array([0, 1]), ignored=np.array([True, False])
    )
    assert measurement.select_objects(boxes).tolist() == [[4, 4, 8, 8]]


def make_scene(shift):
    """Random rectangles, the infrared image inverted and shifted to the right by ``shift``."""
    rng = np.random.default_rng(0)
    scene = np.full((240, 340), 128, np.uint8)
    for _ in range(60):
        top, left = rng.integers(0, 220), rng.integers(0, 320)
        scene[top : top + rng.integers(8, 40), left : left + rng.integers(8, 40)] = rng.integers(
            256
        )
    return 255 - scene[:, 10 - shift : 330 - shift], scene[:, 10:330]


def test_brightness_contrast_and_shift_of_a_pair():
    infrared, visible = make_scene(shift=4)
    row = measurement.measure_attributes(infrared, visible, np.zeros((0, 4)))
    assert list(row) == list(measurement.ATTRIBUTES)
    assert row["visible_brightness"] == pytest.approx(visible.mean())
    assert row["visible_contrast"] == pytest.approx(visible.std())
    assert row["thermal_contrast"] == pytest.approx(infrared.std())
    assert row["shift"] == 4
    assert row["object_count"] == 0
    assert row["object_size"] is row["visible_object_contrast"] is row["object_overlap"] is None


def test_a_shift_that_is_not_certain_is_undefined():
    noise = np.random.default_rng(1).integers(0, 256, (2, 240, 320), dtype=np.uint8)
    assert measurement.measure_shift_length(*noise) is None
    assert measurement.measure_shift_length(*np.zeros((2, 240, 320), np.uint8)) is None


def test_attributes_are_measured_once_and_again_after_an_edit(tmp_path, monkeypatch):
    split, store = write_split(tmp_path / "data"), Store(tmp_path / "runs")
    first = stored_attributes.collect_attributes(split, store)
    assert first["object_count"].tolist() == [2.0] * 4
    expected = [images.luminance(images.read_color(p.visible)).mean() for p in split.pairs]
    np.testing.assert_allclose(first["visible_brightness"], expected, rtol=1e-5)
    with monkeypatch.context() as context:
        context.setattr(stored_attributes, "measure_pair", None)
        again = stored_attributes.collect_attributes(split, store)
    assert {name: values.tolist() for name, values in again.items() if name != "shift"} == {
        name: values.tolist() for name, values in first.items() if name != "shift"
    }
    images.write_png(split.pairs[0].visible, np.full((48, 64, 3), 200, np.uint8))
    edited = stored_attributes.collect_attributes(replace(split, notes=()), store)
    assert edited["visible_brightness"][0] == pytest.approx(200)


def test_without_the_images_there_are_no_attributes_and_no_error(tmp_path):
    split, store = write_split(tmp_path / "data"), Store(tmp_path / "runs")
    stored_attributes.build_spec(split)  # the hashes are known, as those of a kept split
    split.pairs[1].visible.write_bytes(b"no image")
    assert stored_attributes.collect_attributes(split, store) is None


def test_a_file_with_other_images_is_refused(tmp_path):
    file = tmp_path / "attributes.csv"
    file.write_text("key,visible_brightness\na,1\n")
    for keys in (["b"], ["a"]):
        with pytest.raises(UserError, match=r"attributes\.csv: cannot be read"):
            stored_attributes._read_attributes(file, keys)
