"""The scores of a task's records on many draws of its images: what statistics are made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.storage import npz
from reports.statistics.confidence_intervals import ScoreSample

FloatArray = NDArray[np.float64]


class ScoreKey(NamedTuple):
    """Which score: of one condition or all images, of one class or the mean, of which metric."""

    condition: str | None
    class_or_mean: str | None
    metric: str


@dataclass(frozen=True, eq=False)
class BootstrapScores:
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

    scores: Mapping[ScoreKey, FloatArray]
    unit_shares: Mapping[tuple[str | None, str | None], FloatArray]
    image_count: int
    unit_count: int
    is_clustered: bool
    sequence_count: int


@dataclass(frozen=True, eq=False)
class TaskBootstrap:
    """The resampled scores of a task's records.

    Attributes:
        sources: Per source, one per finished record in their order; None for a record that has
            nothing to resample.
    """

    by_source: Mapping[str, tuple[BootstrapScores | None, ...]]

    @property
    def first_scores(self) -> BootstrapScores | None:
        """Any of them: all are on the same images."""
        return next((one for every in self.by_source.values() for one in every if one), None)

    def build_sample(
        self, source: str, quantity: ScoreKey | None, scores: Sequence[float | None]
    ) -> ScoreSample | None:
        """What statistics need of one score of a source; None if a part of it is not known.

        Args:
            source: Its name.
            quantity: Which score.
            scores: One per finished record, as the records say.
        """
        mine = [
            one.scores.get(quantity) for one in self.by_source.get(source, ()) if one and quantity
        ]
        known = [score for score in scores if score is not None]
        drawn = [each for each in mine if each is not None]
        first = self.first_scores
        if quantity is None or first is None or not len(drawn) == len(known) == len(scores) > 0:
            return None
        whole = first.unit_shares[
            quantity.condition, None
        ]  # also that of a mean over fewer classes
        shares = first.unit_shares.get((quantity.condition, quantity.class_or_mean), whole)
        return ScoreSample(np.array(known), np.stack(drawn), shares)


def write_bootstrap_scores(folder: Path, found: BootstrapScores) -> None:
    """Save the resampled scores, readable unpickled; scores with the precision of float32."""
    said = {
        "quantities": list(found.scores),
        "shares": list(found.unit_shares),
        "images": found.image_count,
        "units": found.unit_count,
        "grouped": found.is_clustered,
        "sequences": found.sequence_count,
    }
    (folder / "resampled.json").write_text(json.dumps(said), encoding="utf-8")
    np.savez(
        folder / "resampled.npz",
        scores=np.array(list(found.scores.values()), np.float32),
        shares=np.array(list(found.unit_shares.values()), np.float32),
    )


def read_bootstrap_scores(folder: Path) -> BootstrapScores:
    """What `write_bootstrap_scores` saved.

    Raises:
        UserError: If it is damaged.
    """
    try:
        said = json.loads((folder / "resampled.json").read_text(encoding="utf-8"))
        saved = npz.read_arrays(folder / "resampled.npz", "scores", "shares")
        scores, shares = (array.astype(np.float64) for array in saved)
        return BootstrapScores(
            {ScoreKey(*key): row for key, row in zip(said["quantities"], scores, strict=True)},
            {(scene, name): row for (scene, name), row in zip(said["shares"], shares, strict=True)},
            said["images"],
            said["units"],
            said["grouped"],
            said["sequences"],
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UserError(f"{folder}: cannot be read ({fault}); delete this folder") from None
