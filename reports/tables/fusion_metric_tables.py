"""Tables of fusion metrics, whose scores are means over images: intervals and ranks."""

from dataclasses import replace

from fusebench.evaluation.ranks import compute_mean_ranks, rank_sources
from fusebench.storage.records import Record
from reports.results.task_results import TaskResults
from reports.tables.comparison import (
    ColumnHeader,
    OptionalScores,
    ScoreTable,
    TableCell,
    TableRow,
    build_table,
)
from reports.tables.inference import source_ranks

INTERVAL_TABLE_NAME = "intervals"
LOW_SUFFIX, HIGH_SUFFIX = " low", " high"  # of the headers of the interval table, in pairs
MEAN_RANK_HEADER = ColumnHeader("mean rank", scale=1.0, decimals=1, better="lower", is_mean=True)


def build_interval_table(results: TaskResults) -> ScoreTable:
    """Build the table sources x metrics with both ends of the confidence intervals of the means."""
    columns = results.columns

    def select_scores(record: Record) -> OptionalScores:
        intervals = [record.intervals.get(metric) or (None, None) for metric in columns]
        return [end for interval in intervals for end in interval]

    headers = [
        ColumnHeader(
            f"{column.mean_title}{suffix}",
            scale=1.0,
            decimals=3,
            better=column.better,
            subtitle=column.unit,
        )
        for column in columns.values()
        for suffix in (LOW_SUFFIX, HIGH_SUFFIX)
    ]
    title = "95 % intervals of the means"
    table = build_table(results, INTERVAL_TABLE_NAME, title, headers, select_scores)
    rows = [replace(row, cells=tuple(map(_remove_rank, row.cells))) for row in table.rows]
    return _remove_differences(replace(table, rows=tuple(rows)))


def build_rank_table(results: TaskResults) -> ScoreTable:
    """Build the table sources x metrics of ranks among the finished sources, and the mean rank."""
    means = {record.source: record.values for record in results.records}
    better = {metric: column.better for metric, column in results.columns.items()}
    ranks = rank_sources(means, better)
    mean_ranks = compute_mean_ranks(ranks)

    def select_scores(record: Record) -> OptionalScores:
        return [*ranks[record.source].values(), mean_ranks[record.source]]

    headers = [
        ColumnHeader(column.mean_title, scale=1.0, decimals=0, better="lower")
        for column in results.columns.values()
    ]
    headers.append(MEAN_RANK_HEADER)
    title = "Ranks by mean, 1 is best"
    table = _remove_differences(build_table(results, "ranks", title, headers, select_scores))
    if results.quality_bootstrap is None:
        return table
    return source_ranks.add_mean_rank_sets(
        table, list(results.columns.items()), results.quality_bootstrap
    )


def build_mean_rank_table(results: TaskResults) -> ScoreTable:
    """Build the table of the mean rank alone: one order of the sources."""
    table = build_rank_table(results)
    rows = [replace(row, cells=row.cells[-1:]) for row in table.rows]
    count = len(results.columns)
    title = f"Mean rank over {count} metric{'' if count == 1 else 's'}, 1 is best"
    header = replace(MEAN_RANK_HEADER, is_mean=False)
    return replace(table, name="mean-rank", title=title, headers=(header,), rows=tuple(rows))


def describe_mean_rank(table: ScoreTable) -> str:
    """Describe the best and second best source of `build_mean_rank_table` in a sentence.

    A rank is an order on these metrics and does not say that fusion helps: a copy of one sensor is
    the best by several of them. No source is therefore compared with the single sensors.
    """
    (header,) = table.headers
    means = [
        (cell.mean, row.source_results.source_name) for row in table.rows for cell in row.cells
    ]
    order = sorted((header.round_score(mean), name) for mean, name in means if mean is not None)
    if not order:
        return "No source has a score in every metric: none is ranked."
    if len(order) == 1:
        return f"{order[0][1]} is the only source that can be ranked so far."
    best_rank = order[0][0]
    best = [name for rank, name in order if rank == best_rank]
    sentence = f"{', '.join(best)} {'has' if len(best) == 1 else 'share'} the best mean rank"
    sentence += f" ({best_rank:.1f}) of {len(order)} sources"
    if len(best) == len(order):
        return f"{sentence}."
    rank, name = order[len(best)]
    return f"{sentence}, before {name} ({rank:.1f})."


def _remove_rank(cell: TableCell) -> TableCell:
    return replace(cell, rank=0)


def _remove_differences(table: ScoreTable) -> ScoreTable:
    """Remove the differences to the single sensors, which have no meaning for these numbers."""
    rows: tuple[TableRow, ...] = tuple(replace(row, differences=()) for row in table.rows)
    return replace(table, rows=rows)
