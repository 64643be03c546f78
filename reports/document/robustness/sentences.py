"""Sentences on robustness: the fused source that is shown to retain most of its score."""

from collections.abc import Sequence

from reports.document.robustness.estimates import (
    RobustnessComparison,
    RobustnessEstimates,
    RobustnessValue,
)
from reports.results.robustness.collection import RobustnessResults
from reports.tables import significance_text
from reports.tables.number_format import UNDEFINED
from reports.tables.result_text import format_count


def build_sentence(estimates: RobustnessEstimates, robustness: RobustnessResults) -> str:
    """Say which fused source keeps most of its score, as far as that is shown.

    Sensors are not ranked: a corruption of the other sensor does not reach them.
    """
    ranked = _rank_fused_sources(estimates, robustness)
    if not ranked:
        return ""
    count = format_count(len(estimates.by_corruption), "corruption")
    texts = [_describe_mean(name, estimates.means[name]) for name in ranked]
    title = estimates.column.mean_title
    subject = f"Under {count}, mean retained {title}: {'; '.join(texts)}."
    if len(ranked) == 1:
        return subject
    p_value = _get_p_value_of_best(estimates, ranked)
    if p_value is not None:
        p_text = significance_text.format_p_value(p_value)
        return f"{subject} {ranked[0]} is shown to degrade least (adjusted p at most {p_text})."
    return f"{subject} No fused source is shown to degrade least."


def build_plain_sentence(estimates: RobustnessEstimates, robustness: RobustnessResults) -> str:
    """Say the same without intervals and p-values, for the headline."""
    ranked = _rank_fused_sources(estimates, robustness)
    if not ranked:
        return ""
    subject = f"Under {format_count(len(estimates.by_corruption), 'corruption')}"
    title = estimates.column.mean_title
    texts = [f"{name} {format_percent(estimates.means[name].value)} %" for name in ranked]
    if len(ranked) == 1:
        return f"{subject}, mean retained {title}: {texts[0]}."
    if _get_p_value_of_best(estimates, ranked) is not None:
        claim = f"{ranked[0]} is shown to keep the largest share of its clean {title}"
        return f"{subject}, {claim} ({'; '.join(texts)})."
    return (
        f"{subject}, no fused source is shown to keep the largest share of its clean {title} "
        f"({texts[0]} to {texts[-1]})."
    )


def format_percent(share: float | None) -> str:
    """Format a share in percent, without the sign."""
    return UNDEFINED if share is None else f"{100 * share:.1f}"


def format_interval(value: RobustnessValue | None) -> str:
    """Format both ends in percent; empty without an interval."""
    if value is None or value.estimate is None:
        return ""
    return f"[{100 * value.estimate.low:.1f}, {100 * value.estimate.high:.1f}]"


def _rank_fused_sources(estimates: RobustnessEstimates, robustness: RobustnessResults) -> list[str]:
    fused = {
        name: value.value
        for name, value in estimates.means.items()
        if name in robustness.fused_sources and value.value is not None
    }
    return sorted(fused, key=lambda name: -fused[name])


def _get_p_value_of_best(estimates: RobustnessEstimates, ranked: Sequence[str]) -> float | None:
    """Return the largest p value of the first source against the others; None if not shown."""
    comparisons = [_find_comparison(estimates, ranked[0], other) for other in ranked[1:]]
    if not all(comparison is not None and comparison.is_shown for comparison in comparisons):
        return None
    return max(comparison.adjusted_p_value for comparison in comparisons if comparison)


def _describe_mean(name: str, value: RobustnessValue) -> str:
    interval = format_interval(value)
    return f"{name} {format_percent(value.value)} %{f' {interval}' if interval else ''}"


def _find_comparison(
    estimates: RobustnessEstimates, source: str, other: str
) -> RobustnessComparison | None:
    return next((c for c in estimates.comparisons if {c.source, c.other} == {source, other}), None)
