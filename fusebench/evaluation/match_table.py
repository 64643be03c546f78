"""What became of every predicted box, as a table that metrics and resamples read: `matches.npz`.

The matching is COCO's own, with at most `MAX_STORED_DETECTIONS` boxes per image and class, made once per record.
From it come average precision at fewer boxes (`ranks`), by size of the true box (`AREA_RANGES`), at
every overlap (`IOU_THRESHOLDS`), on some of the images and with images counted more than once,
without looking at a box again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.storage import npz

AREA_RANGES = (
    "all",
    "small",
    "medium",
    "large",
)  # true boxes up to 32^2, 96^2 and above, in pixels
IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))  # least overlaps
MAX_STORED_DETECTIONS = 300  # boxes per image and class
ARRAY_NAMES = ("scores", "images", "ranks", "hits", "ignored", "truths")

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """What became of the N predictions of one class on I images.

    Attributes:
        scores: float64 (N,), falling; of equals, the earlier image first, as COCO sorts.
        images: int64 (N,), which image each is in: an index into the sorted keys.
        ranks: int64 (N,), how many of its image and class come before it: at most ``most`` boxes
            per image are those with a rank below ``most``.
        hits: bool (areas, thresholds, N), whether each took a true box that counts.
        ignored: bool, same shape: neither right nor wrong, because what it took, or itself where
            it took nothing, is not of that size. Never a hit.
        truths: int64 (areas, I), true boxes per image.
    """

    scores: NDArray[np.float64]
    image_indices: IntArray
    ranks: IntArray
    true_positives: BoolArray
    ignored: BoolArray
    truth_counts: IntArray

    def __post_init__(self) -> None:
        number = len(self.scores)
        wide = (len(AREA_RANGES), len(IOU_THRESHOLDS), number)
        if not (len(self.image_indices) == len(self.ranks) == number):
            raise ValueError(
                f"{number} scores, {len(self.image_indices)} images, {len(self.ranks)} ranks"
            )
        if self.true_positives.shape != wide or self.ignored.shape != wide:
            raise ValueError(
                f"hits {self.true_positives.shape} and ignored {self.ignored.shape}, not {wide}"
            )
        if self.truth_counts.ndim != 2 or len(self.truth_counts) != len(AREA_RANGES):
            raise ValueError(f"truths {self.truth_counts.shape}, not ({len(AREA_RANGES)}, images)")


@dataclass(frozen=True, eq=False)
class MatchTable:
    """The matches of every class.

    Attributes:
        keys: The images, sorted.
        by_class: One per class name of ``classes``.
    """

    keys: tuple[str, ...]
    classes: tuple[str, ...]
    by_class: tuple[ClassMatches, ...]


def select_class_images(found: ClassMatches, images: Sequence[int] | IntArray) -> ClassMatches:
    """The matches on some of the images alone, in the order given there, each at most once."""
    chosen = np.asarray(images, np.int64)
    place = np.full(found.truth_counts.shape[1], -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    kept = place[found.image_indices] >= 0
    return ClassMatches(
        found.scores[kept],
        place[found.image_indices[kept]],
        found.ranks[kept],
        found.true_positives[:, :, kept],
        found.ignored[:, :, kept],
        found.truth_counts[:, chosen],
    )


def write_match_table(path: Path, found: MatchTable) -> None:
    """Save the matches, readable unpickled: classes one after the other, flags eight to a byte."""
    parts = found.by_class
    np.savez_compressed(
        path,
        keys=np.array(found.keys, np.str_),
        classes=np.array(found.classes, np.str_),
        counts=np.array([len(part.scores) for part in parts], np.int64),
        scores=np.concatenate([part.scores for part in parts]),
        images=np.concatenate([part.image_indices for part in parts]),
        ranks=np.concatenate([part.ranks for part in parts]),
        hits=np.packbits(np.concatenate([part.true_positives for part in parts], axis=2), axis=2),
        ignored=np.packbits(np.concatenate([part.ignored for part in parts], axis=2), axis=2),
        truths=np.stack([part.truth_counts for part in parts]),
    )


def read_match_table(path: Path) -> MatchTable:
    """The matches that `write_match_table` saved.

    Raises:
        UserError: If the file is damaged or of another form.
    """
    try:
        keys, classes, counts, *rest = npz.read_arrays(
            path, "keys", "classes", "counts", *ARRAY_NAMES
        )
        parts = dict(zip(ARRAY_NAMES, rest, strict=True))
        ends = np.cumsum(counts)[:-1]
        for name in ("hits", "ignored"):
            parts[name] = np.unpackbits(parts[name], axis=2, count=int(counts.sum())).astype(bool)
        split = [
            np.split(parts[name], ends, axis=parts[name].ndim - 1) for name in ARRAY_NAMES[:-1]
        ]
        by_class = tuple(ClassMatches(*each) for each in zip(*split, parts["truths"], strict=True))
    except ValueError as fault:
        raise UserError(
            f"{path}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return MatchTable(tuple(map(str, keys)), tuple(map(str, classes)), by_class)
