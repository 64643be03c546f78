"""Conversion of numeric tables (`ScoreTable`) into tables of text (`TextTable`)."""

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
from reports.tables.inference import rank_text
from reports.tables.text_table import BY_CONDITION, ERRORS, TextRow, TextTable

SOURCE_KIND_TEXTS = {
    "method": "fused here",
    "folder": "fused elsewhere",
    "ensemble": "ensemble of predictions",
    "channels": "trained on 4 channels",
    "replace": "infrared as one channel",
}


def get_csv_path(table: ScoreTable) -> str:
    """Return the path of a table's CSV file, relative to the report."""
    task = file_names.make_safe_file_name(table.task)
    return f"tables/{task}-{file_names.make_safe_file_name(table.name)}.csv"


def build_text_table(results: TaskResults, table: ScoreTable) -> TextTable:
    """Format a table: rounded numbers, ranks, differences to the baseline, notes."""
    text_table = TextTable(
        title=table.title,
        caption=result_text.build_caption(table) if results.records else "",
        csv_file=get_csv_path(table),
        headers=tuple((header.title, header.subtitle) for header in table.headers),
        rows=tuple(_build_row(table, row) for row in table.rows),
        difference_rows=_build_difference_rows(table),
        notes=tuple(result_text.build_notes(results, table)),
        has_mean_column=table.has_mean_column,
        better_directions=tuple(header.better for header in table.headers),
        subsection=_get_subsection(results, table),
        header_groups=paper_layouts.get_header_groups(table),
        baseline_name=get_baseline_name(table),
    )
    if table.name == fusion_metric_tables.INTERVAL_TABLE_NAME:
        return _merge_interval_columns(text_table)
    return text_table


def build_unranked_text_table(results: TaskResults, table: ScoreTable) -> TextTable:
    """Format a table without ranks and without the uncertainty of its differences."""
    rows = [
        replace(row, cells=tuple(replace(cell, rank=0, rank_set=None) for cell in row.cells))
        for row in table.rows
    ]
    text_table = build_text_table(results, replace(table, rows=tuple(rows)))
    return replace(
        text_table,
        difference_rows=tuple(
            replace(row, uncertainty_texts=()) for row in text_table.difference_rows
        ),
    )


def _merge_interval_columns(text_table: TextTable) -> TextTable:
    """Merge each pair of columns (low, high) into one: twice as many would not fit a page."""
    return replace(
        text_table,
        headers=tuple(
            (title.removesuffix(fusion_metric_tables.LOW_SUFFIX), subtitle)
            for title, subtitle in text_table.headers[::2]
        ),
        rows=tuple(replace(row, cells=_format_intervals(row.cells)) for row in text_table.rows),
        better_directions=text_table.better_directions[::2],
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


def _build_row(table: ScoreTable, row: TableRow) -> TextRow:
    source = row.source_results
    kind = SOURCE_KIND_TEXTS.get(source.source_kind, source.source_kind)
    remarks = [] if source.source_name == kind else [kind]
    seeds = result_text.describe_seeds(row)
    ranking = rank_text.get_ranking(table, row)
    if seeds:
        remarks.append(seeds)
    if ranking:
        remarks.append(f"rank {rank_text.format_rank_range(ranking)}")
    return TextRow(
        label=source.source_name,
        remark=", ".join(remarks),
        cells=tuple(
            (result_text.format_cell(cell, header), cell.rank)
            for cell, header in zip(row.cells, table.headers, strict=False)
        ),
        uncertainty_texts=significance_text.format_row_intervals(row, table.headers),
        absence_label=source.absence_label,
        letters=ranking.letters if ranking else "",
    )


def _build_difference_rows(table: ScoreTable) -> tuple[TextRow, ...]:
    """Build one row per fused source, preceded by the name of the better sensor per column."""
    columns = range(len(table.headers))
    rows = [
        TextRow(
            row.source_results.source_name,
            "",
            tuple((_format_difference(table, row, column), 0) for column in columns),
            significance_text.format_row_comparisons(row, table.headers),
        )
        for row in table.rows
        if row.differences
    ]
    if not rows:
        return ()
    sensors = tuple((_format_better_single_sensor(table, column), 0) for column in columns)
    is_choice = get_baseline_name(table) == BETTER_SINGLE_SENSOR
    return TextRow("better single sensor" if is_choice else "single sensor", "", sensors), *rows


def _format_difference(table: ScoreTable, row: TableRow, column: int) -> str:
    difference, header = row.differences[column], table.headers[column]
    sensor = find_better_single_sensor(table, column) if difference is None else None
    if sensor and have_different_seeds(row, sensor, column):
        return result_text.SEEDS_DIFFER
    comparison = row.comparisons[column] if row.comparisons else None
    return result_text.format_difference(difference, header, comparison)


def _format_better_single_sensor(table: ScoreTable, column: int) -> str:
    sensor = find_better_single_sensor(table, column)
    if sensor is None:
        return result_text.UNDEFINED
    return "equal" if are_single_sensors_equal(table, column) else sensor.source_results.source_name
