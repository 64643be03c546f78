"""Ranks of sources as text: letters beside names, "tied for best", and the table of ranks."""

from dataclasses import replace

from reports.statistics.rank_sets import RankSet
from reports.tables.comparison import ScoreTable, TableRow
from reports.tables.inference import source_ranks
from reports.tables.number_format import UNDEFINED
from reports.tables.text_table import TextRow, TextTable

RANKS_SUFFIX = "-rank-sets.csv"
NOTE = (
    "Rank: by the mean; the brackets hold all ranks that the tests leave open, for all sources of "
    "a column at once with 95 %. Letters: no difference is shown between sources that share one "
    "(paired tests of all pairs of the column, adjusted by Shaffer's method), which does not mean "
    "that they are equal."
)
LETTER_NOTE = (
    "Letters: no difference of the {column} is shown between sources that share one, in paired "
    "tests of all {count} pairs (adjusted, Shaffer); ranks in brackets hold with 95 % for all "
    "sources at once. These tests of all pairs are stricter than those against {baseline} alone."
)


def list_possible_best(table: ScoreTable, column: int) -> tuple[list[TableRow], int]:
    """List the sources that no other is shown to be better than, best mean first.

    Returns:
        The rows, and the number of ranked sources; empty and 0 without rank sets.
    """
    ranked = [row for row in table.rows if row.cells and row.cells[column].rank_set]
    best = [row for row in ranked if _get_rank_set(row, column).may_be_best]
    return sorted(best, key=lambda row: _get_rank_set(row, column).rank), len(ranked)


def describe_best(table: ScoreTable, column: int) -> str:
    """Name the sources that may be the best in a column, in a sentence; empty without tests."""
    best, count = list_possible_best(table, column)
    if not best:
        return ""
    title = table.headers[column].title
    names = ", ".join(row.source_results.source_name for row in best)
    if len(best) == 1:
        return f"Best by {title}, shown against each of the other {count - 1}: {names}."
    amount = f"all {count}" if len(best) == count else f"{len(best)} of {count}"
    return f"Tied for best by {title}, {amount} sources: {names}."


def format_rank_set(rank_set: RankSet | None) -> str:
    """Format a rank with its set and letters, e.g. ``1 [1, 3] a``; a dash for None."""
    if rank_set is None:
        return UNDEFINED
    return f"{rank_set.rank} {format_rank_range(rank_set)} {rank_set.letters}"


def format_rank_range(rank_set: RankSet) -> str:
    """Format the ranks that are left open, e.g. ``[1, 3]`` or ``[2]``."""
    ends = [rank_set.low] if rank_set.low == rank_set.high else [rank_set.low, rank_set.high]
    return f"[{', '.join(map(str, ends))}]"


def get_ranking(table: ScoreTable, row: TableRow) -> RankSet | None:
    """Return the rank set of a source in the column that orders the table; None without one."""
    return row.cells[-1].rank_set if table.has_ranking_column and row.cells else None


def describe_letters(table: ScoreTable, baseline: str) -> str:
    """Explain the letters beside the names; empty if there are none."""
    count = sum(get_ranking(table, row) is not None for row in table.rows)
    if not count:
        return ""
    title, pairs = table.headers[-1].title, count * (count - 1) // 2
    return LETTER_NOTE.format(column=title, count=pairs, baseline=baseline)


def build_rank_tables(unranked: TextTable, table: ScoreTable) -> list[TextTable]:
    """Build the table of the ranks of all columns of a table, if any column has ranks.

    Args:
        unranked: The table as text, without marks of the best.
        table: The same table.
    """
    columns = source_ranks.list_ranked_columns(table)
    if not columns:
        return []
    rows = [
        TextRow(
            row.source_results.source_name,
            "",
            tuple((format_rank_set(row.cells[column].rank_set), 0) for column in columns),
        )
        for row in table.rows
        if row.cells
    ]
    return [
        replace(
            unranked,
            title=f"{table.title}: ranks",
            caption="rank [95 % set] letters, 1 is best",
            csv_file=f"{unranked.csv_file.removesuffix('.csv')}{RANKS_SUFFIX}",
            headers=tuple(unranked.headers[column] for column in columns),
            rows=tuple(rows),
            difference_rows=(),
            notes=(NOTE,),
            better_directions=("lower",) * len(columns),
            has_mean_column=table.has_mean_column and len(table.headers) - 1 in columns,
            header_groups=(),
        )
    ]


def _get_rank_set(row: TableRow, column: int) -> RankSet:
    rank_set = row.cells[column].rank_set
    assert rank_set is not None  # the caller selected rows that have one
    return rank_set
