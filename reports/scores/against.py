"""Every source against every other: what the tables' differences to a single sensor leave out.

For "is A better than B" of two fusions, or of the two sensors. The p-values are adjusted (Holm)
over all pairs and columns of the table, because any of them may be picked out afterwards.
"""

from itertools import combinations

import pandas as pd

from reports.records.evidence import Evidence
from reports.scores.comparison import Heading, Table
from reports.significance import statistics
from reports.significance.statistics import LEVEL, Estimate, Sample

COLUMNS = ("column", "source", "other", "difference", "low", "high", "p", "p Holm", "verdict")


def pairs(table: Table, evidence: Evidence | None) -> pd.DataFrame | None:
    """One row per column and pair of sources, scaled as in the table; None if none can be judged.

    ``verdict`` is that on ``source``; ``difference`` is ``source`` minus ``other``.
    """
    found: list[tuple[Heading, str, str, Estimate]] = []
    for column, heading in enumerate(table.headings):
        known = _known(table, column, evidence) if evidence else {}
        for (one, mine), (other, theirs) in combinations(known.items(), 2):
            estimate = statistics.difference(mine, theirs)
            if estimate is not None:
                found.append((heading, one, other, estimate))
    if not found:
        return None
    adjusted = statistics.holm([estimate.p for *_, estimate in found])
    rows = [
        (
            heading.title,
            one,
            other,
            *(round(x * heading.scale, 6) for x in (e.value, e.low, e.high)),
            round(e.p, 6),
            round(p, 6),
            _verdict(heading, e, p),
        )
        for (heading, one, other, e), p in zip(found, adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _known(table: Table, column: int, evidence: Evidence) -> dict[str, Sample]:
    quantity = table.headings[column].quantity
    samples = {
        line.row.source: evidence.sample(line.row.source, quantity, line.entries[column].scores)
        for line in table.lines
        if line.entries
    }
    return {source: sample for source, sample in samples.items() if sample is not None}


def _verdict(heading: Heading, estimate: Estimate, adjusted: float) -> str:
    if adjusted >= 1 - LEVEL:
        return statistics.UNSHOWN
    rises = heading.better == "higher"
    return statistics.BETTER if (estimate.value > 0) == rises else statistics.WORSE
