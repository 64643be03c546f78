"""The tidy table of means: hand-computed, and never judged anew."""

from dataclasses import replace

import pandas as pd
import pytest

from fusebench.storage.records import Scores
from reports.document import sections, tidy_means
from reports.results import protocol
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import builders
from tests.helpers.synthetic_records import (
    AP50,
    PROTOCOL,
    PROVENANCE,
    make_record,
    make_source_results,
    make_task_results,
)
from tests.reports.tables.test_significance import make_bootstrapped_results

SINGLES = (
    make_source_results("infrared", "infrared", [(0.50, 0.20), (0.54, 0.20)]),
    make_source_results("visible", "visible", [(0.40, 0.60), (0.42, 0.62)]),
)


def means(found):
    """The rows by source, level, condition and class."""
    shown, folded = sections.select_tables(found)
    sheet = tidy_means.build_dataframe([(found, [*shown, *folded])])
    assert tuple(sheet.columns) == tidy_means.COLUMNS
    index = ["source", "level", "condition", "class"]
    assert not sheet.duplicated([*index, "metric"]).any()
    return sheet.set_index(index)


def test_a_row_has_the_mean_over_seeds_and_the_difference_to_the_better_sensor():
    found = means(
        make_task_results(
            *SINGLES, make_source_results("mine", "method", [(0.60, 0.60), (0.62, 0.58)])
        )
    )
    one = found.loc["mine", "class", "all", "person"]
    # 60 and 62: mean 61, sd sqrt(1 + 1); infrared is the better one with 52
    assert (one["seeds"], one["mean"]) == (2, pytest.approx(0.61))
    assert one["sd"] == pytest.approx(0.0141421, abs=1e-6)
    assert (one["compared with"], one["difference"]) == ("infrared", pytest.approx(0.09))
    assert one["table"] == "toy-detection-ap50.csv"
    assert one[["low", "high", "p", "p Holm", "verdict"]].isna().all()
    assert found.loc["mine", "mean", "all", "mean"]["compared with"] == "visible"
    assert found.loc["visible", "class", "all", "car"][["difference", "table"]].isna().all()


def test_a_difference_that_is_not_formed_says_why():
    found = means(
        make_task_results(*SINGLES, make_source_results("mine", "method", [(0.60, 0.60), None]))
    )
    one = found.loc["mine", "class", "all", "person"]
    assert (one["verdict"], one["seeds"]) == ("seeds differ", 1)
    assert pd.isna(one["difference"])
    found = means(
        make_task_results(
            *SINGLES, make_source_results("mine", "method", [(None, 0.60), (0.60, 0.60)])
        )
    )
    assert [found.loc["mine", "class", "all", name]["seeds"] for name in ("person", "car")] == [
        1,
        2,
    ]


def test_the_table_that_is_named_is_the_one_that_judges_not_the_one_that_repeats():
    def thrice(made):
        metrics = ("ap50", "b", "c")
        scores = {n: dict.fromkeys(metrics, s["ap50"]) for n, s in made.by_class.items()}
        values = dict.fromkeys(metrics, made.values["ap50"])
        changes = {"columns": dict.fromkeys(metrics, AP50), "values": values, "by_class": scores}
        return made.model_copy(update=changes)

    rows = (*SINGLES, make_source_results("mine", "method", [(0.60, 0.60), (0.62, 0.58)]))
    every = (replace(each, records=tuple(map(thrice, each.records))) for each in rows)
    found = means(make_task_results(*every)).loc["mine", "mean", "all", "mean"]
    named = found.set_index("metric")["table"]  # the table of all means stands before that of c
    assert named.to_dict() == {n: f"toy-detection-{n}.csv" for n in ("ap50", "b", "c")}


def test_what_the_table_by_class_judges_is_said_as_there():
    found = make_bootstrapped_results()
    judged = sections.build_main_table(found).rows[2].comparisons
    for name, sure in zip(("person", "car", "mean"), judged, strict=True):
        one = means(found).loc["mine", "mean" if name == "mean" else "class", "all", name]
        estimate = sure.estimate
        numbers = [f"difference{end}" for end in ("", " low", " high")]
        expected = [
            estimate.value,
            estimate.low,
            estimate.high,
            estimate.p_value,
            sure.adjusted_p_value,
        ]
        assert [*one[[*numbers, "p", "p Holm"]]] == pytest.approx(expected, abs=1e-6)
        assert (one["verdict"], one["compared with"]) == (sure.verdict, sure.other_source)


def test_a_class_called_mean_other_means_and_conventions_are_told_apart_by_their_level():
    scores = {"mean": {"ap50": 0.1}, "car": {"ap50": 0.2}}
    part = Scores(values={"ap50": 0.4}, by_class={"mean": {"ap50": 0.3}})
    changes = {
        "by_class": scores,
        "by_condition": {"all": part},
        "subset_means": {"without car": {"ap50": 0.5}},
        "conventions": {"both, zero": {"ap50": 0.6}},
    }
    made = make_record("mine", "method", 0, (0.5, 0.25), **changes)
    found = means(make_task_results(SourceResults("mine", "method", (0,), (made,), "")))
    assert found["mean"].to_dict() == {
        ("mine", "class", "all", "mean"): 0.1,
        ("mine", "class", "all", "car"): 0.2,
        ("mine", "mean", "all", "mean"): 0.375,
        ("mine", "class in condition", "all", "mean"): 0.3,
        ("mine", "mean in condition", "all", "mean"): 0.4,
        ("mine", "mean over fewer", "all", "without car"): 0.5,
        ("mine", "convention", "all", "both, zero"): 0.6,
    }


def test_scores_that_no_table_shows_are_said_to_be_not_compared():
    found = make_task_results(
        *SINGLES, make_source_results("mine", "method", [(0.60, 0.60), (0.62, 0.58)])
    )
    sheet = tidy_means.build_dataframe([(found, [])])
    assert list(sheet["mean"].round(6)[:3]) == [0.52, 0.2, 0.36]  # infrared: person, car, both
    assert set(sheet["verdict"]) == {"not compared"}
    assert sheet[["difference", "p", "table"]].isna().all(axis=None)


def test_an_interval_that_a_record_has_of_itself_is_kept():
    part = {"values": {"ap50": 0.5}, "by_class": {}, "intervals": {"ap50": (0.4, 0.7)}}
    made = make_record("mine", "method", None, (0.5, 0.5), columns={"ap50": AP50}, **part)
    found = TaskResults(
        "q", "quality", "toy", (SourceResults("mine", "method", (None,), (made,), ""),)
    )
    one = means(found).loc["mine", "mean", "all", "mean"]
    assert (one["low"], one["high"], one["seeds"]) == (0.4, 0.7, 1)


def test_the_protocol_is_a_key_of_a_table_of_its_facts_and_seeds_made_otherwise_have_two():
    gpu = make_record("mine", "method", 1, (0.5, 0.5), provenance=PROVENANCE | {"device": "gpu"})
    large = make_record("mine", "method", 2, (0.5, 0.5), protocol=PROTOCOL | {"split hash": "def"})
    seeds = (make_record("mine", "method", 0, (0.5, 0.5)), gpu, large)
    one = means(make_task_results(SourceResults("mine", "method", (0, 1, 2), seeds, ""))).iloc[0]
    facts = protocol.build_dataframe([*seeds, replace_seed(gpu)]).set_index("protocol")
    keys = one["protocol"].split(" | ")
    assert len(set(keys)) == len(keys) == 3
    assert set(keys) == set(facts.index)
    device = facts[facts["field"] == "device"]["value"]
    assert [device[key] for key in keys] == ["cpu", "gpu", "cpu"]
    assert one["split_hash"] == "abc123 | def"
    assert len(facts) == 3 * (len(PROTOCOL) + 2)


def replace_seed(made):
    return made.model_copy(update={"seed": 9})


def by_day(mine):
    """`make_bootstrapped_results` with the same scores and resamples by day."""
    drawn, rows = make_bootstrapped_results(mine), []
    for each in drawn.sources:
        (made,) = each.records
        scenes = {"day": Scores(values=made.values, by_class=made.by_class)}
        rows.append(replace(each, records=(made.model_copy(update={"by_condition": scenes}),)))
    for (one,) in drawn.bootstrap.by_source.values():
        one.scores.update({q._replace(scene="day"): drawn for q, drawn in one.scores.items()})
        one.shares.update({("day", name): share for (_, name), share in one.shares.items()})
    return replace(drawn, rows=tuple(rows))


def test_a_mean_by_condition_is_judged_once_in_the_table_by_condition():
    drawn = by_day((0.402, 0.6))
    assert builders.build_class_table(drawn, "ap50", "day").rows[2].comparisons[-1] is None
    one = means(drawn).loc["mine", "mean in condition", "day", "mean"]
    assert one["table"] == "toy-detection-ap50-by-condition.csv"
    assert 0.01 < one["p"] == one["p Holm"] < 1  # the only difference that this table judges


def test_classes_in_a_condition_are_judged_in_the_table_of_that_condition():
    found = means(by_day((0.505, 0.599)))
    person, car = (
        found.loc["mine", "class in condition", "day", name] for name in ("person", "car")
    )
    assert person["table"] == car["table"] == "toy-detection-ap50-day.csv"
    assert 0.01 < person["p"] < car["p"]
    assert person["p Holm"] == pytest.approx(2 * person["p"], abs=1e-5)  # of two
