"""From tables to texts in rows and columns: `Grid`s, the same on the page and in a terminal."""

from dataclasses import replace

from bench import names
from reports.papers import layouts
from reports.records.results import Results
from reports.scores import certainty, quality, tables, wording
from reports.scores.comparison import (
    BETTER_SINGLE,
    Line,
    Table,
    best_single,
    seeds_differ,
    singles_equal,
    versus,
)
from reports.scores.grids import ERRORS, SLICES, Grid, Printed


def file_name(table: Table) -> str:
    """Where a table's numbers are kept, relative to the report."""
    return f"tables/{names.safe(table.task)}-{names.safe(table.name)}.csv"


def grid(results: Results, table: Table) -> Grid:
    """A table as it is read."""
    found = Grid(
        title=table.title,
        caption=wording.caption(table) if results.records else "",
        file=file_name(table),
        heads=tuple((heading.title, heading.note) for heading in table.headings),
        rows=tuple(_row(table, line) for line in table.lines),
        differences=_differences(table),
        notes=tuple(wording.notes(results, table)),
        sums_up=table.sums_up,
        better=tuple(heading.better for heading in table.headings),
        part=_part(results, table),
        groups=layouts.groups(table),
        versus=versus(table),
    )
    return _joined(found) if table.name == quality.INTERVALS else found


def _joined(found: Grid) -> Grid:
    """Both ends of an interval in one cell: twice as many columns would not fit a page."""
    return replace(
        found,
        heads=tuple((title.removesuffix(quality.LOW), note) for title, note in found.heads[::2]),
        rows=tuple(replace(row, cells=_ends(row.cells)) for row in found.rows),
        better=found.better[::2],
    )


def _ends(cells: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    texts = [text for text, _ in cells]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return tuple(
        (low if low == wording.UNDEFINED else f"[{low}, {high}]", 0) for low, high in pairs
    )


def _part(results: Results, table: Table) -> str:
    if table.name.endswith(tables.BY_CONDITION):
        return SLICES
    return ERRORS if table.name in tables.errors(results) else ""


def bare(results: Results, table: Table) -> Grid:
    """The same without ranks and without what is said on demand, which intervals do not have."""
    lines = [
        replace(line, entries=tuple(replace(entry, rank=0) for entry in line.entries))
        for line in table.lines
    ]
    found = grid(results, replace(table, lines=tuple(lines)))
    return replace(found, differences=tuple(replace(d, sure=()) for d in found.differences))


def _row(table: Table, line: Line) -> Printed:
    row = line.row
    remarks = [] if row.source == row.kind else [_kind(row.kind)]
    seeds = wording.seeds(line)
    cells = zip(line.entries, table.headings, strict=False)
    return Printed(
        label=row.source,
        remark=", ".join([*remarks, *([seeds] if seeds else [])]),
        cells=tuple((wording.entry(found, heading), found.rank) for found, heading in cells),
        sure=certainty.of_scores(line, table.headings),
        absence=row.absence,
    )


def _kind(kind: str) -> str:
    return {"method": "fused here", "folder": "fused elsewhere"}.get(kind, kind)


def _differences(table: Table) -> tuple[Printed, ...]:
    rows = [
        Printed(
            line.row.source,
            "",
            tuple((_difference(table, line, column), 0) for column in range(len(table.headings))),
            certainty.of_differences(line, table.headings),
        )
        for line in table.lines
        if line.differences
    ]
    if not rows:
        return ()
    names = tuple((_better(table, column), 0) for column in range(len(table.headings)))
    label = "better single sensor" if versus(table) == BETTER_SINGLE else "single sensor"
    return Printed(label, "", names), *rows


def _difference(table: Table, line: Line, column: int) -> str:
    score, heading = line.differences[column], table.headings[column]
    single = best_single(table, column) if score is None else None
    if single and seeds_differ(line, single, column):
        return wording.SEEDS_DIFFER
    return wording.difference(
        score, heading, line.comparisons[column] if line.comparisons else None
    )


def _better(table: Table, column: int) -> str:
    single = best_single(table, column)
    if single is None:
        return wording.UNDEFINED
    return "equal" if singles_equal(table, column) else single.row.source
