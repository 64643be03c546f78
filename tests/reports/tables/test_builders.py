"""Tables by class, condition and metric: cells, ranks and differences."""

import numpy as np
import pandas as pd
import pytest

from fusebench.storage.records import Column, Scores
from reports.document import selection, table_text
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import builders, csv_files, result_text
from reports.tables.comparison import find_better_single_sensor
from tests.helpers.reports.score_tables import format_cells, get_ranks
from tests.helpers.reports.synthetic_records import (
    AP,
    AP50,
    make_record,
    make_source_results,
    make_task_results,
)

SENSORS = (
    make_source_results("infrared", "infrared", [(0.50, 0.20), (0.54, 0.20)]),
    make_source_results("visible", "visible", [(0.40, 0.60), (0.42, 0.62)]),
)
FUSED = make_source_results("mine", "method", [(0.60, 0.60), (0.62, 0.58)])


def build_class_table(*sources):
    return builders.build_class_table(make_task_results(*sources), "ap50")


def make_one_record_source(*scores, name="mine", kind="method", **changes):
    record = make_record(name, kind, 0, scores, **changes)
    return SourceResults(name, kind, (0,), (record,), "run")


def test_cells_are_the_mean_and_the_sample_standard_deviation_over_seeds_in_points():
    # person of infrared: 50 and 54: mean 52, sd sqrt(((50-52)^2 + (54-52)^2) / 1) = 2.83
    table = build_class_table(*SENSORS, FUSED)
    assert format_cells(table)["infrared"] == ["52.0 ± 2.8", "20.0 ± 0.0", "36.0 ± 1.4"]
    assert [header.title for header in table.headers] == ["person", "car", "mAP@.5"]


def test_a_mean_over_fewer_classes_stands_beside_the_mean():
    means = {"without car": {"ap50": 0.5}}
    table = build_class_table(make_one_record_source(0.5, 0.25, subset_means=means))
    titles = ["person", "car", "mAP@.5 without car", "mAP@.5"]
    assert [header.title for header in table.headers] == titles
    assert format_cells(table)["mine"] == ["50.0", "25.0", "50.0", "37.5"]
    assert table.has_mean_column


def test_one_seed_has_no_standard_deviation():
    table = build_class_table(make_source_results("mine", "method", [(0.5, 0.25)]))
    assert format_cells(table)["mine"] == ["50.0", "25.0", "37.5"]


def test_best_and_second_best_of_every_column_are_ranked():
    # person: 52, 41, 61; car: 20, 61, 59; mean: 36, 51, 60
    ranks = get_ranks(build_class_table(*SENSORS, FUSED))
    assert ranks == {"infrared": [2, 0, 0], "visible": [0, 1, 2], "mine": [1, 2, 1]}


def test_sources_that_are_equal_as_printed_share_their_rank():
    table = build_class_table(
        make_source_results("a", "method", [(0.5004, 0.1)]),
        make_source_results("b", "method", [(0.5001, 0.3)]),
        make_source_results("c", "method", [(0.4, 0.2)]),
    )
    assert [ranks[0] for ranks in get_ranks(table).values()] == [1, 1, 2]


def test_nothing_is_ranked_where_all_sources_are_equal_or_there_is_only_one():
    first = make_source_results("a", "method", [(0.5, 0.1)])
    assert get_ranks(build_class_table(first)) == {"a": [0, 0, 0]}
    table = build_class_table(first, make_source_results("b", "method", [(0.5, 0.2)]))
    assert [ranks[0] for ranks in get_ranks(table).values()] == [0, 0]


def test_the_lowest_score_is_the_best_where_lower_is_better():
    columns = {"ap50": Column(title="error", mean_title="error", better="lower")}
    table = build_class_table(
        make_one_record_source(0.5, 0.1, name="a", columns=columns),
        make_one_record_source(0.3, 0.2, name="b", columns=columns),
    )
    assert get_ranks(table) == {"a": [2, 1, 2], "b": [1, 2, 1]}


def test_the_difference_is_to_the_better_single_sensor_of_each_column():
    # person: 61 - infrared's 52; car: 59 - visible's 61; mean: 60 - visible's 51
    table = build_class_table(*SENSORS, FUSED)
    texts = [
        result_text.format_difference(difference, header)
        for difference, header in zip(table.rows[2].differences, table.headers, strict=True)
    ]
    assert texts == ["+9.0", "−2.0", "+9.0"]  # noqa: RUF001 - the minus sign of the page
    rows = [find_better_single_sensor(table, column) for column in range(3)]
    names = [row.source_results.source_name for row in rows]
    assert names == ["infrared", "visible", "visible"]


def test_means_over_different_seeds_have_no_untested_difference():
    # seed 1 of mine is missing: 60 - 52 would be partly a difference of seeds
    unfinished = make_source_results("mine", "method", [(0.60, 0.60), None])
    table = build_class_table(*SENSORS, unfinished)
    assert table.rows[2].differences == (None, None, None)
    text_table = table_text.build_text_table(make_task_results(*SENSORS, unfinished), table)
    texts = [text for text, _ in text_table.difference_rows[1].cells]
    assert texts == ["seeds differ"] * 3
    frame = csv_files.build_wide_dataframe(table).set_index("source")
    assert pd.isna(frame.loc["mine", "person difference"])
    # as many seeds, but others
    other_seeds = make_source_results("mine", "method", [None, (0.60, 0.60), (0.6, 0.6)])
    assert build_class_table(*SENSORS, other_seeds).rows[2].differences[0] is None


def test_a_seed_without_a_score_counts_as_missing_in_its_column_alone():
    fused = make_source_results("mine", "method", [(None, 0.60), (0.60, 0.60)])
    differences = build_class_table(*SENSORS, fused).rows[2].differences
    assert differences == (None, pytest.approx(0.6 - 0.61), pytest.approx(0.6 - 0.51))


def test_a_tested_difference_may_be_of_different_seeds_and_is_the_same_where_it_is_repeated():
    fused = make_source_results("mine", "method", [(0.60, 0.60), None])
    keys = [ScoreKey(None, name, "ap50") for name in ("person", "car", None)]
    rng = np.random.default_rng(0)

    def make_bootstrap_scores():
        scores = {key: rng.normal(0.5, 0.1, 50) for key in keys}
        return BootstrapScores(scores, {(None, None): np.full(9, 1 / 9)}, 9, 9, False, 9)

    visible_scores = (make_bootstrap_scores(), make_bootstrap_scores())
    bootstrap = TaskBootstrap({"visible": visible_scores, "mine": (make_bootstrap_scores(),)})
    results = TaskResults("toy-detection", "detection", "toy", (SENSORS[1], fused), bootstrap)
    by_class = builders.build_class_table(results, "ap50").rows[1]
    assert by_class.differences == pytest.approx((0.60 - 0.41, 0.60 - 0.61, 0.60 - 0.51))
    means = builders.build_means_table(results).rows[1]
    assert means.differences == pytest.approx((0.60 - 0.51,))
    assert means.comparisons == ()


def test_there_is_no_difference_while_a_single_sensor_is_missing():
    unfinished = make_source_results("visible", "visible", [None])
    results = make_task_results(SENSORS[0], unfinished, FUSED)
    table = builders.build_class_table(results, "ap50")
    assert table.rows[2].differences == ()
    notes = " ".join(result_text.build_notes(results, table))
    assert "not all single sensors are finished" in notes


def test_an_undefined_score_is_a_dash_and_never_a_zero():
    table = build_class_table(
        make_source_results("infrared", "infrared", [(None, 0.2)]),
        make_source_results("mine", "method", [(None, 0.3)]),
    )
    assert format_cells(table)["mine"][0] == "–"  # noqa: RUF001 - the dash of the page
    assert table.rows[1].differences[0] is None
    assert table.rows[1].differences[1] == pytest.approx(0.1)


def test_a_score_that_some_seeds_lack_has_the_number_of_those_that_have_it():
    table = build_class_table(make_source_results("mine", "method", [(None, 0.2), (0.5, 0.2)]))
    assert format_cells(table)["mine"][0] == "50.0 (n=1)"


def test_a_source_without_records_has_no_cells_and_is_missing_in_the_csv_file():
    table = build_class_table(*SENSORS, make_source_results("mine", "method", [None]))
    assert table.rows[2].cells == ()
    frame = csv_files.build_wide_dataframe(table).set_index("source")
    assert frame.loc["mine", "n"] == "missing"
    assert pd.isna(frame.loc["mine", "person"])


def test_the_csv_file_has_the_numbers_of_the_page():
    table = build_class_table(*SENSORS, FUSED)
    frame = csv_files.build_wide_dataframe(table).set_index("source")
    assert frame.loc["infrared", "person"] == pytest.approx(52)
    assert frame.loc["infrared", "person sd"] == pytest.approx(2.828427, abs=1e-6)
    assert frame.loc["mine", "car difference"] == pytest.approx(-2)


def test_a_table_by_condition_has_the_conditions_and_all_images():
    day = Scores(values={"ap50": 0.3}, counts={"images": 1})
    night = Scores(values={"ap50": 0.4}, counts={"images": 3})
    source = make_one_record_source(0.5, 0.25, by_condition={"day": day, "night": night})
    table = builders.build_condition_table(make_task_results(source), "ap50")
    assert [(header.title, header.subtitle) for header in table.headers] == [
        ("day", "1 image"),
        ("night", "3 images"),
        ("all", ""),
    ]
    assert format_cells(table)["mine"] == ["30.0", "40.0", "37.5"]


def test_the_table_of_means_has_a_column_per_metric_in_its_own_unit():
    columns = {"ap50": AP50, "ap": AP, "en": Column(title="EN", mean_title="EN", unit="bit")}
    values = {"ap50": 0.5, "ap": 0.25, "en": 6.5}
    source = make_one_record_source(0.5, 0.5, columns=columns, values=values)
    table = builders.build_means_table(make_task_results(source))
    assert format_cells(table)["mine"] == ["50.0", "25.0", "6.500"]


def test_metrics_of_a_family_have_one_collapsed_table_and_are_not_among_all_means():
    small = Column(title="AP, small", mean_title="small", family="AP by size")
    large = Column(title="AP, large", mean_title="large", family="AP by size")
    source = make_one_record_source(
        *(0.5, 0.7),
        name="infrared",
        kind="infrared",
        columns={"ap50": AP50, "small": small, "large": large, "ap": AP},
        values={"ap50": 0.6, "small": 0.1, "large": None, "ap": 0.4},
    )
    main_tables, collapsed_tables = selection.select_tables(make_task_results(source))
    titles = {
        table.title: [header.title for header in table.headers]
        for table in [*main_tables, *collapsed_tables]
    }
    assert titles["All metrics, means"] == ["mAP@.5", "mAP@.5:.95"]
    assert titles["AP by size, means"] == ["small", "large"]
    assert [table.title for table in collapsed_tables] == ["AP by size, means"]
    (row,) = collapsed_tables[0].rows
    assert [cell.mean for cell in row.cells] == [0.1, None]


def test_a_column_that_one_record_lacks_is_left_out_and_not_shown_as_undefined():
    both = {"ap50": AP50, "ap": AP}
    newer = make_one_record_source(0.5, 0.5, columns=both, values={"ap50": 0.5, "ap": 0.3})
    older = make_one_record_source(0.4, 0.4, name="older")
    assert list(make_task_results(newer).columns) == ["ap50", "ap"]
    assert list(make_task_results(newer, older).columns) == ["ap50"]


def test_means_by_other_conventions_are_a_collapsed_table_of_their_own():
    conventions = {"all14, zero": {"ap50": 0.25}, "segmif8, skip": {"ap50": 0.75}}
    results = make_task_results(
        make_one_record_source(0.5, 0.5, by_convention=conventions),
        make_one_record_source(0.5, 0.5, name="older"),
    )
    table = builders.build_convention_table(results, "ap50")
    titles = [header.title for header in table.headers]
    assert titles == ["all14, zero", "segmif8, skip", "mAP@.5"]
    assert format_cells(table) == {
        "mine": ["25.0", "75.0", "50.0"],
        "older": [*[result_text.UNDEFINED] * 2, "50.0"],
    }
    main_tables, collapsed_tables = selection.select_tables(results)
    assert "ap50-conventions" in [table.name for table in collapsed_tables]
    assert "ap50-conventions" not in [table.name for table in main_tables]
    _, collapsed_tables = selection.select_tables(make_task_results(*SENSORS))
    assert not any("conventions" in table.name for table in collapsed_tables)
