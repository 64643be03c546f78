"""Tables of scores that are means over images: their intervals, and the sources' ranks."""

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

INTERVAL_TABLE_NAME = "intervals"  # the name of their table
LOW_SUFFIX, HIGH_SUFFIX = " low", " high"  # how the heads of its columns end, which come in pairs
MEAN_RANK_HEADER = ColumnHeader("mean rank", scale=1.0, decimals=1, better="lower", is_mean=True)


def build_interval_table(results: TaskResults) -> ScoreTable:
    """Sources x metrics: both ends of the interval of every mean."""
    columns = results.columns
    headings = [
        ColumnHeader(
            f"{column.mean_title}{end}",
            scale=1.0,
            decimals=3,
            better=column.better,
            subtitle=column.unit,
        )
        for column in columns.values()
        for end in (LOW_SUFFIX, HIGH_SUFFIX)
    ]

    def pick(record: Record) -> OptionalScores:
        ends = [record.intervals.get(metric) or (None, None) for metric in columns]
        return [end for both in ends for end in both]

    found = build_table(results, INTERVAL_TABLE_NAME, "95 % intervals of the means", headings, pick)
    lines = [replace(line, cells=tuple(map(_remove_rank, line.cells))) for line in found.rows]
    return _remove_differences(replace(found, rows=tuple(lines)))


def build_rank_table(results: TaskResults) -> ScoreTable:
    """Sources x metrics: each source's place among the finished ones, and the mean place."""
    headings = [
        ColumnHeader(column.mean_title, scale=1.0, decimals=0, better="lower")
        for column in results.columns.values()
    ]
    means = {record.source: record.values for record in results.records}
    better = {metric: column.better for metric, column in results.columns.items()}
    found = rank_sources(means, better)
    mean = compute_mean_ranks(found)

    def pick(record: Record) -> OptionalScores:
        return [*found[record.source].values(), mean[record.source]]

    return _remove_differences(
        build_table(
            results, "ranks", "Ranks by mean, 1 is best", [*headings, MEAN_RANK_HEADER], pick
        )
    )


def build_mean_rank_table(results: TaskResults) -> ScoreTable:
    """The last column of `build_rank_table` alone: what a reader who wants one order is told."""
    whole = build_rank_table(results)
    lines = [replace(line, cells=line.cells[-1:]) for line in whole.rows]
    count = len(results.columns)
    title = f"Mean rank over {count} metric{'' if count == 1 else 's'}, 1 is best"
    heading = replace(MEAN_RANK_HEADER, is_mean=False)
    return replace(whole, name="mean-rank", title=title, headers=(heading,), rows=tuple(lines))


def describe_mean_rank(table: ScoreTable) -> str:
    """What `build_mean_rank_table` says: which source is first, among how many, and which is next.

    A rank is an order on these metrics and does not say that fusing helps: a copy of one sensor is
    the best of all by several of them, so no source is compared with the single sensors.
    """
    (heading,) = table.headers
    scored = [(e.mean, line.source_results.source_name) for line in table.rows for e in line.cells]
    order = sorted((heading.round_score(mean), name) for mean, name in scored if mean is not None)
    if not order:
        return "No source has a score in every metric: none is ranked."
    if len(order) == 1:
        return f"{order[0][1]} is the only source that can be ranked so far."
    first = [name for mean, name in order if mean == order[0][0]]
    said = f"{', '.join(first)} {'has' if len(first) == 1 else 'share'} the best mean rank"
    said += f" ({order[0][0]:.1f}) of {len(order)} sources"
    behind = order[len(first) :]
    return f"{said}, before {behind[0][1]} ({behind[0][0]:.1f})." if behind else f"{said}."


def _remove_rank(entry: TableCell) -> TableCell:
    return replace(entry, rank=0)


def _remove_differences(table: ScoreTable) -> ScoreTable:
    """Without differences to the single sensors, which say nothing here."""
    lines: tuple[TableRow, ...] = tuple(replace(line, differences=()) for line in table.rows)
    return replace(table, rows=lines)
