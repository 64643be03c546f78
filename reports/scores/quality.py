"""Tables of scores that are means over images: their intervals, and the sources' ranks."""

from dataclasses import replace

from bench.ranks import mean_places, places
from bench.records import Record
from reports.records.results import Results
from reports.scores.comparison import Entry, Heading, Line, Scores, Table, build

INTERVALS = "intervals"  # the name of their table
LOW, HIGH = " low", " high"  # how the heads of its columns end, which come in pairs
MEAN = Heading("mean rank", scale=1.0, decimals=1, better="lower", is_mean=True)


def intervals(results: Results) -> Table:
    """Sources x metrics: both ends of the interval of every mean."""
    columns = results.columns
    headings = [
        Heading(
            f"{column.mean}{end}", scale=1.0, decimals=3, better=column.better, note=column.unit
        )
        for column in columns.values()
        for end in (LOW, HIGH)
    ]

    def pick(record: Record) -> Scores:
        ends = [record.intervals.get(metric) or (None, None) for metric in columns]
        return [end for both in ends for end in both]

    found = build(results, INTERVALS, "95 % intervals of the means", headings, pick)
    lines = [replace(line, entries=tuple(map(_unranked, line.entries))) for line in found.lines]
    return _alone(replace(found, lines=tuple(lines)))


def ranks(results: Results) -> Table:
    """Sources x metrics: each source's place among the finished ones, and the mean place."""
    headings = [
        Heading(column.mean, scale=1.0, decimals=0, better="lower")
        for column in results.columns.values()
    ]
    means = {record.source: record.values for record in results.records}
    better = {metric: column.better for metric, column in results.columns.items()}
    found = places(means, better)
    mean = mean_places(found)

    def pick(record: Record) -> Scores:
        return [*found[record.source].values(), mean[record.source]]

    return _alone(build(results, "ranks", "Ranks by mean, 1 is best", [*headings, MEAN], pick))


def mean_rank(results: Results) -> Table:
    """The last column of `ranks` alone: what a reader who wants one order is told."""
    whole = ranks(results)
    lines = [replace(line, entries=line.entries[-1:]) for line in whole.lines]
    count = len(results.columns)
    title = f"Mean rank over {count} metric{'' if count == 1 else 's'}, 1 is best"
    heading = replace(MEAN, is_mean=False)
    return replace(whole, name="mean-rank", title=title, headings=(heading,), lines=tuple(lines))


def finding(table: Table) -> str:
    """What `mean_rank` says: which source is first, among how many, and which is next.

    A rank is an order on these metrics and does not say that fusing helps: a copy of one sensor is
    the best of all by several of them, so no source is compared with the single sensors.
    """
    (heading,) = table.headings
    scored = [(e.mean, line.row.source) for line in table.lines for e in line.entries]
    order = sorted((heading.rounded(mean), name) for mean, name in scored if mean is not None)
    if not order:
        return "No source has a score in every metric: none is ranked."
    if len(order) == 1:
        return f"{order[0][1]} is the only source that can be ranked so far."
    first = [name for mean, name in order if mean == order[0][0]]
    said = f"{', '.join(first)} {'has' if len(first) == 1 else 'share'} the best mean rank"
    said += f" ({order[0][0]:.1f}) of {len(order)} sources"
    behind = order[len(first) :]
    return f"{said}, before {behind[0][1]} ({behind[0][0]:.1f})." if behind else f"{said}."


def _unranked(entry: Entry) -> Entry:
    return replace(entry, rank=0)


def _alone(table: Table) -> Table:
    """Without differences to the single sensors, which say nothing here."""
    lines: tuple[Line, ...] = tuple(replace(line, differences=()) for line in table.lines)
    return replace(table, lines=lines)
