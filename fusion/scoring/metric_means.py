"""Means of per-image scores and their bootstrap intervals.

Only images are averaged, and only here. An undefined score is left out of its column's mean.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusebench.evaluation import bootstrap

CONFIDENCE_LEVEL = 95  # per cent
MIN_SEQUENCES = bootstrap.MIN_SEQUENCES  # fewer sequences are not resampled
RESAMPLES_PER_BATCH = 100  # resamples held in memory
INTERVAL_TEXT = (
    f"{CONFIDENCE_LEVEL} % percentile bootstrap, {bootstrap.RESAMPLE_COUNT} resamples of"
)

Interval = tuple[float, float]


def select_scores(per_image: pd.DataFrame) -> pd.DataFrame:
    """Select the columns of scores."""
    return per_image.drop(columns="flags", errors="ignore").astype("float64")


def compute_means(per_image: pd.DataFrame) -> dict[str, float | None]:
    """Average each metric over the images where it is defined; None if there are none."""
    means = select_scores(per_image).mean()
    return {str(name): None if np.isnan(mean) else float(mean) for name, mean in means.items()}


def get_resampling_units(keys: Sequence[str], sequences: Mapping[str, str]) -> list[str]:
    """Get the resampling unit of each image: its sequence, or the image itself.

    Images are resampled individually if they come from fewer than `MIN_SEQUENCES` sequences: so
    few cannot be resampled. The interval then does not extend to other sequences.

    Args:
        keys: Keys of the images.
        sequences: Key to sequence; empty or missing for an image without one.
    """
    return bootstrap.select_units(keys, [sequences.get(key) or key for key in keys])


def compute_intervals(
    per_image: pd.DataFrame, units: Sequence[str], min_units: int = 2
) -> dict[str, Interval | None]:
    """Compute the bootstrap confidence interval of every mean.

    Whole units are resampled with replacement, because frames of one sequence are correlated. The
    random seed is fixed, so that the same table has the same intervals.

    Args:
        per_image: One row per image.
        units: Resampling unit of each row; see `get_resampling_units`.
        min_units: Smallest number of units with a score.

    Returns:
        Metric to (low, high); None if fewer units have a score.
    """
    scores = select_scores(per_image)
    # Sum and number of the defined scores of each unit, (units, metrics).
    unit_of_image, unit_count = bootstrap.index_units(units)
    is_defined = scores.notna().to_numpy(np.float64)
    sums = bootstrap.sum_per_unit(scores.fillna(0).to_numpy(), unit_of_image, unit_count)
    counts = bootstrap.sum_per_unit(is_defined, unit_of_image, unit_count)
    has_enough_units = (counts > 0).sum(axis=0) >= min_units
    means = _bootstrap_means(sums, counts)
    # Percentile interval.
    tail = (100 - CONFIDENCE_LEVEL) / 2
    intervals: dict[str, Interval | None] = {}
    for column, name in enumerate(scores.columns):
        intervals[str(name)] = None
        if has_enough_units[column]:
            low, high = np.nanpercentile(means[:, column], [tail, 100 - tail])
            intervals[str(name)] = (float(low), float(high))
    return intervals


def _bootstrap_means(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the means of every resample.

    Args:
        sums: Sum of the scores of each unit, (units, metrics).
        counts: Number of scores of each unit, (units, metrics).

    Returns:
        (RESAMPLES, metrics); NaN where no unit of the resample has a score.
    """
    rng = np.random.default_rng(bootstrap.DEFAULT_SEED)
    batches = []
    for _ in range(bootstrap.RESAMPLE_COUNT // RESAMPLES_PER_BATCH):
        weights = bootstrap.draw_unit_counts(len(sums), RESAMPLES_PER_BATCH, rng)
        size = weights @ counts
        total = weights @ sums
        batches.append(np.where(size > 0, total / np.where(size > 0, size, 1), np.nan))
    return np.concatenate(batches)
