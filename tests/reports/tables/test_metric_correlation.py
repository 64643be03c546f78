import pytest
from scipy import stats

from fusebench.storage.records import Column
from reports.document.sections import Report
from reports.formats import html_page, markdown
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import metric_correlation
from tests.helpers.synthetic_records import AP50, make_record, make_source_results

NAMES = ("a", "b", "c", "d", "e")
ENTROPY = {"en": Column(title="EN", mean_title="EN", unit="bit")}
NABF = {"nabf": Column(title="Nabf", mean_title="Nabf", better="lower", is_fraction=False)}


def quality(columns, values):
    rows = []
    for name, value in zip(NAMES, values, strict=True):
        scores = {"values": dict.fromkeys(columns, value), "by_class": {}}
        made = make_record(name, "method", None, (None, None), columns=columns, **scores)
        rows.append(SourceResults(name, "method", (None,), (made,), ""))
    return TaskResults("toy-quality", "quality", "toy", tuple(rows))


def detection(values, dataset="toy"):
    rows = tuple(
        make_source_results(name, "method", [(v, v)]) for name, v in zip(NAMES, values, strict=True)
    )
    return TaskResults("toy-detection", "detection", dataset, rows)


def test_the_correlation_is_spearmans_with_ties():
    x, y = [1, 2, 2, 4, 7], [0.3, 0.1, 0.4, 0.4, 0.5]
    assert metric_correlation.spearman_correlation(x, y) == pytest.approx(
        stats.spearmanr(x, y).statistic
    )
    assert metric_correlation.spearman_correlation([1, 1, 1], [1, 2, 3]) is None


def test_the_interval_is_bonett_and_wrights():
    # rho .5, n 12: atanh .5493, error sqrt(1.125 / 9) = .35355, times 1.96 = .69295
    assert metric_correlation.correlation_interval(0.5, 12) == pytest.approx(
        (-0.1427, 0.8459), abs=2e-4
    )
    assert metric_correlation.correlation_interval(1.0, 12) is None
    assert metric_correlation.correlation_interval(0.5, 3) is None


def test_a_metric_where_lower_is_better_is_turned_round():
    falling = quality(NABF, [0.5, 0.4, 0.3, 0.2, 0.1])
    (found,) = metric_correlation.compute_correlations(
        [falling, detection([0.1, 0.2, 0.3, 0.4, 0.5])]
    )
    assert found.rho == pytest.approx(1.0)
    assert (found.source_count, found.interval) == (5, None)


def test_only_tasks_on_the_same_data_with_enough_sources_are_related():
    entropy = quality(ENTROPY, [5, 6, 7, 6.5, 8])
    scores = detection([0.1, 0.2, 0.3, 0.4, 0.5])
    assert metric_correlation.compute_correlations([entropy, detection([0.1] * 5, "other")]) == []
    assert (
        metric_correlation.compute_correlations([entropy, detection([0.1] * 5)]) == []
    )  # all equal: no order
    few = TaskResults("few", "detection", "toy", scores.sources[:3])
    assert metric_correlation.compute_correlations([entropy, few]) == []
    (found,) = metric_correlation.compute_correlations([entropy, scores])
    assert found.rho == pytest.approx(0.9)  # ranks 1 2 4 3 5 against 1 2 3 4 5: 1 - 6 * 2 / 120
    assert (found.fusion_metric, found.task_metric) == ("EN", AP50.mean_title)


def test_page_text_and_table_show_the_same_numbers():
    found = metric_correlation.compute_correlations(
        [quality(ENTROPY, [5, 6, 7, 6.5, 8]), detection([0.1, 0.2, 0.3, 0.4, 0.5])]
    )
    whole = Report("Title", "", "", (), (), "", tuple(found))
    for text in (html_page.render_report(whole), markdown.render_report(whole)):
        assert "+0.90" in text
        assert "tables/relations.csv" in text
    html = html_page.render_report(whole)
    assert '<th scope="col" class="text">task</th>' in html
    assert '<td class="text">toy-detection</td>' in html
    assert "<td>+0.90</td>" in html
    assert ".text { text-align: left; }" in html
    sheet = metric_correlation.build_dataframe(found)
    assert sheet["rho"][0] == pytest.approx(0.9)
    assert list(sheet.columns) == list(metric_correlation.COLUMNS)
