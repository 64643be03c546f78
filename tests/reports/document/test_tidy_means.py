"""The tidy table of means: computed by hand, with statistics copied from the report's tables."""

from dataclasses import replace

import pandas as pd
import pytest

from fusebench.storage.records import Scores
from reports.document import selection, tidy_means
from reports.results import protocol
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import builders
from tests.helpers.reports.bootstrapped_results import make_bootstrapped_results
from tests.helpers.reports.synthetic_records import (
    AP50,
    PROTOCOL,
    PROVENANCE,
    make_record,
    make_source_results,
    make_task_results,
)

SINGLES = (
    make_source_results("infrared", "infrared", [(0.50, 0.20), (0.54, 0.20)]),
    make_source_results("visible", "visible", [(0.40, 0.60), (0.42, 0.62)]),
)


def make_results(*scores):
    """The single sensors and a fusion method with these (person, car) per seed."""
    return make_task_results(*SINGLES, make_source_results("mine", "method", list(scores)))


def build_means(results):
    """The table of means of a task, by source, level, condition and class."""
    visible, collapsed = selection.select_tables(results)
    table = tidy_means.build_dataframe([(results, [*visible, *collapsed])])
    assert tuple(table.columns) == tidy_means.COLUMNS
    index = ["source", "level", "condition", "class"]
    assert not table.duplicated([*index, "metric"]).any()
    return table.set_index(index)


def test_a_row_has_the_mean_over_seeds_and_the_difference_to_the_better_sensor():
    means = build_means(make_results((0.60, 0.60), (0.62, 0.58)))
    person = means.loc["mine", "class", "all", "person"]
    # 60 and 62: mean 61, standard deviation sqrt(1 + 1); infrared is the better one with 52
    assert (person["seeds"], person["mean"]) == (2, pytest.approx(0.61))
    assert person["sd"] == pytest.approx(0.0141421, abs=1e-6)
    assert (person["compared with"], person["difference"]) == ("infrared", pytest.approx(0.09))
    assert person["table"] == "toy-detection-ap50.csv"
    assert person[["low", "high", "p", "p Holm", "verdict"]].isna().all()
    assert means.loc["mine", "mean", "all", "mean"]["compared with"] == "visible"
    assert means.loc["visible", "class", "all", "car"][["difference", "table"]].isna().all()


def test_there_is_no_difference_between_means_over_different_seeds():
    means = build_means(make_results((0.60, 0.60), None))
    person = means.loc["mine", "class", "all", "person"]
    assert (person["verdict"], person["seeds"]) == ("seeds differ", 1)
    assert pd.isna(person["difference"])
    means = build_means(make_results((None, 0.60), (0.60, 0.60)))
    seeds = [means.loc["mine", "class", "all", name]["seeds"] for name in ("person", "car")]
    assert seeds == [1, 2]


def test_the_named_table_is_the_one_that_tests_the_difference_not_one_that_repeats_it():
    metrics = ("ap50", "b", "c")

    def repeat_metric(record):
        fields = {
            "columns": dict.fromkeys(metrics, AP50),
            "values": dict.fromkeys(metrics, record.values["ap50"]),
            "by_class": {
                name: dict.fromkeys(metrics, scores["ap50"])
                for name, scores in record.by_class.items()
            },
        }
        return record.model_copy(update=fields)

    sources = (
        replace(source, records=tuple(map(repeat_metric, source.records)))
        for source in make_results((0.60, 0.60), (0.62, 0.58)).sources
    )
    means = build_means(make_task_results(*sources)).loc["mine", "mean", "all", "mean"]
    tables = means.set_index("metric")["table"]  # the table of all means precedes that of c
    assert tables.to_dict() == {name: f"toy-detection-{name}.csv" for name in metrics}


def test_statistics_are_those_of_the_table_by_class():
    results = make_bootstrapped_results()
    comparisons = selection.build_main_table(results).rows[2].comparisons
    for name, comparison in zip(("person", "car", "mean"), comparisons, strict=True):
        level = "mean" if name == "mean" else "class"
        row = build_means(results).loc["mine", level, "all", name]
        estimate = comparison.estimate
        columns = ["difference", "difference low", "difference high", "p", "p Holm"]
        expected = [
            *(estimate.value, estimate.low, estimate.high),
            *(estimate.p_value, comparison.adjusted_p_value),
        ]
        assert [*row[columns]] == pytest.approx(expected, abs=1e-6)
        assert row["verdict"] == comparison.verdict
        assert row["compared with"] == comparison.other_source


def test_a_class_named_mean_is_distinguished_from_means_by_its_level():
    record = make_record(
        "mine",
        "method",
        0,
        (0.5, 0.25),
        by_class={"mean": {"ap50": 0.1}, "car": {"ap50": 0.2}},
        by_condition={"all": Scores(values={"ap50": 0.4}, by_class={"mean": {"ap50": 0.3}})},
        subset_means={"without car": {"ap50": 0.5}},
        by_convention={"both, zero": {"ap50": 0.6}},
    )
    source = SourceResults("mine", "method", (0,), (record,), "")
    assert build_means(make_task_results(source))["mean"].to_dict() == {
        ("mine", "class", "all", "mean"): 0.1,
        ("mine", "class", "all", "car"): 0.2,
        ("mine", "mean", "all", "mean"): 0.375,
        ("mine", "class in condition", "all", "mean"): 0.3,
        ("mine", "mean in condition", "all", "mean"): 0.4,
        ("mine", "mean over fewer", "all", "without car"): 0.5,
        ("mine", "convention", "all", "both, zero"): 0.6,
    }


def test_scores_without_a_table_are_not_compared():
    results = make_results((0.60, 0.60), (0.62, 0.58))
    table = tidy_means.build_dataframe([(results, [])])
    assert list(table["mean"].round(6)[:3]) == [0.52, 0.2, 0.36]  # infrared: person, car, both
    assert set(table["verdict"]) == {"not compared"}
    assert table[["difference", "p", "table"]].isna().all(axis=None)


def test_an_interval_of_the_record_is_copied():
    fields = {"values": {"ap50": 0.5}, "by_class": {}, "intervals": {"ap50": (0.4, 0.7)}}
    record = make_record("mine", "method", None, (0.5, 0.5), columns={"ap50": AP50}, **fields)
    source = SourceResults("mine", "method", (None,), (record,), "")
    means = build_means(TaskResults("q", "quality", "toy", (source,)))
    row = means.loc["mine", "mean", "all", "mean"]
    assert (row["low"], row["high"], row["seeds"]) == (0.4, 0.7, 1)


def test_the_protocol_keys_of_seeds_with_different_protocols_are_joined():
    gpu = make_record("mine", "method", 1, (0.5, 0.5), provenance=PROVENANCE | {"device": "gpu"})
    other_split = make_record(
        "mine", "method", 2, (0.5, 0.5), protocol=PROTOCOL | {"split hash": "def"}
    )
    records = (make_record("mine", "method", 0, (0.5, 0.5)), gpu, other_split)
    source = SourceResults("mine", "method", (0, 1, 2), records, "")
    row = build_means(make_task_results(source)).iloc[0]
    same_as_gpu = gpu.model_copy(update={"seed": 9})
    facts = protocol.build_dataframe([*records, same_as_gpu]).set_index("protocol")
    keys = row["protocol"].split(" | ")
    assert len(set(keys)) == len(keys) == 3
    assert set(keys) == set(facts.index)
    devices = facts[facts["field"] == "device"]["value"]
    assert [devices[key] for key in keys] == ["cpu", "gpu", "cpu"]
    assert row["split_hash"] == "abc123 | def"
    assert len(facts) == 3 * (len(PROTOCOL) + 2)


def make_results_by_day(scores):
    """`make_bootstrapped_results` with the same scores and resamples by day."""
    results = make_bootstrapped_results(scores)
    sources = []
    for source in results.sources:
        (record,) = source.records
        by_day = {"day": Scores(values=record.values, by_class=record.by_class)}
        by_day_record = record.model_copy(update={"by_condition": by_day})
        sources.append(replace(source, records=(by_day_record,)))
    for (seed_scores,) in results.bootstrap.by_source.values():
        seed_scores.scores.update(
            {
                key._replace(condition="day"): resampled
                for key, resampled in seed_scores.scores.items()
            }
        )
        seed_scores.unit_shares.update(
            {("day", name): shares for (_, name), shares in seed_scores.unit_shares.items()}
        )
    return replace(results, sources=tuple(sources))


def test_a_mean_by_condition_is_tested_once_in_the_table_by_condition():
    results = make_results_by_day((0.402, 0.6))
    by_class = builders.build_class_table(results, "ap50", "day")
    assert by_class.rows[2].comparisons[-1] is None
    row = build_means(results).loc["mine", "mean in condition", "day", "mean"]
    assert row["table"] == "toy-detection-ap50-by-condition.csv"
    assert 0.01 < row["p"] == row["p Holm"] < 1  # the only difference that this table tests


def test_classes_in_a_condition_are_tested_in_the_table_of_that_condition():
    means = build_means(make_results_by_day((0.505, 0.599)))
    person, car = (
        means.loc["mine", "class in condition", "day", name] for name in ("person", "car")
    )
    assert person["table"] == car["table"] == "toy-detection-ap50-day.csv"
    assert 0.01 < person["p"] < car["p"]
    assert person["p Holm"] == pytest.approx(2 * person["p"], abs=1e-5)  # of two
