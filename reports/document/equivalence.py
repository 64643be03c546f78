"""Equivalence of the sources of a task: tests of differences against a margin, with verdicts.

Compared are all pairs of sources, or each source with the reference that the task names, in the
means of the task's equivalence metrics. The verdicts exclude each other:

    better, worse                             a difference is shown, and may be the margin or more
    better, worse by less than the margin     a difference is shown, and that it is smaller
    equivalent within the margin              only that it is smaller is shown
    undecided                                 neither is shown

A difference that another table of the report tests keeps the p-value of that table. All others, and
all equivalences, are adjusted (Holm) over the comparisons of the task, separately: the probability
of any false "better" or "worse" is at most 5 %, and so is that of any false equivalence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import harmonic_mean

from reports.document.adjusted_p_values import (
    AdjustedPValue,
    adjust_p_values,
    collect_tested_p_values,
)
from reports.results.bootstrap_scores import ScoreKey, TaskBootstrap
from reports.results.task_results import SourceResults, TaskResults
from reports.statistics import confidence_intervals, equivalence
from reports.statistics.confidence_intervals import BETTER, WORSE, Estimate, ScoreSample
from reports.statistics.equivalence import SIGNIFICANCE_LEVEL, EquivalenceTest, RequiredSizes
from reports.statistics.power import SampleSizes
from reports.tables import builders
from reports.tables.comparison import ColumnHeader

UNDECIDED, NOT_TESTED = "undecided", "not tested"
POINTS = 100  # per score of 1
DECIMALS = 2  # of points: an interval must not end at the margin because it is rounded


@dataclass(frozen=True)
class EquivalenceComparison:
    """Comparison of a source with another in one mean over classes.

    Attributes:
        source: Name of the source.
        other: Name of the other source, whose score is subtracted.
        header: Header and number format of the score.
        estimate: Estimate of the difference; None if it cannot be tested.
        test: Test of the equivalence.
        difference_p_value: Adjusted p-value of the difference.
        equivalence_p_value: Adjusted p-value of the equivalence.
        verdict: On the source; see the module docstring.
        sizes: Measured sample sizes.
        required: Sample sizes that would show the equivalence; None where a verdict is shown.
        reasons: Why something is undefined, as sentences.
    """

    source: str
    other: str
    header: ColumnHeader
    estimate: Estimate | None = None
    test: EquivalenceTest | None = None
    difference_p_value: float = 1.0
    equivalence_p_value: float = 1.0
    verdict: str = NOT_TESTED
    sizes: SampleSizes | None = None
    required: RequiredSizes | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_equivalent(self) -> bool:
        """Whether it is shown that the difference is smaller than the margin."""
        return self.estimate is not None and self.equivalence_p_value < SIGNIFICANCE_LEVEL

    @property
    def is_different(self) -> bool:
        """Whether a difference is shown."""
        return self.estimate is not None and self.difference_p_value < SIGNIFICANCE_LEVEL


def compare_sources(results: TaskResults) -> list[EquivalenceComparison]:
    """Compare the sources of a task; none without bootstrap scores or without a second source."""
    if results.bootstrap is None:
        return []
    comparisons, tested_elsewhere = [], []
    for metric in results.equivalence_metrics:
        known = collect_tested_p_values(results, metric)
        for source, other in _list_pairs(results):
            comparison = _estimate(results, results.bootstrap, metric, source, other)
            comparisons.append(comparison)
            tested_elsewhere.append(known.get(frozenset((source.source_name, other.source_name))))
    return _add_verdicts(results, comparisons, tested_elsewhere)


def _list_pairs(results: TaskResults) -> Iterator[tuple[SourceResults, SourceResults]]:
    """Yield the pairs to compare; without a reference, the later source of the task first."""
    options = results.equivalence
    sources = [
        source
        for source in results.sources
        if not options.sources or source.source_name in (*options.sources, options.reference)
    ]
    for first, second in combinations(sources, 2):
        if options.reference == second.source_name:
            yield first, second
        elif options.reference in (None, first.source_name):
            yield second, first


def _estimate(
    results: TaskResults,
    bootstrap: TaskBootstrap,
    metric: str,
    source: SourceResults,
    other: SourceResults,
) -> EquivalenceComparison:
    """Estimate the difference of two sources and test their equivalence, without adjustment."""
    header = builders.build_header(results.columns[metric], decimals=DECIMALS)
    comparison = EquivalenceComparison(source.source_name, other.source_name, header)
    unfinished = [each.source_name for each in (source, other) if not each.records]
    if unfinished:
        return replace(comparison, reasons=(f"no finished run of {' and '.join(unfinished)}",))
    samples = [_build_sample(bootstrap, metric, each) for each in (source, other)]
    if samples[0] is None or samples[1] is None:
        return replace(comparison, reasons=("the score is undefined, or has no resamples",))
    estimate = confidence_intervals.estimate_difference(samples[0], samples[1])
    if estimate is None:
        reason = "the score is undefined in too many resamples, or all true labels are in one unit"
        return replace(comparison, reasons=(reason,))
    first = bootstrap.first_scores
    assert first is not None  # the samples are from it
    seeds = harmonic_mean([len(source.records), len(other.records)])
    return replace(
        comparison,
        estimate=estimate,
        test=equivalence.run_equivalence_test(estimate, results.equivalence.margin / POINTS),
        sizes=SampleSizes(first.unit_count, first.image_count, seeds),
    )


def _build_sample(
    bootstrap: TaskBootstrap, metric: str, source: SourceResults
) -> ScoreSample | None:
    scores = [record.values.get(metric) for record in source.records]
    return bootstrap.build_sample(source.source_name, ScoreKey(None, None, metric), scores)


def _add_verdicts(
    results: TaskResults,
    comparisons: Sequence[EquivalenceComparison],
    tested_elsewhere: Sequence[AdjustedPValue | None],
) -> list[EquivalenceComparison]:
    """Adjust the p-values, decide the verdicts, and find the sample sizes of undecided pairs."""
    differences = adjust_p_values(
        {
            i: comparison.estimate.p_value
            for i, comparison in enumerate(comparisons)
            if comparison.estimate and tested_elsewhere[i] is None
        }
    )
    differences |= {i: tested for i, tested in enumerate(tested_elsewhere) if tested is not None}
    equivalences = adjust_p_values(
        {i: comparison.test.p_value for i, comparison in enumerate(comparisons) if comparison.test}
    )
    decided = []
    for i, comparison in enumerate(comparisons):
        if comparison.estimate is None:
            decided.append(comparison)
            continue
        adjusted = replace(
            comparison,
            difference_p_value=differences[i].value,
            equivalence_p_value=equivalences[i].value,
        )
        adjusted = replace(adjusted, verdict=_decide_verdict(results, adjusted))
        if adjusted.verdict == UNDECIDED:
            adjusted = _add_required_sizes(
                results, adjusted, differences[i].strictest_level, equivalences[i].strictest_level
            )
        decided.append(adjusted)
    return decided


def _decide_verdict(results: TaskResults, comparison: EquivalenceComparison) -> str:
    assert comparison.estimate is not None
    if not comparison.is_different:
        is_equivalent = comparison.is_equivalent
        return (
            f"equivalent within {results.equivalence_margin_text}" if is_equivalent else UNDECIDED
        )
    is_better = (comparison.estimate.value > 0) == (comparison.header.better == "higher")
    verdict = BETTER if is_better else WORSE
    return (
        f"{verdict} by less than {results.equivalence_margin_text}"
        if comparison.is_equivalent
        else verdict
    )


def _add_required_sizes(
    results: TaskResults,
    comparison: EquivalenceComparison,
    difference_level: float,
    equivalence_level: float,
) -> EquivalenceComparison:
    """Add the sample sizes that would decide a comparison, with reasons where there are none."""
    assert comparison.estimate is not None
    assert comparison.sizes is not None
    required = equivalence.find_required_sizes(
        comparison.estimate,
        comparison.sizes,
        margin=results.equivalence.margin / POINTS,
        difference_level=difference_level,
        equivalence_level=equivalence_level,
    )
    reasons = []
    if required.groups is None and comparison.estimate.seed_variance:
        reasons.append("the variance over seeds alone is too large for any number of units")
    elif required.groups is None:
        reasons.append("the difference is too close to the margin for any number of units")
    if comparison.estimate.seed_variance is None:
        reasons.append(_explain_missing_seeds(results))
    elif required.seeds is None:
        reasons.append("the variance over images alone is too large for any number of seeds")
    return replace(comparison, required=required, reasons=tuple(reasons))


def _explain_missing_seeds(results: TaskResults) -> str:
    if all(source.planned_seeds == (None,) for source in results.sources):
        return "nothing is trained, so that there are no seeds"
    return "one seed, so that the variance over seeds is not known"
