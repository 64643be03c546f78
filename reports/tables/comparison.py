"""Score tables: sources x columns, with ranks and differences to the better single sensor.

Scores stay fractions; a column header has the factor for printing.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fusebench.storage.records import Record
from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import SourceResults, TaskResults
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.rank_sets import RankSet

BETTER_SINGLE_SENSOR = "the better single sensor"
OptionalScores = list[float | None]
ScoreSelector = Callable[[Record], OptionalScores]  # a record's scores, one per column


@dataclass(frozen=True)
class ColumnHeader:
    """Header and number format of one column.

    Attributes:
        title: Printed title.
        scale: Factor for printing: 100 for fractions (points).
        decimals: Printed decimals.
        better: ``higher`` or ``lower``.
        subtitle: Printed below the title, e.g. the unit or the number of images of a condition.
        is_mean: Whether the column is the mean of the others and set apart from them.
        score_key: Key of the score in the bootstrap scores; None without statistics.
        is_repeated: Whether another table has the same column and tests its differences; a
            second verdict, adjusted for other comparisons, could differ.
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
        """Scale and round a score as printed; scores with equal results count as equal."""
        return round(score * self.scale, self.decimals) + 0.0  # + 0.0: never -0.0


@dataclass(frozen=True)
class TableCell:
    """One source in one column.

    Attributes:
        seed_scores: One per finished seed; None where the score is undefined.
        rank: 1 for the best of the column, 2 for the second best, 0 for all others.
        estimate: 95 % interval and variance components; None without statistics.
        rank_set: Rank of the source in the column with its uncertainty; None without tests.
    """

    seed_scores: tuple[float | None, ...]
    rank: int = 0
    estimate: Estimate | None = None
    rank_set: RankSet | None = None

    @property
    def defined_scores(self) -> list[float]:
        """Scores of the seeds in which it is defined."""
        return [score for score in self.seed_scores if score is not None]

    @property
    def mean(self) -> float | None:
        """Mean over the seeds; None if undefined in all."""
        return statistics.fmean(self.defined_scores) if self.defined_scores else None

    @property
    def standard_deviation(self) -> float | None:
        """Sample standard deviation over the seeds (n - 1); None for fewer than two."""
        return statistics.stdev(self.defined_scores) if len(self.defined_scores) > 1 else None


@dataclass(frozen=True)
class SourceComparison:
    """Test of a source against another in one column.

    Attributes:
        other_source: Name of the other source.
        estimate: Estimate of the difference.
        adjusted_p_value: p-value, adjusted for all comparisons of the table (Holm).
        verdict: One of `confidence_intervals.VERDICTS`.
    """

    other_source: str
    estimate: Estimate
    adjusted_p_value: float
    verdict: str


@dataclass(frozen=True)
class TableRow:
    """One source in all columns.

    Attributes:
        source_results: Results of the source.
        cells: One per column; empty if the source has no record.
        differences: Per column the mean minus that of the better single sensor, for fused sources;
            empty where there is none. None also where the two means are over different seeds and
            the difference is not tested: it would include a difference of seeds.
        comparisons: Test of each difference; empty without tests.
    """

    source_results: SourceResults
    cells: tuple[TableCell, ...]
    differences: tuple[float | None, ...] = ()
    comparisons: tuple[SourceComparison | None, ...] = ()


@dataclass(frozen=True)
class ScoreTable:
    """A table of scores: sources x columns.

    Attributes:
        task: Name of the task.
        name: Unique among the task's tables; part of a file name.
        title: Printed title.
        headers: One per column.
        rows: One per source.
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

    @property
    def has_ranking_column(self) -> bool:
        """Whether the last column orders the sources: it is the mean of the others, or alone."""
        return self.has_mean_column or len(self.headers) == 1


def build_table(
    results: TaskResults,
    name: str,
    title: str,
    headers: Sequence[ColumnHeader],
    select_scores: ScoreSelector,
) -> ScoreTable:
    """Build a table of one task from the scores that ``select_scores`` returns per record."""
    rows = []
    for source in results.sources:
        by_seed = [select_scores(record) for record in source.records]
        cells = tuple(TableCell(seed_scores) for seed_scores in zip(*by_seed, strict=True))
        rows.append(TableRow(source, cells))
    table = ScoreTable(results.name, name, title, tuple(headers), tuple(rows))
    return _add_differences(_add_ranks(table))


def find_better_single_sensor(table: ScoreTable, column: int) -> TableRow | None:
    """Find the row of the better single sensor in one column.

    None while a single sensor of the task has no record: it may turn out better.
    """
    singles = [row for row in table.rows if row.source_results.is_single_sensor]
    if not singles or not all(row.cells for row in singles):
        return None
    scored = [row for row in singles if row.cells[column].mean is not None]
    return find_best_row(scored, table.headers[column], column)


def get_baseline_name(table: ScoreTable) -> str:
    """Return what fused sources are compared with: the better single sensor, or the only one."""
    singles = [
        row.source_results.source_name for row in table.rows if row.source_results.is_single_sensor
    ]
    return singles[0] if len(singles) == 1 else BETTER_SINGLE_SENSOR


def are_single_sensors_equal(table: ScoreTable, column: int) -> bool:
    """Return whether several single sensors have the same printed score in one column."""
    means = [
        row.cells[column].mean
        for row in table.rows
        if row.source_results.is_single_sensor and row.cells
    ]
    rounded = [table.headers[column].round_score(mean) for mean in means if mean is not None]
    return len(rounded) > 1 and len(set(rounded)) == 1


def have_different_seeds(first: TableRow, second: TableRow, column: int) -> bool:
    """Return whether the means of two sources in one column are over different seeds."""
    first_seeds, second_seeds = _get_scored_seeds(first, column), _get_scored_seeds(second, column)
    return bool(first_seeds and second_seeds) and first_seeds != second_seeds


def _get_scored_seeds(row: TableRow, column: int) -> set[int | None]:
    """Return the seeds with a defined score in a column."""
    pairs = zip(row.source_results.records, row.cells[column].seed_scores, strict=True)
    return {record.seed for record, score in pairs if score is not None}


def find_best_row(rows: Sequence[TableRow], header: ColumnHeader, column: int) -> TableRow | None:
    """Find the row with the best mean in one column, the first of equals; None without any."""
    sign = 1 if header.better == "higher" else -1
    return max(
        (row for row in rows if row.cells and row.cells[column].mean is not None),
        key=lambda row: sign * (row.cells[column].mean or 0.0),
        default=None,
    )


def _add_ranks(table: ScoreTable) -> ScoreTable:
    """Rank the best and second best of every column; equal as printed is equal."""
    ranks: list[dict[float, int]] = []  # per column: printed score to rank
    for column, header in enumerate(table.headers):
        means = [row.cells[column].mean for row in table.rows if row.cells]
        rounded = {header.round_score(mean) for mean in means if mean is not None}
        order = sorted(rounded, reverse=header.better == "higher")
        ranks.append({order[0]: 1, order[1]: 2} if len(order) > 1 else {})

    def rank_cells(row: TableRow) -> tuple[TableCell, ...]:
        return tuple(
            replace(cell, rank=_get_rank(cell, header, column_ranks))
            for cell, header, column_ranks in zip(row.cells, table.headers, ranks, strict=False)
        )

    return replace(table, rows=tuple(replace(row, cells=rank_cells(row)) for row in table.rows))


def _get_rank(cell: TableCell, header: ColumnHeader, ranks: dict[float, int]) -> int:
    return 0 if cell.mean is None else ranks.get(header.round_score(cell.mean), 0)


def _add_differences(table: ScoreTable) -> ScoreTable:
    """Subtract the better single sensor from every fused source, column by column."""
    baselines = [find_better_single_sensor(table, column) for column in range(len(table.headers))]

    def subtract_baselines(row: TableRow) -> tuple[float | None, ...]:
        if row.source_results.is_single_sensor or not row.cells or not any(baselines):
            return ()
        differences: OptionalScores = []
        for column, baseline in enumerate(baselines):
            mean = row.cells[column].mean
            baseline_mean = baseline.cells[column].mean if baseline else None
            is_comparable = baseline is not None and not have_different_seeds(row, baseline, column)
            differences.append(
                mean - baseline_mean
                if is_comparable and mean is not None and baseline_mean is not None
                else None
            )
        return tuple(differences)

    rows = tuple(replace(row, differences=subtract_baselines(row)) for row in table.rows)
    return replace(table, rows=rows)
