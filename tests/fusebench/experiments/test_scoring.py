"""Counts and scores that a metric of the user's own returns are checked."""

from types import SimpleNamespace

import numpy as np
import pytest

from fusebench.contracts import NoOptions, TaskMetric
from fusebench.data.boxes import make_boxes
from fusebench.errors import PluginError, UserError
from fusebench.evaluation.counts import ArrayCounts, Detections
from fusebench.experiments import scoring
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.storage.records import Column

CLASSES = ("road", "car")
LABELS = np.zeros((2, 2), np.uint8)


def build_metric(count=None, score=None):
    plugin = SimpleNamespace(
        count=count, score=score, counts_file="mine.npz", COLUMNS={"mine": None}, average=None
    )
    return SimpleNamespace(name="mine", plugin=plugin, options=None)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (None, "NoneType"),
        ([1.0, np.nan], r"shape \(2,\) and dtype float64 with NaN"),
        (["a"], r"shape \(1,\)"),
        ([1j], "dtype complex128"),
    ],
)
def test_counts_that_cannot_be_added_name_metric_and_image(count, message):
    metric = build_metric(lambda *_: count)
    with pytest.raises(UserError, match=f"metric mine, image k: count returned .*{message}"):
        scoring.count_images([metric], [("k", LABELS, LABELS)], CLASSES)


@pytest.mark.parametrize("name", ["scores", "true_boxes"])
def test_detections_with_nan_are_refused(name):
    values = {"scores": np.array([0.5]), "true_boxes": np.array([3.0])}
    values[name] = np.array([np.nan])
    rows = {"scores": values["scores"], "class_ids": np.array([0])}
    metric = build_metric(lambda *_: Detections(rows, {"true_boxes": values["true_boxes"]}))
    with pytest.raises(UserError, match=f"metric mine, image k: .* {name} are not all finite"):
        scoring.count_images([metric], [("k", LABELS, LABELS)], CLASSES)


def test_counts_of_different_shapes_name_both_images():
    shapes = iter([2, 3])
    metric = build_metric(lambda *_: np.zeros(next(shapes)))
    pairs = [("a", LABELS, LABELS), ("b", LABELS, LABELS)]
    with pytest.raises(UserError, match=r"image b: .*shape \(3,\).*; a has .* \(2,\)"):
        scoring.count_images([metric], pairs, CLASSES)


@pytest.mark.parametrize("labels", [LABELS.copy(), make_boxes([[1, 1, 3, 3]], [0])])
def test_a_metric_cannot_change_what_the_next_one_counts(labels):
    def change(truth, *_):
        array = truth if isinstance(truth, np.ndarray) else truth.corners
        array[:] = 7
        return np.zeros(1)

    with pytest.raises(PluginError, match=r"metric mine, image k: ValueError: .*read-only"):
        scoring.count_images([build_metric(change)], [("k", labels, labels)], CLASSES)
    own = labels if isinstance(labels, np.ndarray) else labels.corners
    assert own.flags.writeable


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (None, "returned NoneType"),
        ({}, "columns mine"),
        ({"mine": np.zeros(2)}, r"shape \(2,\)"),
        ({"mine": np.full((1, 2), 1j)}, "complex128"),
        ({"mine": np.full((1, 2), np.inf)}, "with infinity"),
    ],
)
def test_scores_that_are_not_one_number_per_class_are_an_error(scores, message):
    metric = build_metric(score=lambda *_: scores)
    counts = ArrayCounts(("k",), np.zeros((1, 1)))
    with pytest.raises(UserError, match=f"metric mine.*{message}"):
        scoring.score_metric(metric, counts, np.ones((1, 1)), CLASSES)


def test_a_score_of_the_sum_of_counts_is_computed_for_every_weighting():
    counts = ArrayCounts(("a", "b"), np.array([[1.0, 2.0], [3.0, 5.0]]))  # per image and class
    columns = {"x": Column(title="X", mean_title="mX")}
    plugin = TaskMetric("toy", 1, columns, lambda *_: None, lambda total, *_: {"x": total})
    metric = ResolvedMetric("toy", plugin, NoOptions())
    weights = np.array([[1.0, 1.0], [0.0, 2.0]])
    scores = scoring.score_metric(metric, counts, weights, CLASSES)
    np.testing.assert_array_equal(scores["road", "x"], [4, 6])
    np.testing.assert_array_equal(scores[None, "x"], [(4 + 7) / 2, (6 + 10) / 2])
