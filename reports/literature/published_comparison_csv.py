"""Published results of a task as one tidy table: one row per number that the report shows."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import pandas as pd

from reports.literature.published_comparison import PublishedComparison, PublishedComparisonRow
from reports.results import score_index
from reports.tables.result_text import UNDEFINED

COLUMNS = (
    *("table", "title", "metric", "method", "origin", "level", "class", "column", "value"),
    *("comparable", "reason", "tags", "remark", "audit", "table audit", "table note"),
)
THIS_REPORT, PUBLISHED = "this report", "published"


def build_dataframe(comparisons: Sequence[PublishedComparison]) -> pd.DataFrame:
    """Build one row per table, method, metric and printed column, with the columns `COLUMNS`.

    ``table`` is the name of a file under ``reports/published/``, ``class`` the data set's name of
    the printed ``column``, and ``value`` the printed number with its decimals. ``comparable`` says
    whether the ``tags`` of the row agree with ours. ``audit`` has the findings of the audit in the
    row. ``origin`` distinguishes our own rows, which precede comparable published ones.
    """
    rows = [
        row
        for comparison in comparisons
        for comparison_row in comparison.rows
        for row in _build_rows(comparison, comparison_row)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _build_rows(
    comparison: PublishedComparison, row: PublishedComparisonRow
) -> Iterator[tuple[object, ...]]:
    """Build the rows of all cells of one method."""
    columns = zip(comparison.headers, (*comparison.classes, None), row.cells, strict=True)
    for header, class_name, cell in columns:
        location = score_index.locate_score(None, class_name, comparison.metric)
        level, _, class_or_mean, _ = location.labels
        yield (
            *(comparison.table, comparison.title, comparison.metric, row.label),
            *(THIS_REPORT if row.is_own_result else PUBLISHED, level, class_or_mean, header),
            None if cell == UNDEFINED else Decimal(cell),
            "yes" if comparison.is_comparable else "no",
            comparison.reason,
            "; ".join(f"{tag}: {value}" for tag, value in row.tags.items()),
            row.remark,
            _join_notes(comparison, map(str, row.note_numbers)),
            _join_notes(comparison, [""]),
            comparison.table_note,
        )


def _join_notes(comparison: PublishedComparison, numbers: Iterable[str]) -> str:
    """Join the audit notes with these numbers; notes about the whole table have an empty one."""
    selected = set(numbers)
    return "; ".join(text for number, text in comparison.audit_notes if number in selected)
