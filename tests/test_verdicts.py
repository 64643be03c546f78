"""Verdicts of a table, their words and their columns in the spreadsheet."""

from dataclasses import replace

import numpy as np
import pytest
from report_toys import results, row

from reports.contents import chapters
from reports.records.evidence import Evidence, Quantity, Resampled
from reports.scores import against, appendix, certainty, tables, wording

UNITS = 40


def resampled(person, car, *, spread, metric="ap50", shift=0):
    """Scores on 400 draws that move by ``spread``; all sources move alike but for ``shift``."""
    rng = np.random.default_rng(0)
    common, own = rng.normal(0, spread, 400), np.random.default_rng(shift).normal(0, 0.002, 400)
    drawn = {"person": person + common + own, "car": car + common + own}
    scores = {Quantity(None, name, metric): values for name, values in drawn.items()}
    scores[Quantity(None, None, metric)] = (drawn["person"] + drawn["car"]) / 2
    shares = {(None, name): np.full(UNITS, 1 / UNITS) for name in ("person", "car", None)}
    return Resampled(scores, shares, 120, UNITS, True, UNITS)


def task(mine=(0.6, 0.6), spread=0.05):
    scores = {"infrared": (0.5, 0.2), "visible": (0.4, 0.6), "mine": mine}
    rows = [row(name, name if name != "mine" else "method", [s]) for name, s in scores.items()]
    drawn = {
        name: (resampled(*s, spread=spread, shift=number),)
        for number, (name, s) in enumerate(scores.items())
    }
    return replace(results(*rows), evidence=Evidence(drawn))


def test_a_common_movement_of_all_sources_hides_no_difference():
    # alone the scores vary by 5 points, their difference by 0.002 x sqrt 2 only
    table = tables.by_class(task(), "ap50")
    mine = table.lines[2]
    assert [found.verdict for found in mine.comparisons] == [
        "better",
        "no difference shown",
        "better",
    ]
    assert [found.other for found in mine.comparisons] == ["infrared", "visible", "visible"]
    width = mine.entries[0].estimate.high - mine.entries[0].estimate.low
    assert width > 0.15
    assert mine.comparisons[0].estimate.high - mine.comparisons[0].estimate.low < 0.03


def test_p_values_are_adjusted_over_all_comparisons_of_the_table():
    found = tables.by_class(task(), "ap50").lines[2].comparisons
    raw = sorted(c.estimate.p for c in found)
    assert sorted(c.adjusted for c in found)[0] == pytest.approx(3 * raw[0])
    assert all(c.adjusted >= c.estimate.p for c in found)


def test_a_difference_is_judged_once_in_the_table_by_class():
    # the means are few: adjusted for fewer comparisons, the same number could be judged otherwise
    found = task()
    table = tables.means(found)
    assert table.lines[2].comparisons == ()
    assert table.lines[2].entries[0].estimate is not None
    assert certainty.REPEATED in certainty.verdicts(found, table)
    assert certainty.REPEATED not in certainty.verdicts(found, tables.by_class(found, "ap50"))


def test_lower_is_better_where_it_is():
    found = task()
    columns = {"ap50": found.records[0].columns["ap50"].model_copy(update={"better": "lower"})}
    rows = [
        replace(r, records=tuple(x.model_copy(update={"columns": columns}) for x in r.records))
        for r in found.rows
    ]
    table = tables.by_class(replace(found, rows=tuple(rows)), "ap50")
    # the better sensor is now the lower one: visible, infrared, infrared
    assert [c.verdict for c in table.lines[2].comparisons] == ["worse", "worse", "worse"]


def test_the_answer_says_better_with_its_interval_and_what_it_covers():
    found = task()
    said = wording.answer(found, chapters.leading(found))
    assert "mine (mAP@.5 60.0), fused, is better than the better single sensor, visible" in said
    assert "+10.0 points, [+9" in said
    assert "2000 resamples of 40 sequences" in said
    assert "Seeds were not varied" in said
    assert wording.UNTESTED not in said


def test_the_answer_claims_nothing_where_no_difference_is_shown():
    found = task(mine=(0.5005, 0.5005))
    said = wording.answer(found, chapters.leading(found))
    assert said.startswith("No difference shown between mine (mAP@.5 50.0), fused, and")


def test_without_saved_results_nothing_is_tested_and_the_answer_says_so():
    found = replace(task(), evidence=None)
    assert wording.UNTESTED in wording.answer(found, chapters.leading(found))
    assert tables.by_class(found, "ap50").lines[2].comparisons == ()


def test_a_source_without_saved_results_has_no_interval_and_the_others_keep_theirs():
    found = task()
    lacking = Evidence(found.evidence.sources | {"mine": (None,)})
    table = tables.by_class(replace(found, evidence=lacking), "ap50")
    assert table.lines[2].comparisons == ()
    assert table.lines[2].entries[0].estimate is None
    assert table.lines[0].entries[0].estimate is not None


def test_differences_that_were_not_tested_are_said_to_be_so_beside_those_that_were():
    found = task()
    table = tables.by_class(found, "ap50")
    assert "No mark: not tested." not in wording.notes(found, table)
    source = found.evidence.sources["mine"][0]
    kept = {key: value for key, value in source.scores.items() if key.name != "car"}
    lacking = Evidence(found.evidence.sources | {"mine": (replace(source, scores=kept),)})
    found = replace(found, evidence=lacking)
    table = tables.by_class(found, "ap50")
    person, car, _ = table.lines[2].comparisons
    assert (person.verdict, car) == ("better", None)
    assert "No mark: not tested." in wording.notes(found, table)


def test_the_spreadsheet_has_ends_p_values_and_verdicts():
    table = tables.by_class(task(), "ap50")
    sheet = tables.wide(table).set_index("source")
    estimate = table.lines[2].comparisons[0].estimate
    assert sheet.loc["mine", "person difference low"] == pytest.approx(100 * estimate.low, abs=1e-5)
    assert sheet.loc["mine", "person p Holm"] == pytest.approx(
        table.lines[2].comparisons[0].adjusted, abs=1e-6
    )
    assert sheet.loc["mine", "car verdict"] == "no difference shown"
    assert sheet.loc["infrared", "person low"] < 50 < sheet.loc["infrared", "person high"]


def test_intervals_and_the_size_a_test_needs_are_folded_away_with_files_of_their_own():
    found = task()
    chapter = chapters.of(found, "", ())
    titles = [grid.title for grid in chapter.more]
    assert titles[-2:] == [
        "AP@.5 by class: 95 % intervals",
        "mAP@.5: what it takes to show a difference",
    ]
    files = [grid.file for grid in [*chapter.main, *chapter.more]]
    assert len(set(files)) == len(files)
    made = dict(appendix.sheets(found, chapters.chosen(found)[0], chapter.more[-2:]))
    assert set(made) == set(files[-2:])
    power = made[files[-1]]
    assert power["units"][0] == UNITS
    assert power["units for 0.01"][0] < UNITS  # the sources move alike: few are enough


def test_few_sequences_are_said_to_stand_for_themselves():
    one = resampled(0.5, 0.5, spread=0.01)
    few = replace(one, units=120, grouped=False, sequences=3)
    found = replace(task(), evidence=Evidence({"mine": (few,)}))
    assert "120 images (from 3 sequences; they say nothing of others)" in certainty.covered(found)


def test_with_several_seeds_the_words_say_so():
    found = task()
    rows = [row(r.source, r.kind, [(0.5, 0.5), (0.6, 0.5), (0.5, 0.6)]) for r in found.rows]
    said = certainty.covered(replace(found, rows=tuple(rows)))
    assert "the variance over 3 seeds" in said
    assert "not varied" not in said


def test_only_a_table_with_standard_deviations_says_what_they_are():
    found = task()
    rows = [row(r.source, r.kind, [(0.5, 0.5), (0.6, 0.5), (0.5, 0.6)]) for r in found.rows]
    drawn = {name: made * 3 for name, made in found.evidence.sources.items()}
    found = replace(found, rows=tuple(rows), evidence=Evidence(drawn))
    chapter = chapters.of(found, "", ())
    has, says = {}, {}
    for grid in [*chapter.main, *chapter.more]:
        has[grid.title] = any(" ± " in text for line in grid.rows for text, _ in line.cells)
        says[grid.title] = any("standard deviation" in note for note in grid.notes)
    assert has == says
    assert says["AP@.5 by class"]
    assert not says["AP@.5 by class: 95 % intervals"]


def test_every_pair_of_sources_is_judged_in_a_file_of_its_own():
    found = task()
    table = tables.by_class(found, "ap50")
    sheet = against.pairs(table, found.evidence)
    assert len(sheet) == 3 * 3  # pairs x columns
    rows = sheet.set_index(["column", "source", "other"])
    both = rows.loc[("person", "infrared", "visible")]
    assert both["difference"] == pytest.approx(10)
    assert both["verdict"] == "better"
    assert rows.loc[("car", "infrared", "visible"), "verdict"] == "worse"
    assert rows.loc[("car", "visible", "mine"), "verdict"] == "no difference shown"
    assert sheet["p Holm"].min() == pytest.approx(9 * sheet["p"].min(), abs=1e-5)
    assert against.pairs(table, None) is None
