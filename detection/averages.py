"""The mean over classes, of those that have a score."""

from collections.abc import Sequence
from statistics import fmean


def mean(scores: Sequence[float | None]) -> float | None:
    """Of the scores that are known; None if none is."""
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
