import numpy as np
import pandas as pd
import pytest

from fusebench.storage.records import Column, Scores
from reports.document import sections, table_text
from reports.results import protocol
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import builders, fusion_metric_tables, result_text, tidy_scores
from reports.tables.comparison import find_better_single_sensor
from tests.helpers.synthetic_records import (
    AP,
    AP50,
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)

SINGLES = (
    make_source_results("infrared", "infrared", [(0.50, 0.20), (0.54, 0.20)]),
    make_source_results("visible", "visible", [(0.40, 0.60), (0.42, 0.62)]),
)
FUSED = make_source_results("mine", "method", [(0.60, 0.60), (0.62, 0.58)])


def texts(table):
    return {
        line.source_results.source_name: [
            result_text.format_cell(e, h) for e, h in zip(line.cells, table.headers, strict=False)
        ]
        for line in table.rows
    }


def ranks(table):
    return {
        line.source_results.source_name: [entry.rank for entry in line.cells] for line in table.rows
    }


def test_cells_are_the_mean_and_the_sample_standard_deviation_over_seeds_in_points():
    # person of infrared: 50 and 54: mean 52, sd sqrt(((50-52)^2 + (54-52)^2) / 1) = 2.83
    table = builders.build_class_table(make_task_results(*SINGLES, FUSED), "ap50")
    assert texts(table)["infrared"] == ["52.0 ± 2.8", "20.0 ± 0.0", "36.0 ± 1.4"]
    assert [heading.title for heading in table.headers] == ["person", "car", "mAP@.5"]


def test_a_mean_over_fewer_classes_stands_beside_the_mean():
    fewer = {"subset_means": {"without car": {"ap50": 0.5}}}
    lines = make_record("mine", "method", 0, (0.5, 0.25), **fewer)
    table = builders.build_class_table(
        make_task_results(SourceResults("mine", "method", (0,), (lines,), "run")), "ap50"
    )
    heads = ["person", "car", "mAP@.5 without car", "mAP@.5"]
    assert [heading.title for heading in table.headers] == heads
    assert texts(table)["mine"] == ["50.0", "25.0", "50.0", "37.5"]
    assert table.has_mean_column


def test_one_seed_has_no_plus_minus():
    table = builders.build_class_table(
        make_task_results(make_source_results("mine", "method", [(0.5, 0.25)])), "ap50"
    )
    assert texts(table)["mine"] == ["50.0", "25.0", "37.5"]


def test_best_and_second_best_of_every_column_are_marked():
    # person: 52, 41, 61; car: 20, 61, 59; mean: 36, 51, 60
    table = builders.build_class_table(make_task_results(*SINGLES, FUSED), "ap50")
    assert ranks(table) == {"infrared": [2, 0, 0], "visible": [0, 1, 2], "mine": [1, 2, 1]}


def test_sources_that_are_equal_as_printed_share_their_mark():
    table = builders.build_class_table(
        make_task_results(
            make_source_results("a", "method", [(0.5004, 0.1)]),
            make_source_results("b", "method", [(0.5001, 0.3)]),
            make_source_results("c", "method", [(0.4, 0.2)]),
        ),
        "ap50",
    )
    assert [found[0] for found in ranks(table).values()] == [1, 1, 2]


def test_nothing_is_marked_where_all_sources_are_equal_or_there_is_only_one():
    alone = builders.build_class_table(
        make_task_results(make_source_results("a", "method", [(0.5, 0.1)])), "ap50"
    )
    assert ranks(alone) == {"a": [0, 0, 0]}
    equal = make_task_results(
        make_source_results("a", "method", [(0.5, 0.1)]),
        make_source_results("b", "method", [(0.5, 0.2)]),
    )
    assert [found[0] for found in ranks(builders.build_class_table(equal, "ap50")).values()] == [
        0,
        0,
    ]


def test_the_smallest_is_the_best_of_a_metric_where_lower_is_better():
    columns = {"ap50": Column(title="error", mean_title="error", better="lower")}
    rows = [
        SourceResults(
            name, "method", (0,), (make_record(name, "method", 0, scores, columns=columns),), ""
        )
        for name, scores in (("a", (0.5, 0.1)), ("b", (0.3, 0.2)))
    ]
    assert ranks(builders.build_class_table(make_task_results(*rows), "ap50")) == {
        "a": [2, 1, 2],
        "b": [1, 2, 1],
    }


def test_the_difference_is_to_the_better_single_sensor_of_each_column():
    # person: 61 - infrared's 52; car: 59 - visible's 61; mean: 60 - visible's 51
    table = builders.build_class_table(make_task_results(*SINGLES, FUSED), "ap50")
    differences = table.rows[2].differences
    shown = [
        result_text.format_difference(d, h) for d, h in zip(differences, table.headers, strict=True)
    ]
    assert shown == ["+9.0", "−2.0", "+9.0"]  # noqa: RUF001 - the minus sign of the page
    assert [find_better_single_sensor(table, i).source_results.source_name for i in range(3)] == [
        "infrared",
        "visible",
        "visible",
    ]


def test_there_is_no_untested_difference_of_means_over_other_seeds():
    # seed 1 of mine is missing: 60 - 52 would be partly a difference of seeds
    some = make_source_results("mine", "method", [(0.60, 0.60), None])
    found = make_task_results(*SINGLES, some)
    table = builders.build_class_table(found, "ap50")
    assert table.rows[2].differences == (None, None, None)
    grid = table_text.build_text_table(found, table)
    assert [text for text, _ in grid.difference_rows[1].cells] == ["seeds differ"] * 3
    assert pd.isna(
        csv_files.build_wide_dataframe(table).set_index("source").loc["mine", "person difference"]
    )
    # not the number of seeds but which they are
    other = make_source_results("mine", "method", [None, (0.60, 0.60), (0.6, 0.6)])
    assert (
        builders.build_class_table(make_task_results(*SINGLES, other), "ap50")
        .rows[2]
        .differences[0]
        is None
    )


def test_a_seed_without_a_score_counts_as_another_seed_in_its_column_alone():
    some = make_source_results("mine", "method", [(None, 0.60), (0.60, 0.60)])
    found = (
        builders.build_class_table(make_task_results(*SINGLES, some), "ap50").rows[2].differences
    )
    assert found == (None, pytest.approx(0.6 - 0.61), pytest.approx(0.6 - 0.51))


def test_a_tested_difference_may_be_of_other_seeds_and_is_the_same_where_it_is_repeated():
    single = make_source_results("visible", "visible", [(0.40, 0.60), (0.42, 0.62)])
    mine = make_source_results("mine", "method", [(0.60, 0.60), None])
    quantities = [ScoreKey(None, name, "ap50") for name in ("person", "car", None)]
    made = np.random.default_rng(0)

    def resampled():
        drawn = {of: made.normal(0.5, 0.1, 50) for of in quantities}
        return BootstrapScores(drawn, {(None, None): np.full(9, 1 / 9)}, 9, 9, False, 9)

    drawn = TaskBootstrap({"visible": (resampled(), resampled()), "mine": (resampled(),)})
    found = TaskResults("toy-detection", "detection", "toy", (single, mine), drawn)
    line = builders.build_class_table(found, "ap50").rows[1]
    assert line.differences == pytest.approx((0.60 - 0.41, 0.60 - 0.61, 0.60 - 0.51))
    again = builders.build_means_table(found).rows[1]
    assert again.differences == pytest.approx((0.60 - 0.51,))
    assert again.comparisons == ()


def test_there_is_no_difference_while_a_single_sensor_is_missing():
    unfinished = make_source_results("visible", "visible", [None])
    table = builders.build_class_table(make_task_results(SINGLES[0], unfinished, FUSED), "ap50")
    assert table.rows[2].differences == ()
    assert "not all single sensors are finished" in " ".join(
        result_text.build_notes(make_task_results(SINGLES[0], unfinished, FUSED), table)
    )


def test_an_undefined_score_is_a_dash_and_never_a_zero():
    table = builders.build_class_table(
        make_task_results(
            make_source_results("infrared", "infrared", [(None, 0.2)]),
            make_source_results("mine", "method", [(None, 0.3)]),
        ),
        "ap50",
    )
    assert texts(table)["mine"][0] == "–"  # noqa: RUF001 - the dash of the page
    assert table.rows[1].differences[0] is None
    assert table.rows[1].differences[1] == pytest.approx(0.1)


def test_a_score_that_some_seeds_lack_says_how_many_have_it():
    table = builders.build_class_table(
        make_task_results(make_source_results("mine", "method", [(None, 0.2), (0.5, 0.2)])), "ap50"
    )
    assert texts(table)["mine"][0] == "50.0 (n=1)"


def test_a_source_without_records_has_no_entries_and_is_missing_in_the_spreadsheet():
    missing = make_source_results("mine", "method", [None])
    table = builders.build_class_table(make_task_results(*SINGLES, missing), "ap50")
    assert table.rows[2].cells == ()
    sheet = csv_files.build_wide_dataframe(table).set_index("source")
    assert sheet.loc["mine", "n"] == "missing"
    assert pd.isna(sheet.loc["mine", "person"])


def test_the_spreadsheet_has_the_numbers_of_the_page():
    sheet = csv_files.build_wide_dataframe(
        builders.build_class_table(make_task_results(*SINGLES, FUSED), "ap50")
    ).set_index("source")
    assert sheet.loc["infrared", "person"] == pytest.approx(52)
    assert sheet.loc["infrared", "person sd"] == pytest.approx(2.828427, abs=1e-6)
    assert sheet.loc["mine", "car difference"] == pytest.approx(-2)


def test_the_files_of_a_table_carry_its_protocol():
    drawn = make_record("mine", "method", 0, (0.5, 0.5), protocol=PROTOCOL | {"simulated": True})
    found = tidy_scores.build_dataframe([drawn])
    assert found["simulated"].all()
    assert set(found["split_hash"]) == {"abc123"}
    mine = SourceResults("mine", "method", (0,), (drawn,), "")
    sheet = csv_files.build_wide_dataframe(
        builders.build_class_table(make_task_results(mine), "ap50")
    )
    assert "simulated: yes; split: official" in sheet["protocol"][0]


def test_the_tidy_table_has_every_score_of_every_record_once():
    day = Scores(values={"ap50": 0.3}, by_class={"person": {"ap50": None}})
    found = tidy_scores.build_dataframe(
        [make_record("mine", "method", 0, (0.5, 0.25), by_condition={"day": day})]
    )
    assert list(found.columns) == [
        *tidy_scores.SCORE_COLUMNS,
        "simulated",
        "split_hash",
        "fingerprint",
        "protocol",
    ]
    rows = {(r.scene, r["class"]): r.value for _, r in found.iterrows()}
    assert {key: value for key, value in rows.items() if value == value} == {
        ("all", "person"): 0.5,
        ("all", "car"): 0.25,
        ("all", "mean"): 0.375,
        ("day", "mean"): 0.3,
    }
    assert pd.isna(rows["day", "person"])


def test_a_class_called_mean_and_a_condition_called_all_are_told_from_the_mean_and_the_whole():
    scores = {"mean": {"ap50": 0.1}, "car": {"ap50": 0.2}}
    part = Scores(values={"ap50": 0.4}, by_class={"mean": {"ap50": 0.3}})
    made = make_record(
        "mine", "method", 0, (0.5, 0.25), by_class=scores, by_condition={"all": part}
    )
    found = tidy_scores.build_dataframe([made])
    assert [tuple(row) for row in found[["level", "condition", "class", "value"]].to_numpy()] == [
        ("class", "all", "mean", 0.1),
        ("class", "all", "car", 0.2),
        ("mean", "all", "mean", 0.375),
        ("class in condition", "all", "mean", 0.3),
        ("mean in condition", "all", "mean", 0.4),
    ]


def test_a_table_by_condition_has_the_conditions_and_all():
    day = Scores(values={"ap50": 0.3}, counts={"images": 1})
    night = Scores(values={"ap50": 0.4}, counts={"images": 3})
    mine = make_record("mine", "method", 0, (0.5, 0.25), by_condition={"day": day, "night": night})
    table = builders.build_condition_table(
        make_task_results(SourceResults("mine", "method", (0,), (mine,), "")), "ap50"
    )
    assert [(h.title, h.subtitle) for h in table.headers] == [
        ("day", "1 image"),
        ("night", "3 images"),
        ("all", ""),
    ]
    assert texts(table)["mine"] == ["30.0", "40.0", "37.5"]


def test_the_table_of_means_has_a_column_per_metric_in_its_own_unit():
    columns = {"ap50": AP50, "ap": AP, "en": Column(title="EN", mean_title="EN", unit="bit")}
    values = {"ap50": 0.5, "ap": 0.25, "en": 6.5}
    mine = make_record("mine", "method", 0, (0.5, 0.5), columns=columns, values=values)
    table = builders.build_means_table(
        make_task_results(SourceResults("mine", "method", (0,), (mine,), ""))
    )
    assert texts(table)["mine"] == ["50.0", "25.0", "6.500"]


MEANS = {"mine": (7.0, 3.0), "theirs": (6.0, 2.0), "other": (7.0, None)}


def quality_results():
    columns = {
        "entropy": Column(title="EN", mean_title="EN", unit="bit", is_fraction=False),
        "nabf": Column(title="Nabf", mean_title="Nabf", better="lower", is_fraction=False),
    }
    rows = []
    for source, (bits, artifacts) in MEANS.items():
        changes = {
            "kind": "quality",
            "columns": columns,
            "values": {"entropy": bits, "nabf": artifacts},
            "by_class": {},
            "intervals": {"entropy": (bits - 1, bits + 1), "nabf": None},
        }
        made = make_record(source, "method", None, (None, None)).model_copy(update=changes)
        rows.append(SourceResults(source, "method", (None,), (made,), "run"))
    return TaskResults("toy-quality", "quality", "toy", tuple(rows))


def test_ranks_are_by_mean_in_each_columns_own_direction():
    found = fusion_metric_tables.build_rank_table(quality_results())
    assert [heading.title for heading in found.headers] == ["EN", "Nabf", "mean rank"]
    assert texts(found) == {
        "mine": ["1", "2", "1.5"],
        "theirs": ["3", "1", "2.0"],
        "other": ["1", result_text.UNDEFINED, result_text.UNDEFINED],
    }


def test_a_quality_task_is_headed_by_the_mean_rank_over_its_metrics():
    table = sections.build_main_table(quality_results())
    assert table.title == "Mean rank over 2 metrics, 1 is best"
    assert texts(table) == {"mine": ["1.5"], "theirs": ["2.0"], "other": [result_text.UNDEFINED]}
    assert sections.rank_sources(table) == ["mine", "theirs", "other"]
    assert sections.build_section(quality_results(), "", ()).answer == (
        "mine has the best mean rank (1.5) of 2 sources, before theirs (2.0). "
        "Not tested for significance."
    )


def ranked(**bits):
    rows = []
    for line in quality_results().sources:
        if line.source_name in bits:
            values = {"entropy": bits[line.source_name], "nabf": None}
            made = line.records[0].model_copy(update={"values": values})
            rows.append(SourceResults(line.source_name, "method", (None,), (made,), "run"))
    found = TaskResults("toy-quality", "quality", "toy", tuple(rows))
    return (
        where_fusion_helps.build_answer(found, sections.build_main_table(found))
        .removesuffix(result_text.UNTESTED_NOTE)
        .strip()
    )


def test_the_answer_of_a_quality_task_does_not_call_a_tie_or_one_source_a_win():
    assert ranked(mine=7.0, theirs=6.0).startswith("mine has the best mean rank (1.0) of 2 sources")
    assert (
        ranked(mine=7.0, theirs=7.0) == "mine, theirs share the best mean rank (1.0) of 2 sources."
    )
    assert ranked(mine=7.0) == "mine is the only source that can be ranked so far."
    assert ranked(mine=None) == "No source has a score in every metric: none is ranked."
    nothing = TaskResults(
        "toy-quality", "quality", "toy", (SourceResults("mine", "method", (None,), (), "run"),)
    )
    assert sections.build_section(nothing, "", ()).answer == "No result yet."


def test_intervals_have_both_ends_and_no_best():
    found = fusion_metric_tables.build_interval_table(quality_results())
    assert texts(found)["mine"] == ["6.000", "8.000", *[result_text.UNDEFINED] * 2]
    assert ranks(found)["mine"] == [0, 0, 0, 0]
    assert [h.better for h in found.headers] == ["higher", "higher", "lower", "lower"]


def test_both_ends_of_an_interval_are_read_in_one_cell():
    found = table_text.build_text_table(
        quality_results(), fusion_metric_tables.build_interval_table(quality_results())
    )
    metrics = quality_results().columns.values()
    assert [title for title, _ in found.headers] == [column.mean for column in metrics]
    assert found.better_directions == ("higher", "lower")
    cells = {row.label: [text for text, _ in row.cells] for row in found.rows}
    assert cells["mine"] == ["[6.000, 8.000]", result_text.UNDEFINED]


def test_a_metric_without_unit_that_is_no_fraction_is_shown_as_it_is():
    table = builders.build_means_table(quality_results())
    assert texts(table)["mine"] == ["7.000", "3.000"]


def test_a_quality_chapter_shows_means_and_ranks_and_folds_intervals_away():
    shown, folded = sections.select_tables(quality_results())
    assert [table.name for table in shown] == ["ranks", "means"]
    assert not any(
        "single sensor" in note
        for note in table_text.build_text_table(quality_results(), shown[0]).notes
    )
    assert [table.name for table in folded] == ["intervals"]


def test_the_tidy_table_says_which_numbers_a_fusion_metrics_are():
    (row, *_) = quality_results().sources
    signed = {
        "entropy": row.records[0]
        .columns["entropy"]
        .model_copy(update={"signature": "EN.levels v1"}),
        "nabf": row.records[0].columns["nabf"],
    }
    made = row.records[0].model_copy(
        update={"columns": signed, "protocol": {"luminance": "BT.601, rounded to 8 bits"}}
    )
    found = tidy_scores.build_dataframe([made]).set_index("metric")["signature"]
    assert found["entropy"] == "EN.levels v1, BT.601, rounded to 8 bits"
    assert pd.isna(found["nabf"])


def test_metrics_of_a_family_have_one_folded_table_and_are_not_among_all_means():
    small = Column(title="AP, small", mean_title="small", family="AP by size")
    large = Column(title="AP, large", mean_title="large", family="AP by size")
    columns = {"ap50": AP50, "small": small, "large": large, "ap": AP}
    made = make_record("infrared", "infrared", 0, (0.5, 0.7), columns=columns)
    made = made.model_copy(update={"values": {"ap50": 0.6, "small": 0.1, "large": None, "ap": 0.4}})
    found = make_task_results(SourceResults("infrared", "infrared", (0,), (made,), ""))
    shown, folded = sections.select_tables(found)
    heads = {table.title: [h.title for h in table.headers] for table in [*shown, *folded]}
    assert heads["All metrics, means"] == ["mAP@.5", "mAP@.5:.95"]
    assert heads["AP by size, means"] == ["small", "large"]
    assert [table.title for table in folded] == ["AP by size, means"]
    (line,) = folded[0].rows
    assert [entry.mean for entry in line.cells] == [0.1, None]


def test_a_caution_of_a_record_is_a_warning_and_not_a_difference():
    said = PROTOCOL | {"caution: AP, YOLOv5": "no box has a score below 0.01"}
    rows = [
        SourceResults(
            "infrared", "infrared", (0,), (make_record("infrared", "infrared", 0, (0.5, 0.7)),), ""
        ),
        SourceResults(
            "visible",
            "visible",
            (0,),
            (make_record("visible", "visible", 0, (0.5, 0.7), protocol=said),),
            "",
        ),
    ]
    assert protocol.collect_protocol(make_task_results(*rows)).warnings == (
        "AP, YOLOv5: no box has a score below 0.01.",
    )


def test_means_as_others_take_them_are_a_table_of_their_own_that_is_folded_away():
    said = {"all14, zero": {"ap50": 0.25}, "segmif8, skip": {"ap50": 0.75}}
    mine = make_record("mine", "method", 0, (0.5, 0.5), by_convention=said)
    older = make_record("older", "method", 0, (0.5, 0.5))
    found = make_task_results(
        SourceResults("mine", "method", (0,), (mine,), ""),
        SourceResults("older", "method", (0,), (older,), ""),
    )
    table = builders.build_convention_table(found, "ap50")
    assert [heading.title for heading in table.headers] == [
        "all14, zero",
        "segmif8, skip",
        "mAP@.5",
    ]
    assert texts(table) == {
        "mine": ["25.0", "75.0", "50.0"],
        "older": [*[result_text.UNDEFINED] * 2, "50.0"],
    }
    shown, folded = sections.select_tables(found)
    assert "ap50-conventions" in [each.name for each in folded]
    assert "ap50-conventions" not in [each.name for each in shown]
    assert not any(
        "conventions" in t.name for t in sections.select_tables(make_task_results(*SINGLES))[1]
    )
