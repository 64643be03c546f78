"""Tables of fusion metrics: ranks, intervals and the answer of a quality task."""

from reports.document import sections, selection, table_text
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import builders, fusion_metric_tables, result_text, where_fusion_helps
from tests.helpers.reports.score_tables import (
    format_cells,
    get_ranks,
    make_quality_results,
)

UNDEFINED = result_text.UNDEFINED


def test_ranks_are_by_mean_in_each_columns_own_direction():
    table = fusion_metric_tables.build_rank_table(make_quality_results())
    assert [header.title for header in table.headers] == ["EN", "Nabf", "mean rank"]
    assert format_cells(table) == {
        "mine": ["1", "2", "1.5"],
        "theirs": ["3", "1", "2.0"],
        "other": ["1", UNDEFINED, UNDEFINED],
    }


def test_the_main_table_of_a_quality_task_is_the_mean_rank_over_its_metrics():
    results = make_quality_results()
    table = selection.build_main_table(results)
    assert table.title == "Mean rank over 2 metrics, 1 is best"
    assert format_cells(table) == {"mine": ["1.5"], "theirs": ["2.0"], "other": [UNDEFINED]}
    assert selection.rank_sources(table) == ["mine", "theirs", "other"]
    assert sections.build_section(results, "", ()).answer == (
        "mine has the best mean rank (1.5) of 2 sources, before theirs (2.0). "
        "Not tested for significance."
    )


def build_answer(**entropies):
    """Build the answer of a task whose second metric is undefined in all sources."""
    results = make_quality_results(**{name: (value, None) for name, value in entropies.items()})
    answer = where_fusion_helps.build_answer(results, selection.build_main_table(results))
    return answer.removesuffix(result_text.UNTESTED_NOTE).strip()


def test_the_answer_of_a_quality_task_does_not_call_a_tie_or_a_single_source_the_best():
    assert build_answer(mine=7.0, theirs=6.0).startswith(
        "mine has the best mean rank (1.0) of 2 sources"
    )
    assert build_answer(mine=7.0, theirs=7.0) == (
        "mine, theirs share the best mean rank (1.0) of 2 sources."
    )
    assert build_answer(mine=7.0) == "mine is the only source that can be ranked so far."
    assert build_answer(mine=None) == "No source has a score in every metric: none is ranked."
    missing = SourceResults("mine", "method", (None,), (), "run")
    nothing = TaskResults("toy-quality", "quality", "toy", (missing,))
    assert sections.build_section(nothing, "", ()).answer == "No result yet."


def test_intervals_have_both_ends_and_no_rank():
    table = fusion_metric_tables.build_interval_table(make_quality_results())
    assert format_cells(table)["mine"] == ["6.000", "8.000", UNDEFINED, UNDEFINED]
    assert get_ranks(table)["mine"] == [0, 0, 0, 0]
    assert [header.better for header in table.headers] == ["higher", "higher", "lower", "lower"]


def test_both_ends_of_an_interval_are_printed_in_one_cell():
    results = make_quality_results()
    table = table_text.build_text_table(results, fusion_metric_tables.build_interval_table(results))
    assert [title for title, _ in table.headers] == ["EN", "Nabf"]
    assert table.better_directions == ("higher", "lower")
    cells = {row.label: [text for text, _ in row.cells] for row in table.rows}
    assert cells["mine"] == ["[6.000, 8.000]", UNDEFINED]


def test_a_metric_without_unit_that_is_no_fraction_is_not_scaled():
    table = builders.build_means_table(make_quality_results())
    assert format_cells(table)["mine"] == ["7.000", "3.000"]


def test_a_quality_section_shows_means_and_ranks_and_collapses_intervals():
    results = make_quality_results()
    main_tables, collapsed_tables = selection.select_tables(results)
    assert [table.name for table in main_tables] == ["ranks", "means"]
    notes = table_text.build_text_table(results, main_tables[0]).notes
    assert not any("single sensor" in note for note in notes)
    assert [table.name for table in collapsed_tables] == ["intervals"]
