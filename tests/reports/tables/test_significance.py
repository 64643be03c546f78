"""Intervals and verdicts of tables, as text and in CSV files."""

from dataclasses import replace

import pytest

from reports.document import sections, selection
from reports.results.bootstrap_scores import TaskBootstrap
from reports.tables import (
    builders,
    csv_files,
    interval_tables,
    result_text,
    significance,
    significance_text,
    where_fusion_helps,
)
from tests.helpers.reports.bootstrapped_results import (
    UNIT_COUNT,
    make_bootstrap_scores,
    make_bootstrapped_results,
)
from tests.helpers.reports.synthetic_records import make_source_results

THREE_SEEDS = [(0.5, 0.5), (0.6, 0.5), (0.5, 0.6)]


def replace_bootstrap_of_mine(results, scores):
    by_source = results.bootstrap.by_source | {"mine": (scores,)}
    return replace(results, bootstrap=TaskBootstrap(by_source))


def repeat_seeds(results, bootstrap=None):
    """Give every source three seeds with different scores."""
    sources = [
        make_source_results(source.source_name, source.source_kind, THREE_SEEDS)
        for source in results.sources
    ]
    return replace(results, sources=tuple(sources), bootstrap=bootstrap or results.bootstrap)


def build_answer(results):
    return where_fusion_helps.build_answer(results, selection.build_main_table(results))


def test_variation_common_to_all_sources_hides_no_difference():
    # alone the scores vary by 5 points, their difference by 0.002 x sqrt 2 only
    row = builders.build_class_table(make_bootstrapped_results(), "ap50").rows[2]
    assert [(c.verdict, c.other_source) for c in row.comparisons] == [
        ("better", "infrared"),
        ("no difference shown", "visible"),
        ("better", "visible"),
    ]
    assert row.cells[0].estimate.high - row.cells[0].estimate.low > 0.15
    assert row.comparisons[0].estimate.high - row.comparisons[0].estimate.low < 0.03


def test_p_values_are_adjusted_over_all_comparisons_of_the_table():
    row = builders.build_class_table(make_bootstrapped_results(), "ap50").rows[2]
    smallest = min(c.estimate.p_value for c in row.comparisons)
    assert min(c.adjusted_p_value for c in row.comparisons) == pytest.approx(3 * smallest)
    assert all(c.adjusted_p_value >= c.estimate.p_value for c in row.comparisons)


def test_a_difference_is_tested_only_in_the_table_by_class():
    # adjusted for fewer comparisons, the same difference could have another verdict
    results = make_bootstrapped_results()
    means, by_class = (
        builders.build_means_table(results),
        builders.build_class_table(results, "ap50"),
    )
    assert means.rows[2].comparisons == ()
    assert means.rows[2].cells[0].estimate is not None
    note = significance_text.REPEATED_COLUMN_NOTE
    assert note in significance_text.describe_verdicts(results, means)
    assert note not in significance_text.describe_verdicts(results, by_class)


def test_a_lower_score_is_better_where_the_metric_says_so():
    results = make_bootstrapped_results()
    column = results.records[0].columns["ap50"].model_copy(update={"better": "lower"})
    sources = [
        replace(
            source,
            records=tuple(
                record.model_copy(update={"columns": {"ap50": column}}) for record in source.records
            ),
        )
        for source in results.sources
    ]
    table = builders.build_class_table(replace(results, sources=tuple(sources)), "ap50")
    # the better sensor is now the lower one: visible, infrared, infrared
    assert [c.verdict for c in table.rows[2].comparisons] == ["worse", "worse", "worse"]


def test_the_answer_has_the_verdict_its_interval_and_what_the_interval_covers():
    answer = build_answer(make_bootstrapped_results())
    assert "mine (mAP@.5 60.0), fused, is better than the better single sensor, visible" in answer
    assert "+10.0 points, [+9" in answer
    assert "2000 resamples of 40 sequences" in answer
    assert "Seeds were not varied" in answer
    assert result_text.UNTESTED_NOTE not in answer


def test_the_answer_claims_nothing_where_no_difference_is_shown():
    answer = build_answer(make_bootstrapped_results(fused_scores=(0.5005, 0.5005)))
    assert answer.startswith("No difference shown between mine (mAP@.5 50.0), fused, and")


def test_without_bootstrap_scores_nothing_is_tested_and_the_answer_says_so():
    results = replace(make_bootstrapped_results(), bootstrap=None)
    assert result_text.UNTESTED_NOTE in build_answer(results)
    assert builders.build_class_table(results, "ap50").rows[2].comparisons == ()


def test_a_source_without_bootstrap_scores_has_no_interval_and_the_others_keep_theirs():
    results = replace_bootstrap_of_mine(make_bootstrapped_results(), None)
    table = builders.build_class_table(results, "ap50")
    assert table.rows[2].comparisons == ()
    assert table.rows[2].cells[0].estimate is None
    assert table.rows[0].cells[0].estimate is not None


def test_a_table_with_tested_and_untested_differences_has_a_note():
    results = make_bootstrapped_results()
    table = builders.build_class_table(results, "ap50")
    assert "No mark: not tested." not in result_text.build_notes(results, table)
    (fused,) = results.bootstrap.by_source["mine"]
    without_car = {
        key: scores for key, scores in fused.scores.items() if key.class_or_mean != "car"
    }
    results = replace_bootstrap_of_mine(results, replace(fused, scores=without_car))
    table = builders.build_class_table(results, "ap50")
    person, car, _ = table.rows[2].comparisons
    assert (person.verdict, car) == ("better", None)
    assert "No mark: not tested." in result_text.build_notes(results, table)


def test_the_csv_file_has_intervals_p_values_and_verdicts():
    table = builders.build_class_table(make_bootstrapped_results(), "ap50")
    frame = csv_files.build_wide_dataframe(table).set_index("source")
    comparison = table.rows[2].comparisons[0]
    low = frame.loc["mine", "person difference low"]
    assert low == pytest.approx(100 * comparison.estimate.low, abs=1e-5)
    adjusted = frame.loc["mine", "person p Holm"]
    assert adjusted == pytest.approx(comparison.adjusted_p_value, abs=1e-6)
    assert frame.loc["mine", "car verdict"] == "no difference shown"
    assert frame.loc["infrared", "person low"] < 50 < frame.loc["infrared", "person high"]


def test_intervals_and_power_are_collapsed_tables_with_files_of_their_own():
    results = make_bootstrapped_results()
    section = sections.build_section(results, "", ())
    assert [table.title for table in section.collapsed_tables][-3:] == [
        "AP@.5 by class: 95 % intervals",
        "mAP@.5: sample size that shows a difference",
        "AP@.5 by class: ranks",
    ]
    files = [table.csv_file for table in [*section.main_tables, *section.collapsed_tables]]
    assert len(set(files)) == len(files)
    main_tables = selection.select_tables(results)[0]
    frames = dict(
        interval_tables.build_dataframes(results, main_tables, section.collapsed_tables[-3:-1])
    )
    assert set(frames) == set(files[-3:-1])
    power = frames[files[-2]]
    assert power["units"][0] == UNIT_COUNT
    assert power["units for 0.01"][0] < UNIT_COUNT  # the sources vary together: few are enough


def test_intervals_from_few_sequences_have_a_warning():
    scores = make_bootstrap_scores(0.5, 0.5, spread=0.01)
    few = replace(scores, unit_count=120, is_clustered=False, sequence_count=3)
    results = replace(make_bootstrapped_results(), bootstrap=TaskBootstrap({"mine": (few,)}))
    text = significance_text.describe_intervals(results)
    assert "120 images (from 3 sequences; they do not cover other sequences)" in text


def test_intervals_over_several_seeds_are_described_as_such():
    text = significance_text.describe_intervals(repeat_seeds(make_bootstrapped_results()))
    assert "the variance over 3 seeds" in text
    assert "not varied" not in text


def test_only_tables_with_standard_deviations_explain_them():
    results = make_bootstrapped_results()
    by_source = {name: scores * 3 for name, scores in results.bootstrap.by_source.items()}
    results = repeat_seeds(results, TaskBootstrap(by_source))
    section = sections.build_section(results, "", ())
    has_deviations, has_note = {}, {}
    for table in [*section.main_tables, *section.collapsed_tables]:
        texts = [text for row in table.rows for text, _ in row.cells]
        has_deviations[table.title] = any(" ± " in text for text in texts)
        has_note[table.title] = any("standard deviation" in note for note in table.notes)
    assert has_deviations == has_note
    assert has_note["AP@.5 by class"]
    assert not has_note["AP@.5 by class: 95 % intervals"]


def test_every_pair_of_sources_is_tested_in_a_file_of_its_own():
    results = make_bootstrapped_results()
    table = builders.build_class_table(results, "ap50")
    frame = significance.build_pairwise_dataframe(table, results.bootstrap)
    assert len(frame) == 3 * 3  # pairs x columns
    rows = frame.set_index(["column", "source", "other"])
    sensors = rows.loc[("person", "infrared", "visible")]
    assert sensors["difference"] == pytest.approx(10)
    assert sensors["verdict"] == "better"
    assert rows.loc[("car", "infrared", "visible"), "verdict"] == "worse"
    assert rows.loc[("car", "visible", "mine"), "verdict"] == "no difference shown"
    assert frame["p Holm"].min() == pytest.approx(9 * frame["p"].min(), abs=1e-5)
    assert significance.build_pairwise_dataframe(table, None) is None
