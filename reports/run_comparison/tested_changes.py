"""Significance tests of the differences between two stores, source by source.

Differences are tested on the same test images and the seeds that both stores have: AP and IoU by
bootstrap (`ap_iou_changes`), fusion metrics by a paired test over images (`paired_mean_test`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.run_comparison import ap_iou_changes, paired_mean_test
from reports.run_comparison.matched_records import (
    RunKey,
    StoredRun,
    average_per_image_scores,
    find_differing_scores,
    read_sequences,
)
from reports.statistics import confidence_intervals
from reports.tables.number_format import MINUS

BOOTSTRAP_TEST = "bootstrap and seeds"
PAIRED_MEAN_TEST = "t by sequence"


@dataclass(frozen=True)
class ChangeTestResult:
    """Test of one difference of a source, B minus A; fractions as in the records.

    Attributes:
        source: Name of the source.
        class_name: None for the mean.
        metric: Name of the metric.
        score_a: Score in A over the seeds and images of the test.
        score_b: Score in B.
        interval: Ends of the 95 % interval; None with too little data.
        p_value: Two-sided.
        adjusted_p_value: Adjusted (Holm) for all bootstrap tests of the task; None for others.
        verdict: Whether a difference is shown; empty without an interval.
        test_name: Name of the test.
        description: Summary of the test in one line.
    """

    source: str
    class_name: str | None
    metric: str
    score_a: float
    score_b: float
    interval: tuple[float, float] | None
    p_value: float | None
    adjusted_p_value: float | None
    verdict: str
    test_name: str
    description: str


def run_change_tests(
    matched_runs: Sequence[tuple[RunKey, StoredRun, StoredRun]],
) -> tuple[list[ChangeTestResult], list[str]]:
    """Test the differences of one task.

    Args:
        matched_runs: Key and run in A and B, sorted by source.

    Returns:
        The test results, and for each untested source the reason.
    """
    results: list[ChangeTestResult] = []
    untested: list[str] = []
    changes: list[ap_iou_changes.ScoreChange] = []
    for source, group in groupby(matched_runs, key=lambda match: match[0].source):
        pairs = [(run_a, run_b) for _, run_a, run_b in group]
        runs_a, runs_b = [a for a, _ in pairs], [b for _, b in pairs]
        if not runs_a[0].has_same_images(runs_b[0]):
            untested.append(f"{source}: different test images in A and B, not tested")
        elif runs_a[0].record.kind == "quality":
            results += _run_paired_mean_tests(source, runs_a, runs_b)
        elif ap_iou_changes.have_bootstrap_inputs([*runs_a, *runs_b]):
            changes += ap_iou_changes.find_score_changes(source, runs_a, runs_b)
        elif any(any(True for _ in find_differing_scores(a.record, b.record)) for a, b in pairs):
            untested.append(f"{source}: no saved matches or counts in A and B, not tested")
    return [*results, *_build_bootstrap_results(changes)], untested


def _build_bootstrap_results(
    changes: Sequence[ap_iou_changes.ScoreChange],
) -> Iterator[ChangeTestResult]:
    """Adjust the p-values of all changes of the task; yield their results."""
    adjusted = confidence_intervals.adjust_p_values([change.estimate.p_value for change in changes])
    for change, adjusted_p_value in zip(changes, adjusted, strict=True):
        estimate = change.estimate
        yield ChangeTestResult(
            source=change.source,
            class_name=change.class_name,
            metric=change.metric,
            score_a=change.score_a,
            score_b=change.score_b,
            interval=(estimate.low, estimate.high),
            p_value=estimate.p_value,
            adjusted_p_value=adjusted_p_value,
            verdict=ap_iou_changes.decide_verdict(adjusted_p_value),
            test_name=BOOTSTRAP_TEST,
            description=ap_iou_changes.describe_change(change, adjusted_p_value),
        )


def _run_paired_mean_tests(
    source: str, runs_a: Sequence[StoredRun], runs_b: Sequence[StoredRun]
) -> Iterator[ChangeTestResult]:
    """Test every fusion metric that differs."""
    by_metric_a, by_metric_b = average_per_image_scores(runs_a), average_per_image_scores(runs_b)
    for metric, scores_a in by_metric_a.items():
        scores_b = by_metric_b.get(metric, {})
        if scores_a == scores_b:
            continue
        difference = paired_mean_test.compare_means(scores_a, scores_b, read_sequences(runs_b[0]))
        if difference is None:
            continue
        yield ChangeTestResult(
            source=source,
            class_name=None,
            metric=metric,
            score_a=difference.first_mean,
            score_b=difference.first_mean + difference.mean_difference,
            interval=difference.interval,
            p_value=difference.p_value,
            adjusted_p_value=None,
            verdict=_decide_verdict(difference),
            test_name=PAIRED_MEAN_TEST,
            description=f"{source}, {metric}: {_describe_difference(difference)}",
        )


def _decide_verdict(difference: paired_mean_test.PairedDifference) -> str:
    if difference.interval is None:
        return ""
    low, high = difference.interval
    is_shown = low > 0 or high < 0
    if is_shown:
        return ap_iou_changes.DIFFERENCE_SHOWN
    return confidence_intervals.NO_DIFFERENCE_SHOWN


def _describe_difference(difference: paired_mean_test.PairedDifference) -> str:
    text = (
        f"B - A {format_signed_number(difference.mean_difference, 4)} on "
        f"{difference.image_count} images in {difference.group_count} sequences"
    )
    if difference.interval is None:
        return f"{text}, too few sequences for an interval"
    low, high = (format_signed_number(end, 4) for end in difference.interval)
    text += f", 95 % interval {low} to {high}"
    p_value = difference.p_value
    if p_value is not None:
        text += f", p = {p_value:.3f}" if p_value >= 0.001 else ", p < 0.001"
    return f"{text}: {_decide_verdict(difference)}"


def format_signed_number(value: float, decimals: int) -> str:
    """Format a number with its sign, e.g. ``+0.5000``."""
    return f"{value:+.{decimals}f}".replace("-", MINUS)
