"""The published rows of a task as one tidy table, one row per number that the report shows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import pandas as pd

from reports.papers.beside import Line, Part
from reports.records import places
from reports.scores.wording import UNDEFINED

COLUMNS = (
    *("table", "title", "metric", "method", "made by", "level", "class", "column", "value"),
    *("alike", "reason", "tags", "remark", "audit", "audit of the table", "about"),
)
OURS, THEIRS = "this report", "published"


def sheet(parts: Sequence[Part]) -> pd.DataFrame:
    """One row per table, method, metric and column as printed: `COLUMNS`.

    ``table`` is the name of a file under ``reports/published/``, ``class`` the data set's name of
    what is headed ``column``, ``value`` what is printed, with its decimals. ``alike`` says whether
    the tags of a row agree with ours, and ``tags`` what they are; ``audit`` is what the audit found
    in the row. Our own rows, which stand above those that agree, are told by ``made by``.
    """
    rows = [
        (
            *(part.table, part.title, part.metric, line.label, OURS if line.ours else THEIRS),
            *(level, name, head, None if cell == UNDEFINED else Decimal(cell)),
            *("yes" if part.alike else "no", part.reason, _tags(line), line.remark),
            *(_notes(part, map(str, line.marks)), _notes(part, [""]), part.about),
        )
        for part in parts
        for line in part.lines
        for head, of, cell in zip(part.heads, (*part.classes, None), line.cells, strict=True)
        for level, _, name, _ in [places.simple(None, of, part.metric).said]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tags(line: Line) -> str:
    return "; ".join(f"{tag}: {value}" for tag, value in line.tags.items())


def _notes(part: Part, marks: Iterable[str]) -> str:
    """The notes with some marks; those of the whole table have an empty one."""
    wanted = set(marks)
    return "; ".join(said for mark, said in part.notes if mark in wanted)
