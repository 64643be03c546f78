"""p-values after Holm's adjustment: of comparisons of a task, and of those that a table tests."""

from collections.abc import Mapping
from typing import NamedTuple

from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import TaskResults
from reports.statistics import confidence_intervals
from reports.statistics.equivalence import SIGNIFICANCE_LEVEL
from reports.tables import builders


class AdjustedPValue(NamedTuple):
    """A p-value after Holm's adjustment.

    Attributes:
        value: The adjusted p-value.
        comparison_count: For how many comparisons it is adjusted.
    """

    value: float
    comparison_count: int

    @property
    def strictest_level(self) -> float:
        """Holm's first level; the ones after it depend on the other comparisons."""
        return SIGNIFICANCE_LEVEL / self.comparison_count


def adjust_p_values(p_values: Mapping[int, float]) -> dict[int, AdjustedPValue]:
    """Adjust p-values for their number; the keys are kept."""
    adjusted = confidence_intervals.adjust_p_values([*p_values.values()])
    return {
        i: AdjustedPValue(value, len(p_values)) for i, value in zip(p_values, adjusted, strict=True)
    }


def collect_tested_p_values(
    results: TaskResults, metric: str
) -> dict[frozenset[str], AdjustedPValue]:
    """Collect the adjusted p-values of the differences that a table of the report tests."""
    family = results.columns[metric].family
    if results.classes and not family:
        table = builders.build_class_table(results, metric)
    else:
        table = builders.build_means_table(results, family)
    score_key = ScoreKey(None, None, metric)
    column = next(i for i, header in enumerate(table.headers) if header.score_key == score_key)
    count = sum(comparison is not None for row in table.rows for comparison in row.comparisons)
    return {
        frozenset((row.source_results.source_name, comparison.other_source)): AdjustedPValue(
            comparison.adjusted_p_value, count
        )
        for row in table.rows
        if row.comparisons and (comparison := row.comparisons[column]) is not None
    }
