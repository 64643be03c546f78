"""Every source against every other: what the tables' differences to a single sensor leave out.

For "is A better than B" of two fusions, or of the two sensors. The p-values are adjusted (Holm)
over all pairs and columns of the table, because any of them may be picked out afterwards.
"""

from itertools import combinations

import pandas as pd

from reports.results.bootstrap_scores import TaskBootstrap
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate, ScoreSample
from reports.tables.comparison import ColumnHeader, ScoreTable

COLUMNS = ("column", "source", "other", "difference", "low", "high", "p", "p Holm", "verdict")


def build_dataframe(table: ScoreTable, evidence: TaskBootstrap | None) -> pd.DataFrame | None:
    """One row per column and pair of sources, scaled as in the table; None if none can be judged.

    ``verdict`` is that on ``source``; ``difference`` is ``source`` minus ``other``.
    """
    found: list[tuple[ColumnHeader, str, str, Estimate]] = []
    for column, heading in enumerate(table.headers):
        known = _collect_samples(table, column, evidence) if evidence else {}
        for (one, mine), (other, theirs) in combinations(known.items(), 2):
            estimate = confidence_intervals.estimate_difference(mine, theirs)
            if estimate is not None:
                found.append((heading, one, other, estimate))
    if not found:
        return None
    adjusted = confidence_intervals.adjust_p_values([estimate.p_value for *_, estimate in found])
    rows = [
        (
            heading.title,
            one,
            other,
            *(round(x * heading.scale, 6) for x in (e.value, e.low, e.high)),
            round(e.p_value, 6),
            round(p, 6),
            _decide_verdict(heading, e, p),
        )
        for (heading, one, other, e), p in zip(found, adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _collect_samples(
    table: ScoreTable, column: int, evidence: TaskBootstrap
) -> dict[str, ScoreSample]:
    quantity = table.headers[column].score_key
    samples = {
        line.source_results.source_name: evidence.build_sample(
            line.source_results.source_name, quantity, line.cells[column].seed_scores
        )
        for line in table.rows
        if line.cells
    }
    return {source: sample for source, sample in samples.items() if sample is not None}


def _decide_verdict(heading: ColumnHeader, estimate: Estimate, adjusted: float) -> str:
    if adjusted >= 1 - CONFIDENCE_LEVEL:
        return confidence_intervals.NO_DIFFERENCE_SHOWN
    rises = heading.better == "higher"
    return (
        confidence_intervals.BETTER if (estimate.value > 0) == rises else confidence_intervals.WORSE
    )
