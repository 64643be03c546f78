"""Counts: stacked, added with weights, selected, and read as they were written."""

import numpy as np
import pytest

from detection import coco_matching
from fusebench.errors import UserError
from fusebench.evaluation import counts
from fusebench.evaluation.counts import ArrayCounts, DetectionCounts, Detections
from tests.helpers.random_boxes import CLASSES, make_random_boxes


def test_arrays_of_images_are_added_with_their_weights():
    stacked = counts.stack_counts({"b": np.array([10, 20]), "a": np.array([1, 2])})
    assert stacked.keys == ("a", "b")
    assert stacked.add(np.array([[1.0, 1.0], [3.0, 0.0]])).tolist() == [[11, 22], [3, 6]]


def test_totals_of_detections_are_added_with_their_weights():
    stacked = counts.stack_counts({"a": detections([0.9], 2), "b": detections([0.8, 0.7], 5)})
    assert stacked.image_indices.tolist() == [0, 1, 1]
    total = stacked.add(np.array([[1.0, 1.0], [0.0, 2.0]])).total("truth_counts")
    assert total.tolist() == [[7], [10]]


def detections(scores, truth_count):
    rows = {"scores": np.array(scores), "class_ids": np.zeros(len(scores), np.int64)}
    return Detections(rows, {"truth_counts": np.array([truth_count])})


def test_an_image_counted_as_an_array_and_another_as_detections_are_refused():
    with pytest.raises(ValueError, match="some images were counted as an array"):
        counts.stack_counts({"a": np.zeros(2), "b": detections([], 0)})


def test_arrays_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\), expected one shape"):
        counts.stack_counts({"a": np.zeros(3), "b": np.zeros(2)})


def test_detections_are_read_as_they_were_written(tmp_path):
    written = coco_matching.match_images(*make_random_boxes(10), CLASSES)
    counts.write_counts(tmp_path / "matches.npz", written)
    read = counts.read_counts(tmp_path / "matches.npz")
    assert isinstance(read, DetectionCounts)
    assert read.keys == written.keys
    for part in ("rows", "totals"):
        assert set(getattr(read, part)) == set(getattr(written, part))
        for name, values in getattr(written, part).items():
            np.testing.assert_array_equal(getattr(read, part)[name], values)


def test_arrays_are_read_as_they_were_written(tmp_path):
    written = ArrayCounts(("a", "b"), np.arange(8).reshape(2, 2, 2))
    counts.write_counts(tmp_path / "confusion.npz", written)
    read = counts.read_counts(tmp_path / "confusion.npz")
    assert read.keys == written.keys
    np.testing.assert_array_equal(read.values, written.values)


def test_a_damaged_file_of_counts_is_named(tmp_path):
    (tmp_path / "matches.npz").write_bytes(b"PK not a table")
    with pytest.raises(UserError, match=r"matches.npz: cannot be read .* verify --repair"):
        counts.read_counts(tmp_path / "matches.npz")


@pytest.mark.parametrize("name", ["rows.scores", "totals.truth_counts", "flags.true_positives"])
def test_counts_that_lost_a_row_are_refused(tmp_path, name):
    path = tmp_path / "matches.npz"
    counts.write_counts(path, coco_matching.match_images(*make_random_boxes(10), CLASSES))
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays[name] = arrays[name][: len(arrays[name]) // 2]
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=r"matches.npz: cannot be read .* verify --repair"):
        counts.read_counts(path)
