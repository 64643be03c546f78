"""Tables as aligned text, for a terminal."""

import textwrap
import unicodedata
from collections.abc import Sequence

from reports.document.sections import Report, TaskSection
from reports.tables.text_table import TextRow, TextTable

MAX_NAME_WIDTH = 24  # characters of a source's name where there is no room for more
MIN_PROSE_WIDTH = 40  # characters; prose is not wrapped tighter
RANK_MARKS = {0: "  ", 1: " *", 2: " +"}  # as wide as each other, so that numbers stay aligned


def render_report(found: Report, width: int) -> str:
    """What the terminal shows at the end of a run."""
    parts = [render_section(one, width) for one in found.sections]
    last = [found.status]
    if found.command:
        last.append(f"To make what is missing: {found.command}")
    last += [f"{name} is left out: {why}" for name, why in found.skipped_tasks]
    return replace_control_characters("\n\n".join([*parts, "\n".join(last)]))


def render_section(found: TaskSection, width: int) -> str:
    """A task's main table with its answer and protocol."""
    badge = " [SIMULATED]" if found.results.is_simulated else ""
    said = [f"{found.results.name}: {found.main_tables[0].title}{badge}"]
    if found.main_tables[0].caption:
        said[0] += f" ({found.main_tables[0].caption})"
    prose = [found.answer, *(f"Warning: {warning}" for warning in found.protocol.warnings)]
    if found.results.records:
        prose.append(f"Protocol: {found.protocol.common_line}")
    wrapped = (textwrap.fill(part, max(width, MIN_PROSE_WIDTH)) for part in prose)
    gaps = [
        f"{gap.source}: {gap.description}; to make it: {gap.command}" for gap in found.missing_runs
    ]
    return "\n".join([*said, render_table(found.main_tables[0], width), *gaps, *wrapped])


def render_table(found: TextTable, width: int) -> str:
    """The rows under their heads, every column aligned; ``*`` best, ``+`` second best.

    Turned, so that sources are columns, if it would be wider than ``width`` characters; cut into
    blocks of columns, with shortened names, if it still would be.
    """
    heads = ["", *(title + RANK_MARKS[0] for title, _ in found.headers)]
    rows = [heads, *(_render_cells(row, len(found.headers)) for row in found.rows)]
    others = [_render_cells(row, len(found.headers)) for row in found.difference_rows[1:]]
    lines = _align_columns([*rows, *([f"vs single: {row[0]}", *row[1:]] for row in others)])
    if _max_line_width(lines) > width:
        lines = _align_columns(_transpose(rows))
        if others:
            lines += [
                "",
                f"minus {found.baseline_name}",
                *_align_columns(_transpose([heads, *others])),
            ]
    if _max_line_width(lines) > width:
        lines = _split_into_blocks(_render_rows_with_short_names(found, found.rows), width)
        if others:
            lines += [
                "",
                f"minus {found.baseline_name}",
                *_split_into_blocks(
                    _render_rows_with_short_names(found, found.difference_rows[1:]), width
                ),
            ]
    if any(rank for row in found.rows for _, rank in row.cells):
        lines.append("* best, + second best")
    return "\n".join(lines)


def align_to_width(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Rows under their head; the first column is shortened where they are too wide."""
    lines = _align_columns(rows)
    if _max_line_width(lines) > width:
        short = max(8, MAX_NAME_WIDTH - max(0, _max_line_width(lines) - width))
        lines = _align_columns([[_truncate(row[0], short), *row[1:]] for row in rows])
    return lines


def replace_control_characters(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _render_rows_with_short_names(found: TextTable, rows: Sequence[TextRow]) -> list[list[str]]:
    """The cells of some rows under their heads, names in `MAX_NAME_WIDTH` characters and without remarks.

    Names that would be the same are numbered.
    """
    short: dict[str, str] = {}
    for row in found.rows:
        name, number = _truncate(row.label, MAX_NAME_WIDTH), 1
        while name in short.values():
            number += 1
            name = _truncate(row.label, MAX_NAME_WIDTH - 3) + f"~{number}"
        short[row.label] = name
    heads = ["", *(_truncate(title, MAX_NAME_WIDTH) + RANK_MARKS[0] for title, _ in found.headers)]
    cells = [_render_cells(row, len(found.headers)) for row in rows]
    return [heads, *([short[row.label], *rest[1:]] for row, rest in zip(rows, cells, strict=True))]


def _truncate(name: str, length: int) -> str:
    """The name in so many columns of a terminal."""
    if _display_width(name) <= length:
        return name
    kept = name
    while _display_width(kept) > length - 1:
        kept = kept[:-1]
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def _split_into_blocks(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """As many columns side by side as there is room for, then the next ones below."""
    lines: list[str] = []
    first, columns = 1, len(rows[0])
    while first < columns:
        last = first + 1
        while (
            last < columns
            and _max_line_width(_align_columns(_select_columns(rows, first, last + 1))) <= width
        ):
            last += 1
        lines += [*([""] if lines else []), *_align_columns(_select_columns(rows, first, last))]
        first = last
    return lines


def _select_columns(rows: Sequence[Sequence[str]], first: int, last: int) -> list[list[str]]:
    return [[row[0], *row[first:last]] for row in rows]


def _transpose(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    first, *rest = ([*cells] for cells in zip(*rows, strict=True))
    head = ["", *(name.split(" (")[0] + RANK_MARKS[0] for name in first[1:])]
    return [head, *([cells[0].rstrip(), *cells[1:]] for cells in rest)]


def _align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [
            " " * (width - _display_width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        rest = [gap + cell for cell, gap in zip(row[1:], gaps[1:], strict=True)]
        lines.append(" ".join([row[0] + gaps[0], *rest]).rstrip())
    return [lines[0], "-" * _max_line_width(lines), *lines[1:]]


def _display_width(text: str) -> int:
    """How many columns of a terminal a text takes: two for a Chinese letter, none for an accent."""
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def _max_line_width(lines: Sequence[str]) -> int:
    return max(map(_display_width, lines))


def _render_cells(row: TextRow, columns: int) -> list[str]:
    name = f"{row.label} ({row.remark})" if row.remark else row.label
    cells = row.cells or ((row.absence_label, 0),) * columns
    return [name, *(text + RANK_MARKS[rank] for text, rank in cells)]
