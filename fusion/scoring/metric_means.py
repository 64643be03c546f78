"""From a row per image to means and their intervals.

Only images are averaged, and only here; an undefined score is left out of its column's mean.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusebench.evaluation import bootstrap

CONFIDENCE_LEVEL = 95  # per cent
MIN_GROUPS = bootstrap.MIN_SEQUENCES
RESAMPLES_PER_BATCH = 100  # resamples held in memory
INTERVAL_TEXT = (
    f"{CONFIDENCE_LEVEL} % percentile bootstrap, {bootstrap.RESAMPLE_COUNT} resamples of"
)

Interval = tuple[float, float]


def select_scores(per_image: pd.DataFrame) -> pd.DataFrame:
    """The columns of scores alone."""
    return per_image.drop(columns="flags", errors="ignore").astype("float64")


def compute_means(per_image: pd.DataFrame) -> dict[str, float | None]:
    """Mean over the images on which a metric is defined; None if there are none."""
    found = select_scores(per_image).mean()
    return {str(name): None if np.isnan(mean) else float(mean) for name, mean in found.items()}


def get_resampling_units(keys: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    """What is resampled: each image's group (a sequence of frames), or the image itself.

    Images are drawn one by one where they come from fewer than `MIN_GROUPS` groups: so few cannot be
    resampled, and the interval then says nothing of other sequences.
    """
    return bootstrap.select_units(keys, [groups.get(key) or key for key in keys])


def compute_intervals(
    per_image: pd.DataFrame, drawn: Sequence[str], fewest: int = 2
) -> dict[str, Interval | None]:
    """The bootstrap interval of every mean.

    Whole groups are drawn with replacement, because frames of one sequence resemble each other;
    the generator is seeded, so that the same table has the same intervals.

    Args:
        per_image: One row per image.
        drawn: The group of each row; see `get_resampling_units`.
        fewest: How many groups have to have a score.

    Returns:
        Metric to (low, high); None where fewer groups have a score.
    """
    columns = select_scores(per_image)
    # Sum and number of the defined scores of each unit, (units, metrics)
    unit_of_image, unit_count = bootstrap.index_units(drawn)
    sums = bootstrap.sum_per_unit(columns.fillna(0).to_numpy(), unit_of_image, unit_count)
    is_defined = columns.notna().to_numpy(np.float64)
    counts = bootstrap.sum_per_unit(is_defined, unit_of_image, unit_count)
    enough = (counts > 0).sum(axis=0) >= fewest
    drawn_means = _bootstrap_means(sums, counts)
    tails = (100 - CONFIDENCE_LEVEL) / 2
    found: dict[str, Interval | None] = {}
    for column, name in enumerate(columns.columns):
        means = drawn_means[:, column]
        low, high = np.nanpercentile(means, [tails, 100 - tails]) if enough[column] else (0.0, 0.0)
        found[str(name)] = (float(low), float(high)) if enough[column] else None
    return found


def _bootstrap_means(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of every resample, (RESAMPLES, columns); NaN where none of its groups has a score."""
    rng = np.random.default_rng(bootstrap.DEFAULT_SEED)
    batches = []
    for _ in range(bootstrap.RESAMPLE_COUNT // RESAMPLES_PER_BATCH):
        weights = bootstrap.draw_unit_counts(len(sums), RESAMPLES_PER_BATCH, rng)
        size = weights @ counts
        total = weights @ sums
        batches.append(np.where(size > 0, total / np.where(size > 0, size, 1), np.nan))
    return np.concatenate(batches)
