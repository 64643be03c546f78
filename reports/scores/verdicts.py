"""Intervals and verdicts for a table: which of its differences are more than chance."""

from collections.abc import Sequence
from dataclasses import replace

from reports.records.evidence import Evidence
from reports.scores.comparison import Comparison, Entry, Line, Table, best_single
from reports.significance import statistics
from reports.significance.statistics import LEVEL, Estimate, Sample


def judged(table: Table, evidence: Evidence | None) -> Table:
    """The table with the interval of every score and the verdict on every difference.

    The p-values are adjusted over all differences of the table but those that an earlier one
    judges, so that a table without any true difference has a "better" or "worse" anywhere in it
    in at most 5 % of the cases.
    """
    if evidence is None:
        return table
    samples = [_samples(table, line, evidence) for line in table.lines]
    lines = [
        replace(line, entries=_estimated(line.entries, mine, samples))
        for line, mine in zip(table.lines, samples, strict=True)
    ]
    found = _differences(table, samples)
    known = {
        (i, j): pair[1].p
        for i, row in enumerate(found)
        for j, pair in enumerate(row)
        if pair and not table.headings[j].repeated
    }
    adjusted = dict(zip(known, statistics.holm([*known.values()]), strict=True))
    for i, row in enumerate(found):
        made = [
            Comparison(*pair, adjusted[i, j], _verdict(table, j, pair[1], adjusted[i, j]))
            if pair and (i, j) in adjusted
            else None
            for j, pair in enumerate(row)
        ]
        comparisons = tuple(made) if any(made) else ()
        lines[i] = replace(lines[i], differences=_tested(lines[i], row), comparisons=comparisons)
    return replace(table, lines=tuple(lines))


def _samples(table: Table, line: Line, evidence: Evidence) -> list[Sample | None]:
    return [
        evidence.sample(line.row.source, heading.quantity, entry.scores)
        for heading, entry in zip(table.headings, line.entries, strict=False)
    ]


def _estimated(
    entries: Sequence[Entry],
    mine: Sequence[Sample | None],
    samples: Sequence[Sequence[Sample | None]],
) -> tuple[Entry, ...]:
    found = []
    for column, (entry, sample) in enumerate(zip(entries, mine, strict=True)):
        others = [row[column] for row in samples if row and row is not mine]
        alike = [other for other in others if other is not None]
        estimate = statistics.score(sample, alike) if sample else None
        found.append(replace(entry, estimate=estimate))
    return tuple(found)


def _differences(
    table: Table, samples: Sequence[Sequence[Sample | None]]
) -> list[list[tuple[str, Estimate] | None]]:
    """Per line and column the better single sensor and the difference to it."""
    place = {line.row.source: number for number, line in enumerate(table.lines)}
    found: list[list[tuple[str, Estimate] | None]] = []
    for line, mine in zip(table.lines, samples, strict=True):
        row: list[tuple[str, Estimate] | None] = []
        for column in range(len(line.differences)):
            single = best_single(table, column)
            own = mine[column]
            other = samples[place[single.row.source]][column] if single else None
            estimate = statistics.difference(own, other) if own and other else None
            row.append((single.row.source, estimate) if single and estimate else None)
        found.append(row)
    return found


def _tested(line: Line, found: Sequence[tuple[str, Estimate] | None]) -> tuple[float | None, ...]:
    """A line's differences, with those of other seeds, which a test accounts for."""
    return tuple(
        pair[1].value if gap is None and pair else gap
        for gap, pair in zip(line.differences, found, strict=True)
    )


def _verdict(table: Table, column: int, estimate: Estimate, adjusted: float) -> str:
    if adjusted >= 1 - LEVEL:
        return statistics.UNSHOWN
    rises = table.headings[column].better == "higher"
    return statistics.BETTER if (estimate.value > 0) == rises else statistics.WORSE
