"""The report's main tables as aligned text for a terminal."""

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from fusebench.errors import escape_controls
from reports.document.model import Report, TaskSection
from reports.tables.text_table import TextRow, TextTable

MAX_NAME_WIDTH = 24  # characters of a source's name where there is no room for more
MIN_NAME_WIDTH = 8  # characters
MIN_PROSE_WIDTH = 40  # characters; prose is not wrapped tighter
RANK_MARKS = {0: "  ", 1: " *", 2: " +"}  # of one width, so that numbers stay aligned


def render_report(report: Report, width: int) -> str:
    """Render the main table of every task, the status, and what is missing.

    Args:
        report: The report.
        width: Characters per line.
    """
    lines = [report.status]
    if report.command:
        lines.append(f"To execute all missing runs: {report.command}")
    lines += [f"Task {name} is skipped: {reason}" for name, reason in report.skipped_tasks]
    parts = [*(render_section(section, width) for section in report.sections), "\n".join(lines)]
    return escape_controls("\n\n".join(parts))


def render_section(section: TaskSection, width: int) -> str:
    """Render a task's main table with its missing runs, answer, warnings and protocol."""
    table = section.main_tables[0]
    badge = " [SIMULATED]" if section.results.is_simulated else ""
    caption = f" ({table.caption})" if table.caption else ""
    missing = [
        f"{runs.source}: {runs.description}; to run: {runs.command}"
        for runs in section.missing_runs
    ]
    prose = [
        section.answer,
        *(f"Warning: {warning}" for warning in section.protocol.warnings),
        *([f"Protocol: {section.protocol.common_line}"] if section.results.records else []),
    ]
    return "\n".join(
        [
            f"{section.results.name}: {table.title}{badge}{caption}",
            render_table(table, width),
            *missing,
            *(textwrap.fill(paragraph, max(width, MIN_PROSE_WIDTH)) for paragraph in prose),
        ]
    )


def render_table(table: TextTable, width: int) -> str:
    """Render a table with aligned columns; ``*`` marks the best, ``+`` the second best.

    A table that is wider than ``width`` characters is transposed (sources become columns). If that
    is too wide as well, it is split into blocks of columns, with shortened names.
    """
    table = _escape_names(table)
    headers = ["", *(title + RANK_MARKS[0] for title, _ in table.headers)]
    rows = [_render_cells(row, len(table.headers)) for row in table.rows]
    compared = table.difference_rows[1:]  # the first one names the better sensor
    differences = [_render_cells(row, len(table.headers)) for row in compared]
    subtitle = f"difference to {table.baseline_name}"
    lines = _align_columns(
        [headers, *rows, *([f"vs single: {row[0]}", *row[1:]] for row in differences)]
    )
    if _max_line_width(lines) > width:
        lines = _align_columns(_transpose([headers, *rows]))
        if differences:
            lines += ["", subtitle, *_align_columns(_transpose([headers, *differences]))]
    if _max_line_width(lines) > width:
        lines = _split_into_blocks(_render_rows_with_short_names(table, table.rows), width)
        if differences:
            blocks = _split_into_blocks(_render_rows_with_short_names(table, compared), width)
            lines += ["", subtitle, *blocks]
    if any(rank for row in table.rows for _, rank in row.cells):
        lines.append("* best, + second best")
    if any(row.letters for row in table.rows):
        lines.append("[a]: no difference is shown between sources that share a letter")
    return "\n".join(lines)


def align_to_width(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Align rows below their header; shorten the first column where they are too wide."""
    rows = [[escape_controls(cell, "") for cell in row] for row in rows]
    lines = _align_columns(rows)
    excess = _max_line_width(lines) - width
    if excess > 0:
        name_width = max(MIN_NAME_WIDTH, MAX_NAME_WIDTH - excess)
        lines = _align_columns([[_truncate(row[0], name_width), *row[1:]] for row in rows])
    return lines


def _escape_names(table: TextTable) -> TextTable:
    """Escape the control characters in names before columns are measured."""
    return replace(
        table,
        headers=tuple((escape_controls(title, ""), text) for title, text in table.headers),
        rows=tuple(_escape_row(row) for row in table.rows),
        difference_rows=tuple(_escape_row(row) for row in table.difference_rows),
    )


def _escape_row(row: TextRow) -> TextRow:
    return replace(
        row, label=escape_controls(row.label, ""), remark=escape_controls(row.remark, "")
    )


def _render_rows_with_short_names(table: TextTable, rows: Sequence[TextRow]) -> list[list[str]]:
    """Render some rows of a table without remarks, and names with `MAX_NAME_WIDTH` characters.

    Names that would be the same are numbered.
    """
    short_names: dict[str, str] = {}
    for row in table.rows:
        name, number = _truncate(row.label, MAX_NAME_WIDTH), 1
        while name in short_names.values():
            number += 1
            name = _truncate(row.label, MAX_NAME_WIDTH - 3) + f"~{number}"
        short_names[row.label] = name
    headers = [
        "",
        *(_truncate(title, MAX_NAME_WIDTH) + RANK_MARKS[0] for title, _ in table.headers),
    ]
    return [
        headers,
        *(
            [
                _render_name(replace(row, label=short_names[row.label])),
                *_render_cells(row, len(table.headers))[1:],
            ]
            for row in rows
        ),
    ]


def _truncate(name: str, width: int) -> str:
    """Shorten a name to ``width`` columns of the terminal."""
    if _display_width(name) <= width:
        return name
    while _display_width(name) > width - 1:
        name = name[:-1]
    return name + "\N{HORIZONTAL ELLIPSIS}"


def _split_into_blocks(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Fill each block with as many columns as fit into the width; the next block is below."""
    lines: list[str] = []
    first, column_count = 1, len(rows[0])
    while first < column_count:
        last = first + 1
        while (
            last < column_count
            and _max_line_width(_align_columns(_select_columns(rows, first, last + 1))) <= width
        ):
            last += 1
        lines += [*([""] if lines else []), *_align_columns(_select_columns(rows, first, last))]
        first = last
    return lines


def _select_columns(rows: Sequence[Sequence[str]], first: int, last: int) -> list[list[str]]:
    """Select the column of names, and columns ``first`` to ``last`` (excluded)."""
    return [[row[0], *row[first:last]] for row in rows]


def _transpose(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Exchange rows and columns; names lose their remarks."""
    names, *columns = ([*cells] for cells in zip(*rows, strict=True))
    headers = ["", *(name.split(" (")[0] + RANK_MARKS[0] for name in names[1:])]
    return [headers, *([cells[0].rstrip(), *cells[1:]] for cells in columns)]


def _align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the first column left and the others right; draw a line below the first row."""
    widths = [max(map(_display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padding = [
            " " * (width - _display_width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        numbers = [space + cell for cell, space in zip(row[1:], padding[1:], strict=True)]
        lines.append(" ".join([row[0] + padding[0], *numbers]).rstrip())
    return [lines[0], "-" * _max_line_width(lines), *lines[1:]]


def _display_width(text: str) -> int:
    """Count the terminal columns of a text: wide characters (CJK) take two, accents none."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _max_line_width(lines: Sequence[str]) -> int:
    return max(map(_display_width, lines))


def _render_name(row: TextRow) -> str:
    """Render a name with the letters of its groups, e.g. ``dmfuse [ab]``."""
    return f"{row.label} [{row.letters}]" if row.letters else row.label


def _render_cells(row: TextRow, column_count: int) -> list[str]:
    label = f"{_render_name(row)} ({row.remark})" if row.remark else _render_name(row)
    cells = row.cells or ((row.absence_label, 0),) * column_count
    return [label, *(text + RANK_MARKS[rank] for text, rank in cells)]
