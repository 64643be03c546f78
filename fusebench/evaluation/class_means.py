"""The mean over classes, of those that have a score."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean


def mean_of_defined(scores: Sequence[float | None]) -> float | None:
    """Of the scores that are known; None if none is."""
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None


def compute_class_means(
    by_class: Mapping[str, Mapping[str, float | None]], columns: Iterable[str]
) -> dict[str, float | None]:
    """Every column's mean over the classes that have a score in it."""
    return {
        name: mean_of_defined([scores[name] for scores in by_class.values()]) for name in columns
    }
