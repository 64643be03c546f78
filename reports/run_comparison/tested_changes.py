"""What the differences of two stores are worth, source by source, where the images are the same.

AP and IoU are tested by resampling (`reports.run_comparison.ap_iou_changes`), fusion metrics by image
(`reports.run_comparison.paired_mean_test`); over the seeds that both stores have.
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
    """One difference of a source, B minus A; fractions as in the records.

    Attributes:
        name: Class; None for the mean.
        a: The score in A, over the seeds and images of the test.
        b: The same in B.
        interval: Both ends at 95 %; None where there is too little for one.
        p: Two-sided.
        adjusted: p adjusted (Holm) for all resampled differences of the task; None for others.
        how: Which test.
        said: All of it in words.
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
    pairs: Sequence[tuple[RunKey, StoredRun, StoredRun]],
) -> tuple[list[ChangeTestResult], list[str]]:
    """Every tested difference of one task, and why others were not tested."""
    found: list[ChangeTestResult] = []
    untested: list[str] = []
    changed: list[ap_iou_changes.ScoreChange] = []
    for source, same in groupby(pairs, key=lambda pair: pair[0].source):
        runs = list(same)
        _, a, b = runs[0]
        first, second = [one for _, one, _ in runs], [one for *_, one in runs]
        if not a.has_same_images(b):
            untested.append(f"{source}: other test images in A and B, not tested")
        elif a.record.kind == "quality":
            found += _run_paired_mean_tests(source, first, second)
        elif ap_iou_changes.have_bootstrap_inputs([*first, *second]):
            changed += ap_iou_changes.find_score_changes(source, first, second)
        elif any(list(find_differing_scores(one.record, other.record)) for _, one, other in runs):
            untested.append(f"{source}: no saved matches or counts in A and B, not tested")
    return [*found, *_build_bootstrap_results(changed)], untested


def _build_bootstrap_results(
    changed: Sequence[ap_iou_changes.ScoreChange],
) -> Iterator[ChangeTestResult]:
    adjusted = confidence_intervals.adjust_p_values([change.estimate.p_value for change in changed])
    for change, p in zip(changed, adjusted, strict=True):
        estimate = change.estimate
        yield ChangeTestResult(
            source=change.source,
            class_name=change.class_name,
            metric=change.metric,
            score_a=change.score_a,
            score_b=change.score_b,
            interval=(estimate.low, estimate.high),
            p_value=estimate.p_value,
            adjusted_p_value=p,
            verdict=ap_iou_changes.decide_verdict(p),
            test_name=BOOTSTRAP_TEST,
            description=ap_iou_changes.describe_change(change, p),
        )


def _run_paired_mean_tests(
    source: str, a: Sequence[StoredRun], b: Sequence[StoredRun]
) -> Iterator[ChangeTestResult]:
    """The tests of scores that are means over images, of fusion metrics."""
    first, second = average_per_image_scores(a), average_per_image_scores(b)
    for name, scores in first.items():
        others = second.get(name, {})
        found = (
            paired_mean_test.compare_means(scores, others, read_sequences(b[0]))
            if scores != others
            else None
        )
        if found is None:
            continue
        yield ChangeTestResult(
            source=source,
            class_name=None,
            metric=name,
            score_a=found.first_mean,
            score_b=found.first_mean + found.mean_difference,
            interval=found.interval,
            p_value=found.p_value,
            adjusted_p_value=None,
            verdict=_decide_verdict(found),
            test_name=PAIRED_MEAN_TEST,
            description=f"{source}, {name}: {_describe_difference(found)}",
        )


def _decide_verdict(found: paired_mean_test.PairedDifference) -> str:
    if found.interval is None:
        return ""
    shown = found.interval[0] > 0 or found.interval[1] < 0
    return ap_iou_changes.DIFFERENCE_SHOWN if shown else confidence_intervals.NO_DIFFERENCE_SHOWN


def _describe_difference(found: paired_mean_test.PairedDifference) -> str:
    said = f"B - A {format_signed_number(found.mean_difference, 4)} on {found.image_count} images in {found.group_count} groups"
    if found.interval is None:
        return f"{said}, too few groups for an interval"
    low, high = (format_signed_number(end, 4) for end in found.interval)
    said += f", 95 % interval {low} to {high}"
    if found.p_value is not None:
        said += f", p = {found.p_value:.3f}" if found.p_value >= 0.001 else ", p < 0.001"
    return f"{said}: {_decide_verdict(found)}"


def format_signed_number(value: float, decimals: int) -> str:
    """A number with its sign and so many decimals."""
    return f"{value:+.{decimals}f}".replace("-", MINUS)
