"""Which images a resample holds: groups (sequences of frames) are drawn, never single frames.

Neighboring frames resemble each other, so that images drawn one by one would promise more than
the data holds. Source: Field, Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69(3),
2007 (the cluster bootstrap). All sources of a task are measured on the same draws: paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLE_COUNT = 2000
DEFAULT_SEED = 0
MIN_GROUPS = 5  # groups

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Resamples:
    """R resamples of I images that fall into G units.

    Attributes:
        units: int64 (I,), the unit of each image, 0 to G - 1.
        times: int64 (R, G), how often each unit was drawn; G in every row.
        grouped: The units are groups, not single images.
    """

    unit_of_image: IntArray
    unit_counts: IntArray
    is_clustered: bool

    @property
    def image_weights(self) -> FloatArray:
        """How often each image counts, (R, I)."""
        found: FloatArray = self.unit_counts[:, self.unit_of_image].astype(np.float64)
        return found


def resample_units(
    groups: Sequence[str], resamples: int = RESAMPLE_COUNT, seed: int = DEFAULT_SEED
) -> Resamples:
    """Draw as many units as there are, with replacement, again and again.

    Images are drawn one by one where they come from fewer than `MIN_GROUPS` groups: so few cannot be
    resampled, and what follows then says nothing of other sequences.

    Args:
        groups: The group of each image.
        resamples: How many.
        seed: The same groups and the same seed give the same draws.
    """
    grouped = len(set(groups)) >= MIN_GROUPS
    named = list(groups) if grouped else [f"{number:09d}" for number in range(len(groups))]
    names, units = np.unique(np.asarray(named, np.str_), return_inverse=True)
    number = len(names)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
    several = grouped and number < len(groups)
    return Resamples(units.astype(np.int64), times.astype(np.int64), several)


def sum_per_unit(draws: Resamples, counts: NDArray[np.generic]) -> FloatArray:
    """Sums of a count over the images of each unit: (I, ...) to (G, ...)."""
    found: FloatArray = np.zeros((draws.unit_counts.shape[1], *counts.shape[1:]))
    np.add.at(found, draws.unit_of_image, counts)
    return found
