"""The report's main tables as text for a terminal: sources are rows, the mean comes first."""

import textwrap
from collections.abc import Sequence

from fusebench.errors import escape_controls
from fusebench.runtime.terminal import text_columns
from reports.document.model import Report, TaskSection
from reports.tables.text_table import TextRow, TextTable

MAX_NAME_WIDTH = 24  # characters of a source's name where there is no room for more
MIN_NAME_WIDTH = 8  # characters
MIN_PROSE_WIDTH = 40  # characters; prose is not wrapped tighter
RANK_MARKS = {0: "  ", 1: " *", 2: " +"}  # of one width, so that numbers stay aligned


def render_report(report: Report, width: int, *, with_intervals: bool = False) -> str:
    """Render the main table of every task, the status, and what is missing.

    Args:
        report: The report.
        width: Characters per line.
        with_intervals: Whether to print the interval of every score and difference.
    """
    lines = [report.status]
    if report.command:
        lines.append(f"To execute all missing runs: {report.command}")
    lines += [f"Task {name} is skipped: {reason}" for name, reason in report.skipped_tasks]
    parts = [
        *(
            render_section(section, width, with_intervals=with_intervals)
            for section in report.sections
        ),
        "\n".join(lines),
    ]
    return escape_controls("\n\n".join(parts))


def render_section(section: TaskSection, width: int, *, with_intervals: bool = False) -> str:
    """Render a task's headline, main table, missing runs, statistics, warnings and protocol."""
    table = section.main_tables[0]
    badge = " [SIMULATED]" if section.results.is_simulated else ""
    caption = f" ({table.caption})" if table.caption else ""
    missing = [
        f"{runs.source}: {runs.description}; to run: {runs.command}"
        for runs in section.missing_runs
    ]
    headline = section.headline
    plain = " ".join(
        [f"{headline.label}.", headline.sentence, *(text for _, text in headline.where)]
    )
    prose = [
        *([plain] if headline.sentence not in section.answer else []),
        section.answer,
        *(f"Warning: {warning}" for warning in section.protocol.warnings),
        *([f"Protocol: {section.protocol.common_line}"] if section.results.records else []),
    ]
    return "\n".join(
        [
            f"{section.results.name}: {table.title}{badge}{caption}",
            render_table(table, width, with_intervals=with_intervals),
            *missing,
            *(textwrap.fill(paragraph, max(width, MIN_PROSE_WIDTH)) for paragraph in prose),
        ]
    )


def render_table(table: TextTable, width: int, *, with_intervals: bool = False) -> str:
    """Render a table with aligned columns; ``*`` marks the best, ``+`` the second best.

    The mean is the first column. In a table that is wider than ``width`` characters, names lose
    their remarks and long titles their end; if that is not enough, columns that do not fit follow
    in a block below.
    """
    order = _order_columns(table)
    titles = [_escape(table.headers[i][0]) for i in order]
    compared = table.difference_rows[1:]  # the first one names the better sensor

    def build_rows(with_remarks: bool) -> list[list[str]]:
        headers = titles if with_remarks else text_columns.shorten_names(titles, MAX_NAME_WIDTH)
        return [
            ["", *(title + RANK_MARKS[0] for title in headers)],
            *(_render_row(row, order, with_remarks, with_intervals) for row in table.rows),
            *(
                [f"vs single: {name}", *cells]
                for row in compared
                for name, *cells in [_render_row(row, order, with_remarks, with_intervals)]
            ),
        ]

    lines = text_columns.align_columns(build_rows(with_remarks=True))
    if text_columns.get_max_width(lines) > width:
        lines = text_columns.fit_columns(build_rows(with_remarks=False), width)
    if any(rank for row in table.rows for _, rank in row.cells):
        lines.append("* best, + second best")
    if any(row.letters for row in table.rows):
        lines.append("[a]: no difference is shown between sources that share a letter")
    return "\n".join(lines)


def align_to_width(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Align rows below their header; shorten the first column where they are too wide."""
    rows = [[_escape(cell) for cell in row] for row in rows]
    lines = text_columns.align_columns(rows)
    excess = text_columns.get_max_width(lines) - width
    if excess > 0:
        name_width = max(MIN_NAME_WIDTH, MAX_NAME_WIDTH - excess)
        lines = text_columns.align_columns(
            [[text_columns.truncate(row[0], name_width), *row[1:]] for row in rows]
        )
    return lines


def _order_columns(table: TextTable) -> list[int]:
    """List the columns with the mean first."""
    columns = [*range(len(table.headers))]
    return [columns[-1], *columns[:-1]] if table.has_mean_column else columns


def _render_row(
    row: TextRow, order: Sequence[int], with_remarks: bool, with_intervals: bool
) -> list[str]:
    name = _render_name(row)
    label = f"{name} ({row.remark})" if row.remark and with_remarks else name
    if not row.cells:
        return [_escape(label), *(row.absence_label + RANK_MARKS[0] for _ in order)]
    cells = []
    for i in order:
        text, rank = row.cells[i]
        interval = row.uncertainty_texts[i] if with_intervals and row.uncertainty_texts else ""
        cells.append(" ".join(filter(None, [text, interval])) + RANK_MARKS[rank])
    return [_escape(label), *cells]


def _render_name(row: TextRow) -> str:
    """Render a name with the letters of its groups, e.g. ``dmfuse [ab]``."""
    return f"{row.label} [{row.letters}]" if row.letters else row.label


def _escape(text: str) -> str:
    """Escape the control characters in a name before columns are measured."""
    return escape_controls(text, "")
