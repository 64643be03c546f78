"""Ranks of the sources of a table with their uncertainty, from paired tests of all pairs.

The family of tests is one column: every pair of its sources. Its rank sets hold the true ranks of
all of its sources with a probability of at least 95 %, see `reports.statistics.rank_sets`. A pair
whose difference is tested in the table itself, with "no difference shown", is not told apart by the
ranks either: the page never shows a difference here that it denies there. `rank_text` has their
text, `rank_csv` their CSV file.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fusebench.storage.records import Column
from reports.results.bootstrap_scores import ScoreKey, TaskBootstrap
from reports.statistics import confidence_intervals, rank_sets
from reports.statistics.confidence_intervals import NO_DIFFERENCE_SHOWN, ScoreSample
from reports.statistics.rank_sets import RankSet
from reports.tables.comparison import ScoreTable

MIN_SOURCES = 2
SIGNIFICANCE_LEVEL = 1 - confidence_intervals.CONFIDENCE_LEVEL


def add_rank_sets(table: ScoreTable, samples: Sequence[Sequence[ScoreSample | None]]) -> ScoreTable:
    """Add the rank set of every source in every column that this table tests.

    Args:
        table: A table with its comparisons.
        samples: Per row, one sample per column; empty for a source without a record.
    """
    by_column = [
        [] if header.is_repeated else _compute_rank_sets(table, column, samples)
        for column, header in enumerate(table.headers)
    ]
    rows = []
    for i, row in enumerate(table.rows):
        cells = [
            replace(cell, rank_set=column_sets[i] if column_sets else None)
            for cell, column_sets in zip(row.cells, by_column, strict=False)
        ]
        rows.append(replace(row, cells=tuple(cells)))
    return replace(table, rows=tuple(rows))


def add_untested_rank_sets(table: ScoreTable, bootstrap: TaskBootstrap) -> ScoreTable:
    """Add rank sets to a table whose differences are not tested, as one of fusion metrics."""
    samples = [
        [
            bootstrap.build_sample(
                row.source_results.source_name, header.score_key, cell.seed_scores
            )
            for header, cell in zip(table.headers, row.cells, strict=False)
        ]
        for row in table.rows
    ]
    return add_rank_sets(table, samples)


def add_mean_rank_sets(
    table: ScoreTable, columns: Sequence[tuple[str, Column]], bootstrap: TaskBootstrap
) -> ScoreTable:
    """Add rank sets to the mean rank, the last column of a table of ranks by several metrics.

    The pairs of all metrics are tested together (Holm). The ranks of all metrics are then in their
    sets at once, and each mean rank is between the mean of the lower and that of the upper ends.
    Sources are told apart if these intervals have no common point: conservative, but a resample
    cannot tell how certain a mean rank is, because equal sources exchange their ranks in it.

    Args:
        table: One column per metric, and the mean rank.
        columns: Name and column of each metric.
        bootstrap: Means of the metrics on resamples.
    """
    places = [i for i, row in enumerate(table.rows) if row.cells and row.cells[-1].mean is not None]
    samples = [
        [
            bootstrap.build_sample(source.source_name, ScoreKey(None, None, metric), [value])
            for i in places
            for source in [table.rows[i].source_results]
            for value in [source.records[0].values.get(metric)]
        ]
        for metric, _ in columns
    ]
    if len(places) < MIN_SOURCES or not all(all(by_source) for by_source in samples):
        return table
    ends = _compute_joint_rank_ends(
        [[sample for sample in by_source if sample] for by_source in samples],
        [column.better for _, column in columns],
    )
    lows, highs = ends.mean(axis=0)
    is_apart = (highs[:, None] < lows[None, :]) | (highs[None, :] < lows[:, None])
    gains = [-(table.rows[i].cells[-1].mean or 0.0) for i in places]
    sets = dict(zip(places, rank_sets.compute_rank_sets(gains, is_apart), strict=True))
    rows = [
        replace(row, cells=(*row.cells[:-1], replace(row.cells[-1], rank_set=sets.get(i))))
        if row.cells
        else row
        for i, row in enumerate(table.rows)
    ]
    return replace(table, rows=tuple(rows))


def _compute_joint_rank_ends(
    samples: Sequence[Sequence[ScoreSample]], directions: Sequence[str]
) -> NDArray[np.float64]:
    """Compute both ends of the rank of every source in every metric, all adjusted together.

    Returns:
        float64 (M, 2, n).
    """
    tests = [rank_sets.compute_pairwise_p_values(by_source) for by_source in samples]
    count = len(samples[0])
    p_values = np.stack([np.ones((count, count)) if test is None else test for test in tests])
    upper = np.triu_indices(count, 1)
    adjusted = confidence_intervals.adjust_p_values(
        p_values[:, upper[0], upper[1]].ravel().tolist()
    )
    is_significant = np.array(adjusted).reshape(len(samples), -1) < SIGNIFICANCE_LEVEL
    ends = []
    for by_source, is_shown, better in zip(samples, is_significant, directions, strict=True):
        is_different = np.zeros((count, count), np.bool_)
        is_different[upper] = is_shown
        sign = 1.0 if better == "higher" else -1.0
        gains = [sign * float(sample.seed_scores.mean()) for sample in by_source]
        sets = rank_sets.compute_rank_sets(gains, is_different | is_different.T)
        ends.append([[s.low for s in sets], [s.high for s in sets]])
    return np.array(ends, np.float64).reshape(len(samples), 2, count)


def copy_repeated_ranks(tables: Sequence[ScoreTable]) -> list[ScoreTable]:
    """Copy the rank sets of columns that are tested in another one of the tables.

    Both show the same ranks: a test for other comparisons could tell other sources apart.
    """
    tested: dict[ScoreKey, dict[str, RankSet | None]] = {}
    for table in tables:
        for column, header in enumerate(table.headers):
            if header.score_key is not None and not header.is_repeated:
                rank_sets_by_source = {
                    row.source_results.source_name: row.cells[column].rank_set
                    for row in table.rows
                    if row.cells
                }
                if any(rank_sets_by_source.values()):
                    tested.setdefault(header.score_key, rank_sets_by_source)
    return [_copy_into_repeated_columns(table, tested) for table in tables]


def list_ranked_columns(table: ScoreTable) -> list[int]:
    """List the columns in which a source has a rank set."""
    return [
        column
        for column in range(len(table.headers))
        if any(row.cells[column].rank_set for row in table.rows if row.cells)
    ]


def _copy_into_repeated_columns(
    table: ScoreTable, tested: dict[ScoreKey, dict[str, RankSet | None]]
) -> ScoreTable:
    if not any(header.is_repeated for header in table.headers):
        return table
    rows = []
    for row in table.rows:
        source = row.source_results.source_name
        cells = [
            replace(cell, rank_set=tested.get(header.score_key, {}).get(source))
            if header.is_repeated and header.score_key
            else cell
            for cell, header in zip(row.cells, table.headers, strict=False)
        ]
        rows.append(replace(row, cells=tuple(cells)))
    return replace(table, rows=tuple(rows))


def _compute_rank_sets(
    table: ScoreTable, column: int, samples: Sequence[Sequence[ScoreSample | None]]
) -> list[RankSet | None]:
    """Compute the rank sets of one column per row; empty if no pair can be tested."""
    places = [i for i, row_samples in enumerate(samples) if row_samples and row_samples[column]]
    chosen = [sample for i in places if (sample := samples[i][column]) is not None]
    places = [i for i, sample in zip(places, chosen, strict=True) if sample.is_defined]
    chosen = [sample for sample in chosen if sample.is_defined]
    if len(chosen) < MIN_SOURCES:
        return []
    p_values = rank_sets.compute_pairwise_p_values(chosen)
    if p_values is None:
        return []
    is_different = rank_sets.adjust_all_pairs(p_values) < SIGNIFICANCE_LEVEL
    is_different &= ~_find_denied_differences(table, column, places)
    sign = 1.0 if table.headers[column].better == "higher" else -1.0
    gains = [sign * float(sample.seed_scores.mean()) for sample in chosen]
    sets: list[RankSet | None] = [None] * len(table.rows)
    for i, rank_set in zip(places, rank_sets.compute_rank_sets(gains, is_different), strict=True):
        sets[i] = rank_set
    return sets


def _find_denied_differences(
    table: ScoreTable, column: int, places: Sequence[int]
) -> NDArray[np.bool_]:
    """Return which pairs (n, n) the table tests itself without showing a difference."""
    names = [table.rows[i].source_results.source_name for i in places]
    is_denied = np.zeros((len(places), len(places)), np.bool_)
    for i, place in enumerate(places):
        row = table.rows[place]
        comparison = row.comparisons[column] if row.comparisons else None
        if comparison and comparison.verdict == NO_DIFFERENCE_SHOWN:
            j = names.index(comparison.other_source)
            is_denied[i, j] = is_denied[j, i] = True
    return is_denied
