"""A table that compares sources: means over seeds, best and second best, fused against single.

Scores stay fractions in here; a heading says by what they are multiplied for the eye.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.records import Record
from reports.records.evidence import Quantity
from reports.records.results import Results, Row
from reports.significance.statistics import Estimate

BETTER_SINGLE = "the better single sensor"
Scores = list[float | None]
Pick = Callable[[Record], Scores]  # a record's scores, one per column


@dataclass(frozen=True)
class Heading:
    """One column of a wide table.

    Attributes:
        scale: What scores are multiplied by when shown: 100 for fractions (points).
        note: Said under the title, e.g. how many images a condition has.
        is_mean: It sums the other columns up and is set apart from them.
        quantity: Which score it is, for its statistics; None if it has none.
        repeated: It stands in an earlier table too, where its differences are judged; a second
            verdict, adjusted for other comparisons, could be another one.
    """

    title: str
    scale: float = 100.0
    decimals: int = 1
    better: str = "higher"
    note: str = ""
    is_mean: bool = False
    quantity: Quantity | None = None
    repeated: bool = False

    def rounded(self, score: float) -> float:
        """The score as it is shown; what is equal here counts as equal."""
        return round(score * self.scale, self.decimals) + 0.0  # + 0.0: never -0.0


@dataclass(frozen=True)
class Entry:
    """One source in one column.

    Attributes:
        scores: One per finished seed; None where the score is undefined.
        rank: 1 for the best of the column, 2 for the second best, 0 for all others.
        estimate: Its 95 % interval and what it is made from; None where that cannot be said.
    """

    scores: tuple[float | None, ...]
    rank: int = 0
    estimate: Estimate | None = None

    @property
    def defined(self) -> list[float]:
        """The scores that are numbers."""
        return [score for score in self.scores if score is not None]

    @property
    def mean(self) -> float | None:
        """Over the seeds."""
        return statistics.fmean(self.defined) if self.defined else None

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over the seeds (n - 1); None for fewer than two."""
        return statistics.stdev(self.defined) if len(self.defined) > 1 else None


@dataclass(frozen=True)
class Comparison:
    """A source compared with another one in one column.

    Attributes:
        other: The name of the other source.
        estimate: Of the difference.
        adjusted: Its p-value, adjusted for all comparisons of the table (Holm).
        verdict: One of `statistics.VERDICTS`.
    """

    other: str
    estimate: Estimate
    adjusted: float
    verdict: str


@dataclass(frozen=True)
class Line:
    """One source in all columns; no entries if none of its records is there.

    Attributes:
        differences: Mean minus that of the better single sensor, per column, for fused sources;
            empty where that cannot be said. None also where the two means are of other seeds and
            the difference is not tested: it would be one of seeds too.
        comparisons: What is known of how sure each difference is; empty where nothing is.
    """

    row: Row
    entries: tuple[Entry, ...]
    differences: tuple[float | None, ...] = ()
    comparisons: tuple[Comparison | None, ...] = ()


@dataclass(frozen=True)
class Table:
    """A wide table: sources x columns.

    Attributes:
        name: Distinguishes it from the task's other tables; part of a file name.
    """

    task: str
    name: str
    title: str
    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]

    @property
    def sums_up(self) -> bool:
        """Whether the last column is the mean of the others."""
        return len(self.headings) > 1 and self.headings[-1].is_mean


def build(
    results: Results,
    name: str,
    title: str,
    headings: Sequence[Heading],
    pick: Pick,
) -> Table:
    """The table of one task whose columns are what ``pick`` takes from every record."""
    lines = []
    for row in results.rows:
        scores = [pick(record) for record in row.records]
        lines.append(Line(row, tuple(Entry(found) for found in zip(*scores, strict=True))))
    table = Table(results.name, name, title, tuple(headings), tuple(lines))
    return _compared(_ranked(table))


def best_single(table: Table, column: int) -> Line | None:
    """The line of the better single sensor in one column.

    None while any single sensor of the task has no record: the other may turn out better.
    """
    singles = [line for line in table.lines if line.row.single]
    if not singles or not all(line.entries for line in singles):
        return None
    scored = [line for line in singles if line.entries[column].mean is not None]
    return best(scored, table.headings[column], column)


def versus(table: Table) -> str:
    """What fused sources are compared with: the better single sensor, or the only one by name."""
    singles = [line.row.source for line in table.lines if line.row.single]
    return singles[0] if len(singles) == 1 else BETTER_SINGLE


def singles_equal(table: Table, column: int) -> bool:
    """Whether several single sensors have the same score in one column, as printed."""
    means = [line.entries[column].mean for line in table.lines if line.row.single and line.entries]
    shown = [table.headings[column].rounded(mean) for mean in means if mean is not None]
    return len(shown) > 1 and len(set(shown)) == 1


def seeds_differ(line: Line, other: Line, column: int) -> bool:
    """Whether the means of two sources in one column are means over other seeds."""
    mine, theirs = _seeds(line, column), _seeds(other, column)
    return bool(mine and theirs) and mine != theirs


def _seeds(line: Line, column: int) -> set[int | None]:
    """The seeds whose scores are in a mean."""
    pairs = zip(line.row.records, line.entries[column].scores, strict=True)
    return {record.seed for record, score in pairs if score is not None}


def best(lines: Sequence[Line], heading: Heading, column: int) -> Line | None:
    """The best of the lines in one column, the first of equals; None if none has a score."""
    sign = 1 if heading.better == "higher" else -1
    return max(
        (line for line in lines if line.entries and line.entries[column].mean is not None),
        key=lambda line: sign * (line.entries[column].mean or 0.0),
        default=None,
    )


def _ranked(table: Table) -> Table:
    """Best and second best of every column, as shown: equal when they look equal."""
    ranks: list[dict[float, int]] = []
    for column, heading in enumerate(table.headings):
        means = [line.entries[column].mean for line in table.lines if line.entries]
        seen = {heading.rounded(mean) for mean in means if mean is not None}
        order = sorted(seen, reverse=heading.better == "higher")
        ranks.append({order[0]: 1, order[1]: 2} if len(order) > 1 else {})
    return replace(
        table,
        lines=tuple(
            replace(
                line,
                entries=tuple(
                    replace(entry, rank=_rank(entry, heading, found))
                    for entry, heading, found in zip(
                        line.entries, table.headings, ranks, strict=False
                    )
                ),
            )
            for line in table.lines
        ),
    )


def _rank(entry: Entry, heading: Heading, ranks: dict[float, int]) -> int:
    return 0 if entry.mean is None else ranks.get(heading.rounded(entry.mean), 0)


def _compared(table: Table) -> Table:
    """Every fused source against the better single sensor, column by column."""
    against = [best_single(table, column) for column in range(len(table.headings))]

    def differences(line: Line) -> tuple[float | None, ...]:
        if line.row.single or not line.entries or not any(against):
            return ()
        found: Scores = []
        for column, other in enumerate(against):
            mine = line.entries[column].mean
            theirs = other.entries[column].mean if other else None
            known = other is not None and not seeds_differ(line, other, column)
            found.append(
                mine - theirs if known and mine is not None and theirs is not None else None
            )
        return tuple(found)

    lines = tuple(replace(line, differences=differences(line)) for line in table.lines)
    return replace(table, lines=lines)
