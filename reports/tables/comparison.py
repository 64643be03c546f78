"""A table that compares sources: means over seeds, best and second best, fused against single.

Scores stay fractions in here; a heading says by what they are multiplied for the eye.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fusebench.storage.records import Record
from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import SourceResults, TaskResults
from reports.statistics.confidence_intervals import Estimate

BETTER_SINGLE_SENSOR = "the better single sensor"
OptionalScores = list[float | None]
ScoreSelector = Callable[[Record], OptionalScores]  # a record's scores, one per column


@dataclass(frozen=True)
class ColumnHeader:
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
    subtitle: str = ""
    is_mean: bool = False
    score_key: ScoreKey | None = None
    is_repeated: bool = False

    def round_score(self, score: float) -> float:
        """The score as it is shown; what is equal here counts as equal."""
        return round(score * self.scale, self.decimals) + 0.0  # + 0.0: never -0.0


@dataclass(frozen=True)
class TableCell:
    """One source in one column.

    Attributes:
        scores: One per finished seed; None where the score is undefined.
        rank: 1 for the best of the column, 2 for the second best, 0 for all others.
        estimate: Its 95 % interval and what it is made from; None where that cannot be said.
    """

    seed_scores: tuple[float | None, ...]
    rank: int = 0
    estimate: Estimate | None = None

    @property
    def defined_scores(self) -> list[float]:
        """The scores that are numbers."""
        return [score for score in self.seed_scores if score is not None]

    @property
    def mean(self) -> float | None:
        """Over the seeds."""
        return statistics.fmean(self.defined_scores) if self.defined_scores else None

    @property
    def standard_deviation(self) -> float | None:
        """Sample standard deviation over the seeds (n - 1); None for fewer than two."""
        return statistics.stdev(self.defined_scores) if len(self.defined_scores) > 1 else None


@dataclass(frozen=True)
class SourceComparison:
    """A source compared with another one in one column.

    Attributes:
        other: The name of the other source.
        estimate: Of the difference.
        adjusted: Its p-value, adjusted for all comparisons of the table (Holm).
        verdict: One of `statistics.VERDICTS`.
    """

    other_source: str
    estimate: Estimate
    adjusted_p_value: float
    verdict: str


@dataclass(frozen=True)
class TableRow:
    """One source in all columns; no entries if none of its records is there.

    Attributes:
        differences: Mean minus that of the better single sensor, per column, for fused sources;
            empty where that cannot be said. None also where the two means are of other seeds and
            the difference is not tested: it would be one of seeds too.
        comparisons: What is known of how sure each difference is; empty where nothing is.
    """

    source_results: SourceResults
    cells: tuple[TableCell, ...]
    differences: tuple[float | None, ...] = ()
    comparisons: tuple[SourceComparison | None, ...] = ()


@dataclass(frozen=True)
class ScoreTable:
    """A wide table: sources x columns.

    Attributes:
        name: Distinguishes it from the task's other tables; part of a file name.
    """

    task: str
    name: str
    title: str
    headers: tuple[ColumnHeader, ...]
    rows: tuple[TableRow, ...]

    @property
    def has_mean_column(self) -> bool:
        """Whether the last column is the mean of the others."""
        return len(self.headers) > 1 and self.headers[-1].is_mean


def build_table(
    results: TaskResults,
    name: str,
    title: str,
    headings: Sequence[ColumnHeader],
    pick: ScoreSelector,
) -> ScoreTable:
    """The table of one task whose columns are what ``pick`` takes from every record."""
    lines = []
    for row in results.sources:
        scores = [pick(record) for record in row.records]
        lines.append(TableRow(row, tuple(TableCell(found) for found in zip(*scores, strict=True))))
    table = ScoreTable(results.name, name, title, tuple(headings), tuple(lines))
    return _add_differences(_add_ranks(table))


def find_better_single_sensor(table: ScoreTable, column: int) -> TableRow | None:
    """The line of the better single sensor in one column.

    None while any single sensor of the task has no record: the other may turn out better.
    """
    singles = [line for line in table.rows if line.source_results.is_single_sensor]
    if not singles or not all(line.cells for line in singles):
        return None
    scored = [line for line in singles if line.cells[column].mean is not None]
    return find_best_row(scored, table.headers[column], column)


def get_baseline_name(table: ScoreTable) -> str:
    """What fused sources are compared with: the better single sensor, or the only one by name."""
    singles = [
        line.source_results.source_name
        for line in table.rows
        if line.source_results.is_single_sensor
    ]
    return singles[0] if len(singles) == 1 else BETTER_SINGLE_SENSOR


def are_single_sensors_equal(table: ScoreTable, column: int) -> bool:
    """Whether several single sensors have the same score in one column, as printed."""
    means = [
        line.cells[column].mean
        for line in table.rows
        if line.source_results.is_single_sensor and line.cells
    ]
    shown = [table.headers[column].round_score(mean) for mean in means if mean is not None]
    return len(shown) > 1 and len(set(shown)) == 1


def have_different_seeds(line: TableRow, other: TableRow, column: int) -> bool:
    """Whether the means of two sources in one column are means over other seeds."""
    mine, theirs = _get_scored_seeds(line, column), _get_scored_seeds(other, column)
    return bool(mine and theirs) and mine != theirs


def _get_scored_seeds(line: TableRow, column: int) -> set[int | None]:
    """The seeds whose scores are in a mean."""
    pairs = zip(line.source_results.records, line.cells[column].seed_scores, strict=True)
    return {record.seed for record, score in pairs if score is not None}


def find_best_row(lines: Sequence[TableRow], heading: ColumnHeader, column: int) -> TableRow | None:
    """The best of the lines in one column, the first of equals; None if none has a score."""
    sign = 1 if heading.better == "higher" else -1
    return max(
        (line for line in lines if line.cells and line.cells[column].mean is not None),
        key=lambda line: sign * (line.cells[column].mean or 0.0),
        default=None,
    )


def _add_ranks(table: ScoreTable) -> ScoreTable:
    """Best and second best of every column, as shown: equal when they look equal."""
    ranks: list[dict[float, int]] = []
    for column, heading in enumerate(table.headers):
        means = [line.cells[column].mean for line in table.rows if line.cells]
        seen = {heading.round_score(mean) for mean in means if mean is not None}
        order = sorted(seen, reverse=heading.better == "higher")
        ranks.append({order[0]: 1, order[1]: 2} if len(order) > 1 else {})
    return replace(
        table,
        rows=tuple(
            replace(
                line,
                cells=tuple(
                    replace(entry, rank=_get_rank(entry, heading, found))
                    for entry, heading, found in zip(line.cells, table.headers, ranks, strict=False)
                ),
            )
            for line in table.rows
        ),
    )


def _get_rank(entry: TableCell, heading: ColumnHeader, ranks: dict[float, int]) -> int:
    return 0 if entry.mean is None else ranks.get(heading.round_score(entry.mean), 0)


def _add_differences(table: ScoreTable) -> ScoreTable:
    """Every fused source against the better single sensor, column by column."""
    against = [find_better_single_sensor(table, column) for column in range(len(table.headers))]

    def differences(line: TableRow) -> tuple[float | None, ...]:
        if line.source_results.is_single_sensor or not line.cells or not any(against):
            return ()
        found: OptionalScores = []
        for column, other in enumerate(against):
            mine = line.cells[column].mean
            theirs = other.cells[column].mean if other else None
            known = other is not None and not have_different_seeds(line, other, column)
            found.append(
                mine - theirs if known and mine is not None and theirs is not None else None
            )
        return tuple(found)

    lines = tuple(replace(line, differences=differences(line)) for line in table.rows)
    return replace(table, rows=lines)
