"""Verdicts of a table, their words and their columns in the spreadsheet."""

from dataclasses import replace

import numpy as np
import pytest

from reports.document import sections
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.tables import builders, interval_tables, pairwise, result_text, significance_text
from tests.helpers.synthetic_records import make_source_results, make_task_results

UNITS = 40


def make_bootstrap_scores(person, car, *, spread, metric="ap50", shift=0):
    """Scores on 400 draws that move by ``spread``; all sources move alike but for ``shift``."""
    rng = np.random.default_rng(0)
    common, own = rng.normal(0, spread, 400), np.random.default_rng(shift).normal(0, 0.002, 400)
    drawn = {"person": person + common + own, "car": car + common + own}
    scores = {ScoreKey(None, name, metric): values for name, values in drawn.items()}
    scores[ScoreKey(None, None, metric)] = (drawn["person"] + drawn["car"]) / 2
    shares = {(None, name): np.full(UNITS, 1 / UNITS) for name in ("person", "car", None)}
    return BootstrapScores(scores, shares, 120, UNITS, True, UNITS)


def make_bootstrapped_results(mine=(0.6, 0.6), spread=0.05):
    scores = {"infrared": (0.5, 0.2), "visible": (0.4, 0.6), "mine": mine}
    rows = [
        make_source_results(name, name if name != "mine" else "method", [s])
        for name, s in scores.items()
    ]
    drawn = {
        name: (make_bootstrap_scores(*s, spread=spread, shift=number),)
        for number, (name, s) in enumerate(scores.items())
    }
    return replace(make_task_results(*rows), bootstrap=TaskBootstrap(drawn))


def test_a_common_movement_of_all_sources_hides_no_difference():
    # alone the scores vary by 5 points, their difference by 0.002 x sqrt 2 only
    table = builders.build_class_table(make_bootstrapped_results(), "ap50")
    mine = table.rows[2]
    assert [found.verdict for found in mine.comparisons] == [
        "better",
        "no difference shown",
        "better",
    ]
    assert [found.other_source for found in mine.comparisons] == ["infrared", "visible", "visible"]
    width = mine.cells[0].estimate.high - mine.cells[0].estimate.low
    assert width > 0.15
    assert mine.comparisons[0].estimate.high - mine.comparisons[0].estimate.low < 0.03


def test_p_values_are_adjusted_over_all_comparisons_of_the_table():
    found = builders.build_class_table(make_bootstrapped_results(), "ap50").rows[2].comparisons
    raw = sorted(c.estimate.p_value for c in found)
    assert sorted(c.adjusted_p_value for c in found)[0] == pytest.approx(3 * raw[0])
    assert all(c.adjusted_p_value >= c.estimate.p_value for c in found)


def test_a_difference_is_judged_once_in_the_table_by_class():
    # the means are few: adjusted for fewer comparisons, the same number could be judged otherwise
    found = make_bootstrapped_results()
    table = builders.build_means_table(found)
    assert table.rows[2].comparisons == ()
    assert table.rows[2].cells[0].estimate is not None
    assert significance_text.REPEATED_COLUMN_NOTE in significance_text.describe_verdicts(
        found, table
    )
    assert significance_text.REPEATED_COLUMN_NOTE not in significance_text.describe_verdicts(
        found, builders.build_class_table(found, "ap50")
    )


def test_lower_is_better_where_it_is():
    found = make_bootstrapped_results()
    columns = {"ap50": found.records[0].columns["ap50"].model_copy(update={"better": "lower"})}
    rows = [
        replace(r, records=tuple(x.model_copy(update={"columns": columns}) for x in r.records))
        for r in found.rows
    ]
    table = builders.build_class_table(replace(found, rows=tuple(rows)), "ap50")
    # the better sensor is now the lower one: visible, infrared, infrared
    assert [c.verdict for c in table.rows[2].comparisons] == ["worse", "worse", "worse"]


def test_the_answer_says_better_with_its_interval_and_what_it_covers():
    found = make_bootstrapped_results()
    said = where_fusion_helps.build_answer(found, sections.build_main_table(found))
    assert "mine (mAP@.5 60.0), fused, is better than the better single sensor, visible" in said
    assert "+10.0 points, [+9" in said
    assert "2000 resamples of 40 sequences" in said
    assert "Seeds were not varied" in said
    assert result_text.UNTESTED_NOTE not in said


def test_the_answer_claims_nothing_where_no_difference_is_shown():
    found = make_bootstrapped_results(mine=(0.5005, 0.5005))
    said = where_fusion_helps.build_answer(found, sections.build_main_table(found))
    assert said.startswith("No difference shown between mine (mAP@.5 50.0), fused, and")


def test_without_saved_results_nothing_is_tested_and_the_answer_says_so():
    found = replace(make_bootstrapped_results(), bootstrap=None)
    assert result_text.UNTESTED_NOTE in where_fusion_helps.build_answer(
        found, sections.build_main_table(found)
    )
    assert builders.build_class_table(found, "ap50").rows[2].comparisons == ()


def test_a_source_without_saved_results_has_no_interval_and_the_others_keep_theirs():
    found = make_bootstrapped_results()
    lacking = TaskBootstrap(found.bootstrap.sources | {"mine": (None,)})
    table = builders.build_class_table(replace(found, bootstrap=lacking), "ap50")
    assert table.rows[2].comparisons == ()
    assert table.rows[2].cells[0].estimate is None
    assert table.rows[0].cells[0].estimate is not None


def test_differences_that_were_not_tested_are_said_to_be_so_beside_those_that_were():
    found = make_bootstrapped_results()
    table = builders.build_class_table(found, "ap50")
    assert "No mark: not tested." not in result_text.build_notes(found, table)
    source = found.bootstrap.sources["mine"][0]
    kept = {key: value for key, value in source.scores.items() if key.name != "car"}
    lacking = TaskBootstrap(found.bootstrap.sources | {"mine": (replace(source, scores=kept),)})
    found = replace(found, bootstrap=lacking)
    table = builders.build_class_table(found, "ap50")
    person, car, _ = table.sources[2].comparisons
    assert (person.verdict, car) == ("better", None)
    assert "No mark: not tested." in result_text.build_notes(found, table)


def test_the_spreadsheet_has_ends_p_values_and_verdicts():
    table = builders.build_class_table(make_bootstrapped_results(), "ap50")
    sheet = csv_files.build_wide_dataframe(table).set_index("source")
    estimate = table.rows[2].comparisons[0].estimate
    assert sheet.loc["mine", "person difference low"] == pytest.approx(100 * estimate.low, abs=1e-5)
    assert sheet.loc["mine", "person p Holm"] == pytest.approx(
        table.rows[2].comparisons[0].adjusted_p_value, abs=1e-6
    )
    assert sheet.loc["mine", "car verdict"] == "no difference shown"
    assert sheet.loc["infrared", "person low"] < 50 < sheet.loc["infrared", "person high"]


def test_intervals_and_the_size_a_test_needs_are_folded_away_with_files_of_their_own():
    found = make_bootstrapped_results()
    chapter = sections.build_section(found, "", ())
    titles = [grid.title for grid in chapter.collapsed_tables]
    assert titles[-2:] == [
        "AP@.5 by class: 95 % intervals",
        "mAP@.5: what it takes to show a difference",
    ]
    files = [grid.csv_file for grid in [*chapter.main_tables, *chapter.collapsed_tables]]
    assert len(set(files)) == len(files)
    made = dict(
        interval_tables.build_dataframes(
            found, sections.select_tables(found)[0], chapter.collapsed_tables[-2:]
        )
    )
    assert set(made) == set(files[-2:])
    power = made[files[-1]]
    assert power["units"][0] == UNITS
    assert power["units for 0.01"][0] < UNITS  # the sources move alike: few are enough


def test_few_sequences_are_said_to_stand_for_themselves():
    one = make_bootstrap_scores(0.5, 0.5, spread=0.01)
    few = replace(one, units=120, is_clustered=False, sequence_count=3)
    found = replace(make_bootstrapped_results(), bootstrap=TaskBootstrap({"mine": (few,)}))
    assert (
        "120 images (from 3 sequences; they say nothing of others)"
        in significance_text.describe_intervals(found)
    )


def test_with_several_seeds_the_words_say_so():
    found = make_bootstrapped_results()
    rows = [
        make_source_results(r.source_name, r.source_kind, [(0.5, 0.5), (0.6, 0.5), (0.5, 0.6)])
        for r in found.sources
    ]
    said = significance_text.describe_intervals(replace(found, rows=tuple(rows)))
    assert "the variance over 3 seeds" in said
    assert "not varied" not in said


def test_only_a_table_with_standard_deviations_says_what_they_are():
    found = make_bootstrapped_results()
    rows = [
        make_source_results(r.source, r.kind, [(0.5, 0.5), (0.6, 0.5), (0.5, 0.6)])
        for r in found.sources
    ]
    drawn = {name: made * 3 for name, made in found.bootstrap.sources.items()}
    found = replace(found, rows=tuple(rows), bootstrap=TaskBootstrap(drawn))
    chapter = sections.build_section(found, "", ())
    has, says = {}, {}
    for grid in [*chapter.main_tables, *chapter.collapsed_tables]:
        has[grid.title] = any(" ± " in text for line in grid.rows for text, _ in line.cells)
        says[grid.title] = any("standard deviation" in note for note in grid.notes)
    assert has == says
    assert says["AP@.5 by class"]
    assert not says["AP@.5 by class: 95 % intervals"]


def test_every_pair_of_sources_is_judged_in_a_file_of_its_own():
    found = make_bootstrapped_results()
    table = builders.build_class_table(found, "ap50")
    sheet = pairwise.build_dataframe(table, found.bootstrap)
    assert len(sheet) == 3 * 3  # pairs x columns
    rows = sheet.set_index(["column", "source", "other"])
    both = rows.loc[("person", "infrared", "visible")]
    assert both["difference"] == pytest.approx(10)
    assert both["verdict"] == "better"
    assert rows.loc[("car", "infrared", "visible"), "verdict"] == "worse"
    assert rows.loc[("car", "visible", "mine"), "verdict"] == "no difference shown"
    assert sheet["p Holm"].min() == pytest.approx(9 * sheet["p"].min(), abs=1e-5)
    assert pairwise.build_dataframe(table, None) is None
