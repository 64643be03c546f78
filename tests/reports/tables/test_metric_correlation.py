"""Rank correlation of fusion metrics with task scores against SciPy and hand calculation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fusebench.storage.records import Column
from reports.document.model import Report
from reports.formats import html_page, markdown
from reports.results.images.image_scores import ImageScores
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import metric_correlation
from tests.helpers.reports.synthetic_records import AP50, make_record, make_source_results

NAMES = ("a", "b", "c", "d", "e")
ENTROPY = {"en": Column(title="EN", mean_title="EN", unit="bit")}
NABF = {"nabf": Column(title="Nabf", mean_title="Nabf", better="lower", is_fraction=False)}


def make_image_scores(*files):
    pairs = tuple((f"ir/{file}", f"vis/{file}") for file in files)
    return ImageScores(pairs, np.arange(len(pairs)), False, {})


PAIRS = make_image_scores("1.png", "2.png")


def make_quality_task(columns, values):
    sources = []
    for name, value in zip(NAMES, values, strict=True):
        scores = {"values": dict.fromkeys(columns, value), "by_class": {}}
        record = make_record(name, "method", None, (None, None), columns=columns, **scores)
        sources.append(SourceResults(name, "method", (None,), (record,), ""))
    return TaskResults("toy-quality", "quality", "toy", tuple(sources), image_scores=PAIRS)


def make_detection_task(scores, dataset="toy", pairs=PAIRS):
    sources = tuple(
        make_source_results(name, "method", [(score, score)])
        for name, score in zip(NAMES, scores, strict=True)
    )
    return TaskResults("toy-detection", "detection", dataset, sources, image_scores=pairs)


def test_the_correlation_is_spearmans_with_ties():
    x, y = [1, 2, 2, 4, 7], [0.3, 0.1, 0.4, 0.4, 0.5]
    expected = stats.spearmanr(x, y).statistic
    assert metric_correlation.spearman_correlation(x, y) == pytest.approx(expected)
    assert metric_correlation.spearman_correlation([1, 1, 1], [1, 2, 3]) is None


def test_the_interval_is_bonett_and_wrights():
    # rho .5, n 12: atanh .5493, error sqrt(1.125 / 9) = .35355, times 1.96 = .69295
    interval = metric_correlation.correlation_interval(0.5, 12)
    assert interval == pytest.approx((-0.1427, 0.8459), abs=2e-4)
    assert metric_correlation.correlation_interval(1.0, 12) is None
    assert metric_correlation.correlation_interval(0.5, 3) is None


def test_the_sign_is_reversed_for_a_metric_where_lower_is_better():
    quality = make_quality_task(NABF, [0.5, 0.4, 0.3, 0.2, 0.1])
    detection = make_detection_task([0.1, 0.2, 0.3, 0.4, 0.5])
    (correlation,) = metric_correlation.compute_correlations([quality, detection])
    assert correlation.rho == pytest.approx(1.0)
    assert (correlation.source_count, correlation.interval) == (5, None)


def test_only_tasks_on_the_same_data_with_enough_sources_are_correlated():
    quality = make_quality_task(ENTROPY, [5, 6, 7, 6.5, 8])
    detection = make_detection_task([0.1, 0.2, 0.3, 0.4, 0.5])
    other_data = make_detection_task([0.1] * 5, "other")
    constant = make_detection_task([0.1] * 5)
    few = replace(detection, sources=detection.sources[:3])
    for task in (other_data, constant, few):
        assert metric_correlation.compute_correlations([quality, task]) == []
    (correlation,) = metric_correlation.compute_correlations([quality, detection])
    # ranks 1 2 4 3 5 against 1 2 3 4 5: 1 - 6 * 2 / 120
    assert correlation.rho == pytest.approx(0.9)
    assert (correlation.fusion_metric, correlation.task_metric) == ("EN", AP50.mean_title)


@pytest.mark.parametrize(
    ("files", "is_correlated"), [(("2.png", "3.png"), True), (("other-seed/1.png",), False)]
)
def test_tasks_are_correlated_only_if_they_have_pairs_in_common(files, is_correlated):
    quality = make_quality_task(ENTROPY, [5, 6, 7, 6.5, 8])
    detection = make_detection_task([0.1, 0.2, 0.3, 0.4, 0.5], pairs=make_image_scores(*files))
    assert bool(metric_correlation.compute_correlations([quality, detection])) is is_correlated


def test_page_markdown_and_csv_file_have_the_same_numbers():
    quality = make_quality_task(ENTROPY, [5, 6, 7, 6.5, 8])
    detection = make_detection_task([0.1, 0.2, 0.3, 0.4, 0.5])
    correlations = metric_correlation.compute_correlations([quality, detection])
    report = Report("Title", "", "", (), (), "", tuple(correlations))
    for text in (html_page.render_report(report), markdown.render_report(report)):
        assert "+0.90" in text
        assert "tables/metric-correlation.csv" in text
    html = html_page.render_report(report)
    assert '<th scope="col" class="text">task</th>' in html
    assert '<td class="text">toy-detection</td>' in html
    assert "<td>+0.90</td>" in html
    assert ".text { text-align: left; }" in html
    table = metric_correlation.build_dataframe(correlations)
    assert table["rho"][0] == pytest.approx(0.9)
    assert list(table.columns) == list(metric_correlation.COLUMNS)
