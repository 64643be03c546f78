"""CSV file of the ranks of a table's sources."""

import pandas as pd

from reports.tables.comparison import ColumnHeader, ScoreTable
from reports.tables.inference import source_ranks

COLUMNS = ("column", "source", "rank", "rank_low", "rank_high", "group")


def build_dataframe(table: ScoreTable) -> pd.DataFrame:
    """Tabulate the ranks of a table for a CSV file: one row per column and source."""
    rows = [
        (
            *(_get_full_title(table.headers[column]), row.source_results.source_name),
            *(rank_set.rank, rank_set.low, rank_set.high, rank_set.letters),
        )
        for column in source_ranks.list_ranked_columns(table)
        for row in table.rows
        if row.cells and (rank_set := row.cells[column].rank_set) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _get_full_title(header: ColumnHeader) -> str:
    return " ".join(header.title.split())
