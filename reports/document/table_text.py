"""From tables to texts in rows and columns: `TextTable`s, the same on the page and in a terminal."""

from dataclasses import replace

from fusebench.runtime import file_names
from reports.literature import paper_layouts
from reports.results.task_results import TaskResults
from reports.tables import builders, fusion_metric_tables, result_text, significance_text
from reports.tables.comparison import (
    BETTER_SINGLE_SENSOR,
    ScoreTable,
    TableRow,
    are_single_sensors_equal,
    find_better_single_sensor,
    get_baseline_name,
    have_different_seeds,
)
from reports.tables.text_table import BY_CONDITION, ERRORS, TextRow, TextTable


def get_csv_path(table: ScoreTable) -> str:
    """Where a table's numbers are kept, relative to the report."""
    return f"tables/{file_names.make_safe_file_name(table.task)}-{file_names.make_safe_file_name(table.name)}.csv"


def build_text_table(results: TaskResults, table: ScoreTable) -> TextTable:
    """A table as it is read."""
    found = TextTable(
        title=table.title,
        caption=result_text.build_caption(table) if results.records else "",
        csv_file=get_csv_path(table),
        headers=tuple((heading.title, heading.subtitle) for heading in table.headers),
        rows=tuple(_build_row(table, line) for line in table.rows),
        difference_rows=_build_difference_rows(table),
        notes=tuple(result_text.build_notes(results, table)),
        has_mean_column=table.has_mean_column,
        better_directions=tuple(heading.better for heading in table.headers),
        subsection=_get_subsection(results, table),
        header_groups=paper_layouts.get_header_groups(table),
        baseline_name=get_baseline_name(table),
    )
    return (
        _merge_interval_columns(found)
        if table.name == fusion_metric_tables.INTERVAL_TABLE_NAME
        else found
    )


def _merge_interval_columns(found: TextTable) -> TextTable:
    """Both ends of an interval in one cell: twice as many columns would not fit a page."""
    return replace(
        found,
        headers=tuple(
            (title.removesuffix(fusion_metric_tables.LOW_SUFFIX), note)
            for title, note in found.headers[::2]
        ),
        rows=tuple(replace(row, cells=_format_intervals(row.cells)) for row in found.rows),
        better_directions=found.better_directions[::2],
    )


def _format_intervals(cells: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    texts = [text for text, _ in cells]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return tuple(
        (low if low == result_text.UNDEFINED else f"[{low}, {high}]", 0) for low, high in pairs
    )


def _get_subsection(results: TaskResults, table: ScoreTable) -> str:
    if table.name.endswith(builders.BY_CONDITION_SUFFIX):
        return BY_CONDITION
    return ERRORS if table.name in builders.list_error_families(results) else ""


def build_unranked_text_table(results: TaskResults, table: ScoreTable) -> TextTable:
    """The same without ranks and without what is said on demand, which intervals do not have."""
    lines = [
        replace(line, cells=tuple(replace(entry, rank=0) for entry in line.cells))
        for line in table.rows
    ]
    found = build_text_table(results, replace(table, rows=tuple(lines)))
    return replace(
        found,
        difference_rows=tuple(replace(d, uncertainty_texts=()) for d in found.difference_rows),
    )


def _build_row(table: ScoreTable, line: TableRow) -> TextRow:
    row = line.source_results
    remarks = [] if row.source_name == row.source_kind else [_format_source_kind(row.source_kind)]
    seeds = result_text.describe_seeds(line)
    cells = zip(line.cells, table.headers, strict=False)
    return TextRow(
        label=row.source_name,
        remark=", ".join([*remarks, *([seeds] if seeds else [])]),
        cells=tuple(
            (result_text.format_cell(found, heading), found.rank) for found, heading in cells
        ),
        uncertainty_texts=significance_text.format_row_intervals(line, table.headers),
        absence_label=row.absence_label,
    )


def _format_source_kind(kind: str) -> str:
    return {"method": "fused here", "folder": "fused elsewhere"}.get(kind, kind)


def _build_difference_rows(table: ScoreTable) -> tuple[TextRow, ...]:
    rows = [
        TextRow(
            line.source_results.source_name,
            "",
            tuple(
                (_format_difference(table, line, column), 0) for column in range(len(table.headers))
            ),
            significance_text.format_row_comparisons(line, table.headers),
        )
        for line in table.rows
        if line.differences
    ]
    if not rows:
        return ()
    names = tuple(
        (_format_better_single_sensor(table, column), 0) for column in range(len(table.headers))
    )
    label = (
        "better single sensor"
        if get_baseline_name(table) == BETTER_SINGLE_SENSOR
        else "single sensor"
    )
    return TextRow(label, "", names), *rows


def _format_difference(table: ScoreTable, line: TableRow, column: int) -> str:
    score, heading = line.differences[column], table.headers[column]
    single = find_better_single_sensor(table, column) if score is None else None
    if single and have_different_seeds(line, single, column):
        return result_text.SEEDS_DIFFER
    return result_text.format_difference(
        score, heading, line.comparisons[column] if line.comparisons else None
    )


def _format_better_single_sensor(table: ScoreTable, column: int) -> str:
    single = find_better_single_sensor(table, column)
    if single is None:
        return result_text.UNDEFINED
    return "equal" if are_single_sensors_equal(table, column) else single.source_results.source_name
