"""Tables as aligned text, for a terminal."""

import textwrap
import unicodedata
from collections.abc import Sequence

from reports.contents.chapters import Chapter, Report
from reports.scores.grids import Grid, Printed

NAME = 24  # characters of a source's name where there is no room for more
NARROW = 40  # characters; prose is not wrapped tighter
MARKS = {0: "  ", 1: " *", 2: " +"}  # as wide as each other, so that numbers stay aligned


def text(found: Report, width: int) -> str:
    """What the terminal shows at the end of a run."""
    parts = [chapter(one, width) for one in found.chapters]
    last = [found.status]
    if found.command:
        last.append(f"To make what is missing: {found.command}")
    last += [f"{name} is left out: {why}" for name, why in found.absent]
    return printable("\n\n".join([*parts, "\n".join(last)]))


def chapter(found: Chapter, width: int) -> str:
    """A task's main table with its answer and protocol."""
    badge = " [SIMULATED]" if found.results.simulated else ""
    said = [f"{found.results.name}: {found.main[0].title}{badge}"]
    if found.main[0].caption:
        said[0] += f" ({found.main[0].caption})"
    prose = [found.answer, *(f"Warning: {warning}" for warning in found.protocol.warnings)]
    if found.results.records:
        prose.append(f"Protocol: {found.protocol.line}")
    wrapped = (textwrap.fill(part, max(width, NARROW)) for part in prose)
    gaps = [f"{gap.source}: {gap.what}; to make it: {gap.command}" for gap in found.gaps]
    return "\n".join([*said, grid(found.main[0], width), *gaps, *wrapped])


def grid(found: Grid, width: int) -> str:
    """The rows under their heads, every column aligned; ``*`` best, ``+`` second best.

    Turned, so that sources are columns, if it would be wider than ``width`` characters; cut into
    blocks of columns, with shortened names, if it still would be.
    """
    heads = ["", *(title + MARKS[0] for title, _ in found.heads)]
    rows = [heads, *(_cells(row, len(found.heads)) for row in found.rows)]
    others = [_cells(row, len(found.heads)) for row in found.differences[1:]]
    lines = _aligned([*rows, *([f"vs single: {row[0]}", *row[1:]] for row in others)])
    if _widest(lines) > width:
        lines = _aligned(_turned(rows))
        if others:
            lines += ["", f"minus {found.versus}", *_aligned(_turned([heads, *others]))]
    if _widest(lines) > width:
        lines = _blocks(_short_names(found, found.rows), width)
        if others:
            lines += [
                "",
                f"minus {found.versus}",
                *_blocks(_short_names(found, found.differences[1:]), width),
            ]
    if any(rank for row in found.rows for _, rank in row.cells):
        lines.append("* best, + second best")
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Rows under their head; the first column is shortened where they are too wide."""
    lines = _aligned(rows)
    if _widest(lines) > width:
        short = max(8, NAME - max(0, _widest(lines) - width))
        lines = _aligned([[_cut(row[0], short), *row[1:]] for row in rows])
    return lines


def printable(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _short_names(found: Grid, rows: Sequence[Printed]) -> list[list[str]]:
    """The cells of some rows under their heads, names in `NAME` characters and without remarks.

    Names that would be the same are numbered.
    """
    short: dict[str, str] = {}
    for row in found.rows:
        name, number = _cut(row.label, NAME), 1
        while name in short.values():
            number += 1
            name = _cut(row.label, NAME - 3) + f"~{number}"
        short[row.label] = name
    heads = ["", *(_cut(title, NAME) + MARKS[0] for title, _ in found.heads)]
    cells = [_cells(row, len(found.heads)) for row in rows]
    return [heads, *([short[row.label], *rest[1:]] for row, rest in zip(rows, cells, strict=True))]


def _cut(name: str, length: int) -> str:
    """The name in so many columns of a terminal."""
    if _width(name) <= length:
        return name
    kept = name
    while _width(kept) > length - 1:
        kept = kept[:-1]
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def _blocks(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """As many columns side by side as there is room for, then the next ones below."""
    lines: list[str] = []
    first, columns = 1, len(rows[0])
    while first < columns:
        last = first + 1
        while last < columns and _widest(_aligned(_part(rows, first, last + 1))) <= width:
            last += 1
        lines += [*([""] if lines else []), *_aligned(_part(rows, first, last))]
        first = last
    return lines


def _part(rows: Sequence[Sequence[str]], first: int, last: int) -> list[list[str]]:
    return [[row[0], *row[first:last]] for row in rows]


def _turned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    first, *rest = ([*cells] for cells in zip(*rows, strict=True))
    head = ["", *(name.split(" (")[0] + MARKS[0] for name in first[1:])]
    return [head, *([cells[0].rstrip(), *cells[1:]] for cells in rest)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        rest = [gap + cell for cell, gap in zip(row[1:], gaps[1:], strict=True)]
        lines.append(" ".join([row[0] + gaps[0], *rest]).rstrip())
    return [lines[0], "-" * _widest(lines), *lines[1:]]


def _width(text: str) -> int:
    """How many columns of a terminal a text takes: two for a Chinese letter, none for an accent."""
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def _widest(lines: Sequence[str]) -> int:
    return max(map(_width, lines))


def _cells(row: Printed, columns: int) -> list[str]:
    name = f"{row.label} ({row.remark})" if row.remark else row.label
    cells = row.cells or ((row.absence, 0),) * columns
    return [name, *(text + MARKS[rank] for text, rank in cells)]
