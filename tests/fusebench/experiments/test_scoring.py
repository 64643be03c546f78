"""What a task metric returns is checked before it becomes a score."""

import numpy as np
import pytest

from fusebench.contracts import NoOptions, TaskMetric
from fusebench.evaluation.counts import ArrayCounts
from fusebench.experiments import scoring
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.storage.records import Column

COUNTS = ArrayCounts(("a", "b"), np.array([[1.0, 2.0], [3.0, 5.0]]))  # per image and class
CLASSES = ("person", "car")


def score(function, weights=((1, 1),)):
    columns = {"x": Column(title="X", mean_title="mX")}
    plugin = TaskMetric("toy", 1, columns, lambda *_: None, function)
    metric = ResolvedMetric("toy", plugin, NoOptions())
    return scoring.score_metric(metric, COUNTS, np.array(weights, float), CLASSES)


def test_a_score_of_the_sum_of_counts_is_computed_for_every_weighting():
    scores = score(lambda counts, *_: {"x": counts}, weights=[(1, 1), (0, 2)])
    np.testing.assert_array_equal(scores["person", "x"], [4, 6])
    np.testing.assert_array_equal(scores[None, "x"], [(4 + 7) / 2, (6 + 10) / 2])


def test_a_metric_without_one_of_its_columns_is_named():
    with pytest.raises(ValueError, match="metric toy: score returns no column x"):
        score(lambda counts, *_: {"y": counts})


def test_a_metric_with_one_score_for_all_classes_is_named():
    with pytest.raises(ValueError, match=r"toy, column x: .* shape \(1,\), expected \(1, 2\)"):
        score(lambda counts, *_: {"x": counts.sum(axis=1)})
