"""Which images a resample holds: groups (sequences of frames) are drawn, never single frames.

Neighbouring frames resemble each other, so that images drawn one by one would promise more than
the data holds. Source: Field, Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B 69(3),
2007 (the cluster bootstrap). All sources of a task are measured on the same draws: paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
FEWEST = 5  # groups

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Draws:
    """R resamples of I images that fall into G units.

    Attributes:
        units: int64 (I,), the unit of each image, 0 to G - 1.
        times: int64 (R, G), how often each unit was drawn; G in every row.
        grouped: The units are groups, not single images.
    """

    units: Whole
    times: Whole
    grouped: bool

    @property
    def weights(self) -> Floats:
        """How often each image counts, (R, I)."""
        found: Floats = self.times[:, self.units].astype(np.float64)
        return found


def draw(groups: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED) -> Draws:
    """Draw as many units as there are, with replacement, again and again.

    Images are drawn one by one where they come from fewer than `FEWEST` groups: so few cannot be
    resampled, and what follows then says nothing of other sequences.

    Args:
        groups: The group of each image.
        resamples: How many.
        seed: The same groups and the same seed give the same draws.
    """
    grouped = len(set(groups)) >= FEWEST
    named = list(groups) if grouped else [f"{number:09d}" for number in range(len(groups))]
    names, units = np.unique(np.asarray(named, np.str_), return_inverse=True)
    number = len(names)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
    several = grouped and number < len(groups)
    return Draws(units.astype(np.int64), times.astype(np.int64), several)


def per_unit(draws: Draws, counts: NDArray[np.generic]) -> Floats:
    """Sums of a count over the images of each unit: (I, ...) to (G, ...)."""
    found: Floats = np.zeros((draws.times.shape[1], *counts.shape[1:]))
    np.add.at(found, draws.units, counts)
    return found
