"""The published rows of a task as one tidy table, one row per number that the report shows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import pandas as pd

from reports.literature.published_comparison import PublishedComparison, PublishedComparisonRow
from reports.results import score_index
from reports.tables.result_text import UNDEFINED

COLUMNS = (
    *("table", "title", "metric", "method", "made by", "level", "class", "column", "value"),
    *("alike", "reason", "tags", "remark", "audit", "audit of the table", "about"),
)
THIS_REPORT, PUBLISHED = "this report", "published"


def build_dataframe(parts: Sequence[PublishedComparison]) -> pd.DataFrame:
    """One row per table, method, metric and column as printed: `COLUMNS`.

    ``table`` is the name of a file under ``reports/published/``, ``class`` the data set's name of
    what is headed ``column``, ``value`` what is printed, with its decimals. ``alike`` says whether
    the tags of a row agree with ours, and ``tags`` what they are; ``audit`` is what the audit found
    in the row. Our own rows, which stand above those that agree, are told by ``made by``.
    """
    rows = [
        (
            *(
                part.table,
                part.title,
                part.metric,
                line.label,
                THIS_REPORT if line.is_own_result else PUBLISHED,
            ),
            *(level, name, head, None if cell == UNDEFINED else Decimal(cell)),
            *("yes" if part.is_comparable else "no", part.reason, _format_tags(line), line.remark),
            *(
                _join_notes(part, map(str, line.note_numbers)),
                _join_notes(part, [""]),
                part.table_note,
            ),
        )
        for part in parts
        for line in part.rows
        for head, of, cell in zip(part.headers, (*part.classes, None), line.cells, strict=True)
        for level, _, name, _ in [score_index.locate_score(None, of, part.metric).labels]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _format_tags(line: PublishedComparisonRow) -> str:
    return "; ".join(f"{tag}: {value}" for tag, value in line.tags.items())


def _join_notes(part: PublishedComparison, marks: Iterable[str]) -> str:
    """The notes with some marks; those of the whole table have an empty one."""
    wanted = set(marks)
    return "; ".join(said for mark, said in part.audit_notes if mark in wanted)
