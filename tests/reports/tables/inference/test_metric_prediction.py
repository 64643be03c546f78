"""Rank correlations of fusion metrics with scores per image, within pairs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fusebench.storage.records import Column
from reports.results.images.image_scores import ImageScores
from reports.tables.inference import metric_prediction
from tests.helpers.reports.bootstrapped_results import make_bootstrapped_results
from tests.helpers.reports.score_tables import make_quality_results
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

SOURCES = ("a", "b", "c", "d")
TITLE = "F1 per image"
COUNT = 30
PAIRS = tuple((f"ir{i}", f"vis{i}") for i in range(COUNT))
UNITS = np.repeat(np.arange(10), 3)


def test_rho_is_over_the_sources_of_each_image():
    rng = np.random.default_rng(0)
    metric, score = rng.normal(size=(2, 5, 20))
    expected = [stats.spearmanr(metric[:, i], score[:, i]).statistic for i in range(20)]
    np.testing.assert_allclose(
        metric_prediction.correlate_within_pairs(metric, score), expected, rtol=1e-12
    )


def test_images_with_equal_scores_or_too_few_sources_have_no_rho():
    metric = np.array([[1.0, 1, 1], [2, 2, 2], [3, 3, np.nan]])
    score = np.array([[0.5, 0.1, 0.1], [0.5, 0.2, 0.2], [0.5, 0.0, 0.3]])
    rho = metric_prediction.correlate_within_pairs(metric, score)
    assert np.isnan(rho[[0, 2]]).all()
    assert rho[1] == pytest.approx(-0.5)


def make_tasks(metric, score, pairs=PAIRS):
    """A quality task with EN and Nabf (lower is better), and a detection task, by source."""
    quality = make_quality_results(**dict.fromkeys(SOURCES, (7.0, 0.2)))
    task = make_task_results(
        *(make_source_results(name, "method", [(0.5, 0.5)]) for name in SOURCES)
    )
    by_source = dict(zip(SOURCES, metric, strict=True))
    quality_scores = {"entropy": by_source, "nabf": by_source}
    task_scores = {TITLE: dict(zip(SOURCES, score, strict=True))}
    return [
        replace(quality, image_scores=ImageScores(PAIRS, UNITS, True, quality_scores)),
        replace(task, image_scores=ImageScores(pairs, UNITS, True, task_scores)),
    ]


def test_a_metric_that_orders_the_sources_like_the_task_is_shown_and_its_opposite_too():
    rng = np.random.default_rng(1)
    metric = rng.normal(size=(4, COUNT))
    tasks = make_tasks(metric, metric + rng.normal(0, 0.3, (4, COUNT)))
    first, second = metric_prediction.predict_tasks(tasks)
    assert (first.metric, second.metric) == ("EN", "Nabf")
    assert first.estimate.mean == -second.estimate.mean > 0.7
    assert first.is_shown
    assert second.is_shown
    assert first.adjusted_p_value >= first.estimate.p_value
    assert -1 <= second.estimate.low < second.estimate.high < 0
    frame = metric_prediction.build_dataframe([first, second])
    assert frame["sources"].tolist() == [4, 4]
    assert list(metric_prediction.group_by_task([first, second])) == [
        ("toy-detection", "toy-quality")
    ]


def test_what_differs_between_pairs_alone_does_not_count():
    rng = np.random.default_rng(2)
    of_pair = 10 * rng.normal(size=COUNT)
    tasks = make_tasks(of_pair + rng.normal(size=(4, COUNT)), of_pair + rng.normal(size=(4, COUNT)))
    assert not any(each.is_shown for each in metric_prediction.predict_tasks(tasks))


def test_pairs_are_matched_by_their_files_and_not_by_their_place():
    metric = np.random.default_rng(3).normal(size=(4, COUNT))
    order = np.random.default_rng(4).permutation(COUNT)
    pairs = tuple(PAIRS[i] for i in order)
    predictions = metric_prediction.predict_tasks(make_tasks(metric, metric[:, order], pairs))
    assert predictions[0].estimate.mean == pytest.approx(1)
    others = tuple((f"other/{ir}", vis) for ir, vis in PAIRS)
    assert metric_prediction.predict_tasks(make_tasks(metric, metric, others)) == []


def test_single_sensors_are_left_out():
    metric = np.random.default_rng(5).normal(size=(4, COUNT))
    quality, task = make_tasks(metric, metric)
    sensors = [
        replace(source, source_kind="infrared" if i < 2 else "method")
        for i, source in enumerate(quality.sources)
    ]
    assert metric_prediction.predict_tasks([replace(quality, sources=tuple(sensors)), task]) == []


def test_tasks_without_scores_per_image_have_no_predictions():
    assert metric_prediction.predict_tasks([make_bootstrapped_results()]) == []
    assert metric_prediction.predict_tasks([make_quality_results(), make_task_results()]) == []
    assert Column(title="EN", mean_title="EN").better == "higher"
