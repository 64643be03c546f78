"""The scores of a task's records on many draws of its images: what statistics are made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import arrays
from bench.errors import BenchError
from reports.significance.statistics import Sample

Floats = NDArray[np.float64]


class Quantity(NamedTuple):
    """Which score: of one condition or all images, of one class or the mean, of which metric."""

    scene: str | None
    name: str | None
    metric: str


@dataclass(frozen=True, eq=False)
class Resampled:
    """The scores of one record on R resamples of its images, which fall into G units.

    Attributes:
        scores: float64 (R,) per quantity; NaN where undefined.
        shares: float64 (G,) per condition and class (None: mean), each unit's share of the true
            boxes or pixels; all 0 where there are none.
        images: How many.
        units: G.
        grouped: The units are sequences, not single images.
        sequences: How many the images come from; as many as images where none are known.
    """

    scores: Mapping[Quantity, Floats]
    shares: Mapping[tuple[str | None, str | None], Floats]
    images: int
    units: int
    grouped: bool
    sequences: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """The resampled scores of a task's records.

    Attributes:
        sources: Per source, one per finished record in their order; None for a record that has
            nothing to resample.
    """

    sources: Mapping[str, tuple[Resampled | None, ...]]

    @property
    def first(self) -> Resampled | None:
        """Any of them: all are on the same images."""
        return next((one for every in self.sources.values() for one in every if one), None)

    def sample(
        self, source: str, quantity: Quantity | None, scores: Sequence[float | None]
    ) -> Sample | None:
        """What statistics need of one score of a source; None if a part of it is not known.

        Args:
            source: Its name.
            quantity: Which score.
            scores: One per finished record, as the records say.
        """
        mine = [
            one.scores.get(quantity) for one in self.sources.get(source, ()) if one and quantity
        ]
        known = [score for score in scores if score is not None]
        drawn = [each for each in mine if each is not None]
        first = self.first
        if quantity is None or first is None or not len(drawn) == len(known) == len(scores) > 0:
            return None
        whole = first.shares[quantity.scene, None]  # also that of a mean over fewer classes
        shares = first.shares.get((quantity.scene, quantity.name), whole)
        return Sample(np.array(known), np.stack(drawn), shares)


def write(folder: Path, found: Resampled) -> None:
    """Save the resampled scores, readable unpickled; scores with the precision of float32."""
    said = {
        "quantities": list(found.scores),
        "shares": list(found.shares),
        "images": found.images,
        "units": found.units,
        "grouped": found.grouped,
        "sequences": found.sequences,
    }
    (folder / "resampled.json").write_text(json.dumps(said), encoding="utf-8")
    np.savez(
        folder / "resampled.npz",
        scores=np.array(list(found.scores.values()), np.float32),
        shares=np.array(list(found.shares.values()), np.float32),
    )


def read(folder: Path) -> Resampled:
    """What `write` saved.

    Raises:
        BenchError: If it is damaged.
    """
    try:
        said = json.loads((folder / "resampled.json").read_text(encoding="utf-8"))
        saved = arrays.read(folder / "resampled.npz", "scores", "shares")
        scores, shares = (array.astype(np.float64) for array in saved)
        return Resampled(
            {Quantity(*key): row for key, row in zip(said["quantities"], scores, strict=True)},
            {(scene, name): row for (scene, name), row in zip(said["shares"], shares, strict=True)},
            said["images"],
            said["units"],
            said["grouped"],
            said["sequences"],
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise BenchError(f"{folder}: cannot be read ({fault}); delete this folder") from None


def mean(scores: Sequence[Floats], *, zero: bool = False) -> Floats:
    """Over the classes that are defined; with ``zero`` the others count as 0."""
    every = np.stack(scores)
    there = np.isfinite(every)
    number = there.sum(axis=0)
    divisor = np.where(number > 0, len(every) if zero else number, 1)
    found: Floats = np.where(there, every, 0).sum(axis=0) / divisor
    return np.where(number > 0, found, np.nan)
