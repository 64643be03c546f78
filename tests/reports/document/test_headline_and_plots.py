"""Headline, interval plots, leaderboard and pictures of the first screen."""

from dataclasses import replace

import pytest

from reports.document import sections, selection
from reports.document.parts import headline, interval_plots, leaderboard, pictures
from reports.figures.sample_panels import SamplePair, SamplePanel
from reports.statistics.confidence_intervals import BETTER, NO_DIFFERENCE_SHOWN, WORSE, Estimate
from reports.tables.comparison import SourceComparison
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

SOURCES = (
    make_source_results("infrared", "infrared", [(0.5, 0.2)]),
    make_source_results("visible", "visible", [(0.4, 0.6)]),
    make_source_results("mine", "method", [(0.6, 0.5)]),
    make_source_results("poor", "method", [(0.1, 0.1)]),
)
RESULTS = make_task_results(*SOURCES)


def make_estimate(value, low, high):
    return Estimate(value, low, high, 0.01, 5.0, 0.01, 0.0, 0.0, None)


def make_tested_table(verdicts):
    """The main table (person, car, mean), in which ``mine`` has verdicts and intervals of +-4."""
    table = selection.build_main_table(RESULTS)
    rows = []
    for row in table.rows:
        comparisons = tuple(
            SourceComparison("visible", make_estimate(d, d - 0.04, d + 0.04), 0.01, verdict)
            for d, verdict in zip(row.differences, verdicts, strict=False)
        )
        is_mine = row.source_results.source_name == "mine"
        rows.append(replace(row, comparisons=comparisons) if is_mine else row)
    return replace(table, rows=tuple(rows))


@pytest.mark.parametrize(
    ("verdict", "label", "reason"),
    [
        (BETTER, headline.HELPS, "more than chance explains"),
        (WORSE, headline.HURTS, "more than chance explains"),
        (NO_DIFFERENCE_SHOWN, headline.UNDECIDED, "No source is shown to be best."),
    ],
)
def test_a_headline_claims_no_more_than_the_verdict_of_the_mean(verdict, label, reason):
    table = make_tested_table((BETTER, WORSE, verdict))
    result = headline.build_headline(RESULTS, table, [])
    assert (result.label, result.candidate, result.baseline) == (label, "mine", "visible")
    assert reason in result.sentence
    # mean 55 against 50 of visible; person 60 against 50, car 50 against 60
    assert "mine (mAP@.5 55.0) is 5.0 points ahead of visible (50.0)" in result.sentence
    assert result.where == (
        (BETTER, "mine is better in person (+10.0)."),
        (WORSE, "mine is worse in car (\N{MINUS SIGN}10.0)."),
    )


def test_undecided_classes_are_counted_and_no_p_value_is_printed():
    table = make_tested_table((NO_DIFFERENCE_SHOWN,) * 3)
    result = headline.build_headline(RESULTS, table, [])
    assert result.where == ((NO_DIFFERENCE_SHOWN, "No difference is shown in any of 2 classes."),)
    assert "p 0" not in result.sentence


def test_untested_and_missing_results_are_called_so():
    table = selection.build_main_table(RESULTS)
    assert headline.build_headline(RESULTS, table, []).label == headline.NOT_TESTED
    results = make_task_results(make_source_results("mine", "method", [None]))
    main = selection.build_main_table(results)
    assert headline.build_headline(results, main, []).label == headline.NO_RESULT
    results = make_task_results(SOURCES[0], SOURCES[2])
    results = replace(results, sources=(replace(SOURCES[0], records=()), SOURCES[2]))
    main = selection.build_main_table(results)
    assert headline.build_headline(results, main, []).label == headline.NOT_COMPARED


def test_differences_share_a_scale_with_zero_and_only_long_intervals_are_cut():
    plots = interval_plots.build_difference_plots(make_tested_table((BETTER, WORSE, BETTER)))
    person, car, mean = plots.columns
    assert person == car != mean
    marks = plots.marks["mine"]
    assert marks[0].low < marks[0].value < marks[0].high
    assert marks[0].value > person.reference > marks[1].value
    # equal differences of opposite sign are equally far from zero
    assert marks[0].value - person.reference == pytest.approx(
        car.reference - marks[1].value, abs=0.11
    )
    assert plots.marks["poor"][0].low == plots.marks["poor"][0].high  # not tested: no interval
    assert not any(mark.is_cut_low or mark.is_cut_high for mark in marks)
    table = make_tested_table((BETTER, WORSE, BETTER))
    row = table.rows[2]
    long = replace(row.comparisons[0], estimate=make_estimate(0.1, -3.0, 3.2))
    row = replace(row, comparisons=(long, *row.comparisons[1:]))
    plots = interval_plots.build_difference_plots(replace(table, rows=(*table.rows[:2], row)))
    mark = plots.marks["mine"][0]
    assert mark.is_cut_low
    assert mark.is_cut_high
    assert 0 < mark.low < mark.value < mark.high < 100


def test_scores_have_one_length_per_point_and_the_better_sensor_as_reference():
    plots = interval_plots.build_score_plots(selection.build_main_table(RESULTS))
    infrared, visible, fused = (plots.marks[name] for name in ("infrared", "visible", "mine"))
    assert plots.columns[0].reference == infrared[0].value
    assert plots.columns[1].reference == visible[1].value
    # person: 60 - 50 = 10 points; car: 50 - 20 = 30 points
    ratio = (fused[1].value - infrared[1].value) / (fused[0].value - infrared[0].value)
    assert ratio == pytest.approx(3, abs=0.05)


def test_equal_scores_have_no_plot_and_equal_differences_a_scale():
    sources = [
        replace(make_source_results("x", "method", [(0.5, 0.5)]), source_name=n) for n in "ab"
    ]
    sources.append(make_source_results("infrared", "infrared", [(0.5, 0.5)]))
    table = selection.build_main_table(make_task_results(*sources))
    assert interval_plots.build_score_plots(table) is None
    plots = interval_plots.build_difference_plots(table)
    assert {mark.value for row in plots.marks.values() for mark in row} == {
        plots.columns[0].reference
    }


def test_the_leaderboard_orders_sources_by_their_average_place():
    section = sections.build_section(RESULTS)
    swapped = make_task_results(
        *(
            replace(
                source,
                records=tuple(
                    record.model_copy(update={"source": name}) for record in source.records
                ),
                source_name=name,
            )
            for source, name in zip(SOURCES, ("infrared", "visible", "poor", "mine"), strict=True)
        )
    )
    board = leaderboard.build_leaderboard([section, section, sections.build_section(swapped)])
    assert board.rows[0][0] == "mine"  # first, first, last
    assert [column.title for column in board.columns] == ["mAP@.5"] * 3
    assert board.rows[0][1][0].text == "55.0"
    assert leaderboard.build_leaderboard([]) is None


def test_pictures_are_taken_from_the_tasks_in_turn():
    panel = SamplePanel("mine", "mine", "a.jpg", (4, 4), "text")

    def make_samples(prefix):
        return tuple(
            SamplePair(
                f"{prefix}{i}",
                "day",
                "x; largest gain of a against b",
                (panel,),
                effect="gain",
                comparison=(panel, panel),
            )
            for i in range(2)
        )

    tasks = [sections.build_section(RESULTS, "", make_samples(prefix)) for prefix in "ab"]
    selected = pictures.select_pictures(tasks)
    assert [picture.sample.key for picture in selected["gain"]] == ["a0", "b0"]
    assert selected["gain"][0].reason == "largest gain of a against b"
    assert selected["loss"] == []
    alone = pictures.select_pictures(tasks[:1])
    assert [picture.sample.key for picture in alone["gain"]] == ["a0", "a1"]
