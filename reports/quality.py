"""Tables of scores that are means over images: their intervals, and the sources' ranks."""

from dataclasses import replace

from bench.records import Record
from reports.comparison import Entry, Heading, Line, Scores, Table, build
from reports.results import Results


def intervals(results: Results) -> Table:
    """Sources x metrics: both ends of the interval of every mean."""
    columns = results.columns
    headings = [
        Heading(
            f"{column.mean} {end}", scale=1.0, decimals=3, better=column.better, note=column.unit
        )
        for column in columns.values()
        for end in ("low", "high")
    ]

    def pick(record: Record) -> Scores:
        ends = [record.intervals.get(metric) or (None, None) for metric in columns]
        return [end for both in ends for end in both]

    found = build(results, "intervals", "95 % intervals of the means", headings, pick)
    lines = [replace(line, entries=tuple(map(_unranked, line.entries))) for line in found.lines]
    return _alone(replace(found, lines=tuple(lines)))


def ranks(results: Results) -> Table:
    """Sources x metrics: each source's place among the finished ones, and the mean place."""
    columns = results.columns
    headings = [
        Heading(column.mean, scale=1.0, decimals=0, better="lower") for column in columns.values()
    ]
    last = Heading("mean rank", scale=1.0, decimals=1, better="lower", is_mean=True)
    places = {metric: _places(results, metric) for metric in columns}

    def pick(record: Record) -> Scores:
        found = [places[metric].get(record.source) for metric in columns]
        there = [place for place in found if place is not None]
        return [*found, sum(there) / len(there) if there else None]

    return _alone(build(results, "ranks", "Ranks by mean, 1 is best", [*headings, last], pick))


def _places(results: Results, metric: str) -> dict[str, float]:
    """Source to place; equal means share the better one."""
    column = results.columns[metric]
    means = {r.source: r.values[metric] for r in results.records if metric in r.values}
    sign = -1.0 if column.better == "higher" else 1.0
    scores = {source: sign * mean for source, mean in means.items() if mean is not None}
    return {
        source: 1.0 + sum(other < score for other in scores.values())
        for source, score in scores.items()
    }


def _unranked(entry: Entry) -> Entry:
    return replace(entry, rank=0)


def _alone(table: Table) -> Table:
    """Without differences to the single sensors, which say nothing here."""
    lines: tuple[Line, ...] = tuple(replace(line, differences=()) for line in table.lines)
    return replace(table, lines=lines)
