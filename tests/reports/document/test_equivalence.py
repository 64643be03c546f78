"""Equivalence of the sources of a task: pairs, verdicts, reasons, and the same as text."""

from dataclasses import replace

import numpy as np
import pytest

from fusebench.config.schema import EquivalenceOptions
from reports.document import equivalence, equivalence_text, sections
from reports.document.equivalence import NOT_TESTED, UNDECIDED
from reports.results.bootstrap_scores import ScoreKey, TaskBootstrap
from reports.statistics import equivalence as statistics_of_equivalence
from reports.tables import builders
from reports.tables.number_format import MINUS
from tests.helpers.reports.bootstrapped_results import (
    make_bootstrap_scores,
    make_bootstrapped_results,
)
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

SPREAD = 0.05  # of all sources together, which cancels in a difference


def make_results(*, seed_offsets=(0.0,), **scores):
    """Make a task with infrared, visible and fused sources whose classes all have one score.

    Args:
        seed_offsets: Added to the score of each seed.
        **scores: Source to its score.
    """
    sources, by_source = [], {}
    for number, (name, score) in enumerate(scores.items()):
        kind = name if name in ("infrared", "visible") else "method"
        pairs = [(score + offset, score + offset) for offset in seed_offsets]
        sources.append(make_source_results(name, kind, pairs))
        by_source[name] = tuple(
            make_bootstrap_scores(*pair, spread=SPREAD, seed=number) for pair in pairs
        )
    return replace(make_task_results(*sources), bootstrap=TaskBootstrap(by_source))


def configure(results, **options):
    return replace(results, equivalence=EquivalenceOptions(**options))


def list_verdicts(results):
    """List (source, other, verdict) of all comparisons."""
    return [
        (comparison.source, comparison.other, comparison.verdict)
        for comparison in equivalence.compare_sources(results)
    ]


def find_comparison(results, source, other):
    (match,) = [
        comparison
        for comparison in equivalence.compare_sources(results)
        if (comparison.source, comparison.other) == (source, other)
    ]
    return match


# The standard error of a difference is 0.002 x sqrt 2 = 0.28 points, t(0.975, 39) = 2.02
@pytest.mark.parametrize(
    ("student", "margin", "verdict"),
    [
        (0.60, 1, "equivalent within 1 point"),
        (0.60, 0.5, "equivalent within 0.5 points"),  # 0.5 / 0.28 is above t(0.95, 39) = 1.68
        (0.60, 0.4, UNDECIDED),
        (0.62, 1, "better"),
        (0.58, 1, "worse"),
        (0.604, 1, "equivalent within 1 point"),
        (0.604, 0.8, UNDECIDED),
        (0.61, 2, "better by less than 2 points"),
        (0.59, 2, "worse by less than 2 points"),
        (0.61, 2.5, "better by less than 2.5 points"),
    ],
)
def test_each_combination_of_the_two_tests_has_its_own_verdict(student, margin, verdict):
    results = make_results(infrared=0.3, teacher=0.6, student=student)
    options = {"reference": "teacher", "sources": ("student",), "margin": margin}
    results = configure(results, **options)
    assert list_verdicts(results) == [("student", "teacher", verdict)]


def test_without_a_reference_all_pairs_are_compared_the_later_source_with_the_earlier():
    results = make_results(infrared=0.3, visible=0.4, fused=0.6)
    assert [pair[:2] for pair in list_verdicts(results)] == [
        ("visible", "infrared"),
        ("fused", "infrared"),
        ("fused", "visible"),
    ]


def test_with_a_reference_every_other_source_is_compared_with_it():
    results = make_results(infrared=0.3, teacher=0.6, student=0.6)
    results = configure(results, reference="teacher")
    assert list_verdicts(results) == [
        ("infrared", "teacher", "worse"),
        ("student", "teacher", "equivalent within 1 point"),
    ]


def test_named_sources_are_compared_with_each_other_only():
    results = make_results(infrared=0.3, visible=0.4, a=0.5, b=0.6)
    results = configure(results, sources=("b", "visible"))
    assert list_verdicts(results) == [("b", "visible", "better")]


def test_a_difference_that_a_table_tests_keeps_the_p_value_of_that_table():
    results = make_bootstrapped_results(fused_scores=(0.405, 0.605))
    row = builders.build_class_table(results, "ap50").rows[2]
    (tested,) = [c for c in row.comparisons[-1:] if c.other_source == "visible"]
    for options in ({}, {"reference": "visible"}, {"reference": "mine"}):
        pairs = {
            frozenset((c.source, c.other)): c.difference_p_value
            for c in equivalence.compare_sources(configure(results, **options))
        }
        assert pairs[frozenset(("mine", "visible"))] == tested.adjusted_p_value


def test_other_p_values_are_adjusted_over_the_comparisons_of_the_task():
    results = make_results(infrared=0.3, a=0.6, b=0.606, c=0.613)
    results = configure(results, sources=("a", "b", "c"))
    comparisons = equivalence.compare_sources(results)
    for raw, adjusted in (
        (
            [c.estimate.p_value for c in comparisons],
            [c.difference_p_value for c in comparisons],
        ),
        ([c.test.p_value for c in comparisons], [c.equivalence_p_value for c in comparisons]),
    ):
        smallest, middle, largest = sorted(raw)
        by_hand = {smallest: 3 * smallest}
        by_hand[middle] = max(by_hand[smallest], 2 * middle)
        by_hand[largest] = max(by_hand[middle], largest)
        assert adjusted == pytest.approx([min(1, by_hand[p]) for p in raw])


def test_equal_sources_without_any_variance_are_equivalent():
    results = make_results(infrared=0.3, teacher=0.6, student=0.6)
    by_source = results.bootstrap.by_source
    by_source = {**by_source, "student": by_source["teacher"]}
    results = configure(replace(results, bootstrap=TaskBootstrap(by_source)), reference="teacher")
    comparison = find_comparison(results, "student", "teacher")
    assert comparison.verdict == "equivalent within 1 point"
    assert (comparison.test.low, comparison.test.high) == (0, 0)


def test_seeds_that_differ_widen_the_interval_until_nothing_is_shown():
    options = {"reference": "teacher", "sources": ("student",)}
    offsets = (-0.01, 0.0, 0.01)  # s = 0.01, so that the seeds' variance is 1e-4 (1 / 3 + 1 / 3)
    results = make_results(infrared=0.3, teacher=0.6, student=0.6, seed_offsets=offsets)
    comparison = find_comparison(configure(results, **options), "student", "teacher")
    assert comparison.estimate.seed_variance == pytest.approx(2e-4 / 3, rel=1e-6)
    assert comparison.verdict == UNDECIDED
    assert comparison.required.groups is None
    assert comparison.required.seeds > 3
    (reason,) = comparison.reasons
    assert "variance over seeds alone" in reason


def test_with_one_seed_the_required_seeds_are_unknown_and_the_reason_is_given():
    results = configure(
        make_results(infrared=0.3, a=0.6, b=0.604), reference="a", sources=("b",), margin=0.8
    )
    comparison = find_comparison(results, "b", "a")
    assert comparison.required.groups > 40
    assert comparison.required.seeds is None
    assert comparison.reasons == ("one seed, so that the variance over seeds is not known",)


def test_a_difference_next_to_the_margin_is_not_blamed_on_the_seeds():
    results = make_results(infrared=0.3, a=0.6, b=0.60299999)
    results = configure(results, reference="a", sources=("b",), margin=0.3)
    comparison = find_comparison(results, "b", "a")
    assert comparison.required.groups is None
    assert comparison.reasons == (
        "the difference is too close to the margin for any number of units",
        "one seed, so that the variance over seeds is not known",
    )


def test_where_nothing_is_trained_there_are_no_seeds_to_add():
    results = make_results(infrared=0.3, a=0.6, b=0.604)
    sources = tuple(replace(source, planned_seeds=(None,)) for source in results.sources)
    results = configure(
        replace(results, sources=sources), reference="a", sources=("b",), margin=0.8
    )
    assert find_comparison(results, "b", "a").reasons == (
        "nothing is trained, so that there are no seeds",
    )


def test_a_measured_difference_beyond_the_margin_takes_what_shows_the_difference():
    results = make_results(infrared=0.3, a=0.6, b=0.604)
    results = configure(results, reference="a", sources=("b",), margin=0.3)
    comparison = find_comparison(results, "b", "a")
    assert comparison.verdict == UNDECIDED
    # (z(0.975) + z(0.8))^2 of 40 x 0.28^2 / 0.4^2 points: 157, with t and the estimated error
    assert comparison.required.groups == pytest.approx(157, rel=0.15)
    frame = equivalence_text.build_dataframe(results, [comparison])
    assert frame["needed for"].tolist() == ["difference"]
    answer = sections.build_section(results).answer
    assert f"needed to show the difference: {comparison.required.groups} sequences)." in answer


def test_an_unfinished_source_and_an_undefined_score_are_not_tested_with_a_reason():
    results = make_results(infrared=0.3, a=0.6, b=0.6, c=0.6)
    unfinished = make_source_results("b", "method", [None])
    undefined = make_source_results("c", "method", [(None, None)])
    results = replace(results, sources=(*results.sources[:2], unfinished, undefined))
    results = configure(results, reference="a")
    by_source = {c.source: c for c in equivalence.compare_sources(results)}
    assert by_source["b"].verdict == by_source["c"].verdict == NOT_TESTED
    assert by_source["b"].reasons == ("no finished run of b",)
    assert "undefined" in by_source["c"].reasons[0]
    frame = equivalence_text.build_dataframe(results, list(by_source.values()))
    row = frame[frame["source"] == "b"].iloc[0]
    assert row[["difference", "p", "equivalence low", "units", "seeds needed"]].isna().all()
    assert row["reason"] == "no finished run of b"


def test_a_score_that_most_resamples_leave_undefined_is_not_tested():
    results = make_results(infrared=0.3, a=0.6, b=0.6)
    scores = results.bootstrap.by_source["b"][0]
    key = ScoreKey(None, None, "ap50")
    few = np.where(np.arange(400) < 199, scores.scores[key], np.nan)
    scores = replace(scores, scores={**scores.scores, key: few})
    by_source = {**results.bootstrap.by_source, "b": (scores,)}
    results = configure(replace(results, bootstrap=TaskBootstrap(by_source)), reference="a")
    comparison = find_comparison(results, "b", "a")
    assert (comparison.verdict, comparison.test) == (NOT_TESTED, None)
    assert "too many resamples" in comparison.reasons[0]


def test_without_bootstrap_scores_or_a_second_source_nothing_is_compared():
    results = make_results(infrared=0.3, a=0.6)
    assert equivalence.compare_sources(replace(results, bootstrap=None)) == []
    alone = replace(results, sources=results.sources[:1])
    assert equivalence.compare_sources(alone) == []
    assert equivalence_text.build_table(alone, []) is None
    assert sections.build_section(alone).equivalence_table is None


def test_a_lower_score_is_better_where_the_metric_says_so():
    results = make_results(infrared=0.3, a=0.6, b=0.5)
    column = results.records[0].columns["ap50"].model_copy(update={"better": "lower"})
    sources = tuple(
        replace(
            source,
            records=tuple(
                record.model_copy(update={"columns": {"ap50": column}}) for record in source.records
            ),
        )
        for source in results.sources
    )
    results = configure(replace(results, sources=sources), reference="a", sources=("b",))
    assert list_verdicts(results) == [("b", "a", "better")]


def test_the_answer_lists_the_verdicts_against_the_reference_equivalent_sources_first():
    results = configure(make_results(infrared=0.3, teacher=0.6, student=0.6), reference="teacher")
    answer = sections.build_section(results).answer
    start, _, end = answer.partition("Against teacher, equivalent within 1 point: student (mAP@.5 ")
    assert start.endswith("Tied for best by mAP@.5, 2 of 3 sources: teacher, student. ")
    assert end.startswith("0.00 points, 90 % interval [")
    assert (
        f"adjusted p of equivalence <0.001); worse: infrared (mAP@.5 {MINUS}30.00 points)." in end
    )


def test_the_answer_says_what_an_undecided_comparison_would_take():
    results = make_results(infrared=0.3, a=0.6, b=0.604)
    results = configure(results, reference="a", sources=("b",), margin=0.8)
    needed = find_comparison(results, "b", "a").required.groups
    answer = sections.build_section(results).answer
    assert "Against a, undecided: b (mAP@.5 +0.40 points" in answer
    assert f"needed to show the equivalence: {needed} sequences)." in answer


def test_without_a_reference_the_answer_names_equivalent_pairs_only():
    results = make_results(infrared=0.3, a=0.6, b=0.605, c=0.6)
    answer = sections.build_section(results).answer
    assert "Pairs, equivalent within 1 point: c against a (" in answer
    assert "b against a" not in answer
    nothing = sections.build_section(make_results(infrared=0.3, a=0.6, b=0.7))
    assert "quivalen" not in nothing.answer


def test_the_table_has_the_numbers_of_the_csv_file_and_the_margin_in_its_protocol():
    results = configure(make_results(infrared=0.3, a=0.6, b=0.604), reference="a", margin=0.7)
    section = sections.build_section(results)
    frame = equivalence_text.build_dataframe(results, section.equivalence_comparisons)
    row = frame[frame["source"] == "b"].iloc[0]
    text_row = next(row for row in section.equivalence_table.rows if row.label == "b")
    other, score, verdict, difference, p, interval, p_equivalence, needed = (
        text for text, _ in text_row.cells
    )
    assert (other, score, verdict) == ("a", "mAP@.5", UNDECIDED)
    low, high = f"{row['low']:+.2f}".replace("-", MINUS), f"{row['high']:+.2f}"
    assert difference == f"+0.40 [{low}, {high}]"
    low, high = (f"{row[f'equivalence {end}']:+.2f}".replace("-", MINUS) for end in ("low", "high"))
    assert interval == f"[{low}, {high}]"
    assert (float(p), float(p_equivalence)) == pytest.approx(
        (row["p Holm"], row["p equivalence Holm"]), rel=0.05
    )
    assert (row["verdict"], row["margin"], row["needed for"]) == (UNDECIDED, 0.7, "equivalence")
    assert needed == f"{row['units needed']} sequences"
    assert (row["units"], row["seeds"]) == (40, 1)
    assert "equivalence: margin 0.7 points of mAP@.5, against a" in section.protocol.common_line


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((True, 107, 9, 2), "107 sequences or 9 seeds"),
        ((True, None, 9, 2), "9 seeds"),
        ((False, None, None, 3), "3 times the sequences and seeds"),
        ((True, None, None, None), "no number"),
    ],
)
def test_the_table_names_every_way_to_decide(sizes, text, monkeypatch):
    monkeypatch.setattr(
        statistics_of_equivalence,
        "find_required_sizes",
        lambda *_, **__: statistics_of_equivalence.RequiredSizes(*sizes),
    )
    results = configure(
        make_results(infrared=0.3, a=0.6, b=0.604), reference="a", sources=("b",), margin=0.8
    )
    (row,) = sections.build_section(results).equivalence_table.rows
    assert row.cells[-1][0] == text


def test_the_notes_state_corrections_and_assumptions():
    results = configure(make_results(infrared=0.3, a=0.6, b=0.605), reference="a")
    notes = " ".join(sections.build_section(results).equivalence_table.notes)
    assert "adjusted (Holm) for the 2 comparisons of this table" in notes
    assert "Differences and equivalences are adjusted separately" in notes
    assert "with 80 % power" in notes
    assert "if the true difference is the measured one and every part of the variance" in notes
    assert "p below 0.05 divided by the number of comparisons" in notes
    assert "Seeds were not varied" in notes


def test_two_metrics_are_named_in_the_rows_and_adjusted_together():
    results = make_results(infrared=0.3, a=0.6, b=0.6)
    column = results.records[0].columns["ap50"].model_copy(update={"mean_title": "mAP"})

    def add_metric(record):
        return record.model_copy(
            update={
                "columns": {**record.columns, "ap": column},
                "values": {**record.values, "ap": record.values["ap50"]},
            }
        )

    sources = tuple(
        replace(source, records=tuple(map(add_metric, source.records)))
        for source in results.sources
    )
    by_source = {
        name: tuple(
            replace(
                one,
                scores=one.scores
                | {key._replace(metric="ap"): values for key, values in one.scores.items()},
            )
            for one in scores
        )
        for name, scores in results.bootstrap.by_source.items()
    }
    results = replace(results, sources=sources, bootstrap=TaskBootstrap(by_source))
    results = configure(results, reference="a", sources=("b",), metrics=("ap50", "ap"))
    table = sections.build_section(results).equivalence_table
    assert [row.cells[1][0] for row in table.rows] == ["mAP@.5", "mAP"]
    assert table.title == "Equivalence within 1 point of mAP@.5, mAP"
    first, second = equivalence.compare_sources(results)
    assert first.equivalence_p_value == pytest.approx(2 * first.test.p_value)
    assert second.equivalence_p_value == pytest.approx(2 * first.test.p_value)
