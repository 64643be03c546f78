"""Tables as aligned text, for a terminal."""

import textwrap
from collections.abc import Sequence

from reports.chapters import Chapter, Grid, Printed, Report
from reports.wording import MISSING

NARROW = 40  # characters; prose is not wrapped tighter
MARKS = {0: "  ", 1: " *", 2: " +"}  # as wide as each other, so that numbers stay aligned


def text(found: Report, width: int) -> str:
    """What the terminal shows at the end of a run."""
    parts = [chapter(one, width) for one in found.chapters]
    last = [found.status]
    if found.command:
        last.append(f"To make what is missing: {found.command}")
    last += [f"{name} is left out: {why}" for name, why in found.absent]
    return "\n\n".join([*parts, "\n".join(last)])


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

    Turned, so that sources are columns, if it would be wider than ``width`` characters.
    """
    rows = [["", *(title + MARKS[0] for title, _ in found.heads)]]
    rows += [_cells(row, len(found.heads)) for row in found.rows]
    others = [_cells(row, len(found.heads)) for row in found.differences[1:]]
    lines = _aligned([*rows, *([f"vs single: {row[0]}", *row[1:]] for row in others)])
    if max(map(len, lines)) > width:
        lines = _aligned(_turned(rows))
        if others:
            lines += ["", "minus the better single sensor", *_aligned(_turned([rows[0], *others]))]
    if any(rank for row in found.rows for _, rank in row.cells):
        lines.append("* best, + second best")
    return "\n".join(lines)


def _turned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    first, *rest = ([*cells] for cells in zip(*rows, strict=True))
    head = ["", *(name.split(" (")[0] + MARKS[0] for name in first[1:])]
    return [head, *([cells[0].rstrip(), *cells[1:]] for cells in rest)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append(" ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _cells(row: Printed, columns: int) -> list[str]:
    name = f"{row.label} ({row.remark})" if row.remark else row.label
    cells = row.cells or ((MISSING, 0),) * columns
    return [name, *(text + MARKS[rank] for text, rank in cells)]
