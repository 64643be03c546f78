"""Cluster bootstrap: resamples of the test images that draw whole sequences, never single frames.

Neighboring frames are correlated, so that resamples of single frames would underestimate the
variance. Source: Field, Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69(3), 2007 (the
cluster bootstrap). All sources of a task are scored on the same resamples: paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLE_COUNT = 2000
DEFAULT_SEED = 0
MIN_SEQUENCES = 5  # with fewer sequences, single images are resampled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Resamples:
    """R resamples of I images that fall into G units.

    Attributes:
        unit_of_image: int64 (I,), the unit of each image, 0 to G - 1.
        unit_counts: int64 (R, G), how often each unit was drawn; every row sums to G.
        is_clustered: Whether the units are sequences, not single images.
    """

    unit_of_image: IntArray
    unit_counts: IntArray
    is_clustered: bool

    @property
    def image_weights(self) -> FloatArray:
        """How often each image counts, (R, I)."""
        weights: FloatArray = self.unit_counts[:, self.unit_of_image].astype(np.float64)
        return weights


def resample_units(
    sequences: Sequence[str], resample_count: int = RESAMPLE_COUNT, seed: int = DEFAULT_SEED
) -> Resamples:
    """Draw as many units as there are, with replacement, for each resample.

    Args:
        sequences: The sequence of each image; see `select_units`.
        resample_count: Number of resamples.
        seed: The same sequences and the same seed give the same resamples.
    """
    keys = [f"{number:09d}" for number in range(len(sequences))]
    is_resampled_whole = len(set(sequences)) >= MIN_SEQUENCES
    unit_of_image, unit_count = index_units(select_units(keys, sequences))
    counts = draw_unit_counts(unit_count, resample_count, np.random.default_rng(seed))
    is_clustered = is_resampled_whole and unit_count < len(sequences)
    return Resamples(unit_of_image, counts, is_clustered)


def select_units(keys: Sequence[str], sequences: Sequence[str]) -> list[str]:
    """Select the resampling unit of each image: its sequence, or the image itself.

    Single images are resampled if there are fewer than `MIN_SEQUENCES` sequences, which are too
    few to resample; the intervals then do not generalize to other sequences.

    Args:
        keys: Key of each image.
        sequences: Sequence of each image.
    """
    return list(sequences if len(set(sequences)) >= MIN_SEQUENCES else keys)


def index_units(units: Sequence[str]) -> tuple[IntArray, int]:
    """Number the units in the order of their names.

    Returns:
        int64 (I,), the unit of each image, and the number of units.
    """
    names, unit_of_image = np.unique(np.asarray(units, np.str_), return_inverse=True)
    return unit_of_image.astype(np.int64), len(names)


def draw_unit_counts(unit_count: int, resample_count: int, rng: np.random.Generator) -> IntArray:
    """Draw how often each of G units occurs in each resample.

    Successive calls with one generator continue the same resamples in batches.

    Returns:
        int64 (R, G), every row sums to G.
    """
    probabilities = np.full(unit_count, 1 / unit_count)
    return rng.multinomial(unit_count, probabilities, size=resample_count).astype(np.int64)


def sum_per_unit(
    values: NDArray[np.generic], unit_of_image: IntArray, unit_count: int
) -> FloatArray:
    """Sum values over the images of each unit: (I, ...) to (G, ...)."""
    sums: FloatArray = np.zeros((unit_count, *values.shape[1:]))
    np.add.at(sums, unit_of_image, values)
    return sums
