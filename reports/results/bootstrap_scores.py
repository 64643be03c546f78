"""Bootstrap scores of records: the scores on resamples of the test images, and their file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.runtime import command_name
from fusebench.storage import npz
from reports.statistics.confidence_intervals import ScoreSample

FloatArray = NDArray[np.float64]


class ScoreKey(NamedTuple):
    """Identifies a score of a record.

    Attributes:
        condition: None for all images.
        class_or_mean: Class, or name of a mean over fewer classes; None for the mean.
        metric: Name of the metric.
    """

    condition: str | None
    class_or_mean: str | None
    metric: str


@dataclass(frozen=True, eq=False)
class BootstrapScores:
    """Scores of one record on R resamples of its images, which fall into G units.

    Attributes:
        scores: float64 (R,) per score key; NaN where undefined.
        unit_shares: float64 (G,) per condition and class (None: mean), each unit's share of the
            true boxes or pixels; all 0 where there are none.
        image_count: Number of test images.
        unit_count: G.
        is_clustered: Whether the units are sequences, not single images.
        sequence_count: Number of sequences; the number of images if sequences are unknown.
    """

    scores: Mapping[ScoreKey, FloatArray]
    unit_shares: Mapping[tuple[str | None, str | None], FloatArray]
    image_count: int
    unit_count: int
    is_clustered: bool
    sequence_count: int


@dataclass(frozen=True, eq=False)
class TaskBootstrap:
    """Bootstrap scores of all records of a task.

    Attributes:
        by_source: Per source, one entry per finished record in their order; None for a record
            without the files that resampling needs.
    """

    by_source: Mapping[str, tuple[BootstrapScores | None, ...]]

    @property
    def first_scores(self) -> BootstrapScores | None:
        """The first available bootstrap scores; all have the same images and units."""
        every = (scores for records in self.by_source.values() for scores in records)
        return next((scores for scores in every if scores), None)

    def build_sample(
        self, source: str, score_key: ScoreKey | None, seed_scores: Sequence[float | None]
    ) -> ScoreSample | None:
        """Build the input of the statistics for one score of a source.

        Args:
            source: Name of the source.
            score_key: The score; None for one that is not resampled.
            seed_scores: The score in each finished record.

        Returns:
            None if the score or its resamples are undefined for a record.
        """
        first = self.first_scores
        if score_key is None or first is None:
            return None
        records = self.by_source.get(source, ())
        resampled = [
            scores.scores[score_key] for scores in records if scores and score_key in scores.scores
        ]
        defined = [score for score in seed_scores if score is not None]
        if not len(resampled) == len(defined) == len(seed_scores) > 0:
            return None
        # A mean over fewer classes has no shares of its own and takes those of the mean.
        shares_of_mean = first.unit_shares[score_key.condition, None]
        shares = first.unit_shares.get(
            (score_key.condition, score_key.class_or_mean), shares_of_mean
        )
        return ScoreSample(np.array(defined), np.stack(resampled), shares)


def write_bootstrap_scores(folder: Path, bootstrap: BootstrapScores) -> None:
    """Write the bootstrap scores as JSON and NPZ; scores are rounded to float32."""
    header = {
        "quantities": list(bootstrap.scores),
        "shares": list(bootstrap.unit_shares),
        "images": bootstrap.image_count,
        "units": bootstrap.unit_count,
        "grouped": bootstrap.is_clustered,
        "sequences": bootstrap.sequence_count,
    }
    (folder / "resampled.json").write_text(json.dumps(header), encoding="utf-8")
    np.savez(
        folder / "resampled.npz",
        scores=np.array(list(bootstrap.scores.values()), np.float32),
        shares=np.array(list(bootstrap.unit_shares.values()), np.float32),
    )


def read_bootstrap_scores(folder: Path) -> BootstrapScores:
    """Read the files that `write_bootstrap_scores` wrote.

    Raises:
        UserError: If a file is damaged.
    """
    try:
        header = json.loads((folder / "resampled.json").read_text(encoding="utf-8"))
        arrays = npz.read_arrays(folder / "resampled.npz", "scores", "shares")
        scores, shares = (array.astype(np.float64) for array in arrays)
        return BootstrapScores(
            {ScoreKey(*key): row for key, row in zip(header["quantities"], scores, strict=True)},
            {
                (condition, name): row
                for (condition, name), row in zip(header["shares"], shares, strict=True)
            },
            header["images"],
            header["units"],
            header["grouped"],
            header["sequences"],
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        advice = command_name.format_repair_advice(folder)
        raise UserError(f"{folder}: cannot be read ({fault}); {advice}") from None
