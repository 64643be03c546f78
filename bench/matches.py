"""What became of every predicted box, as a table that metrics and resamples read: `matches.npz`.

The matching is COCO's own, with at most `MOST` boxes per image and class, made once per record.
From it come average precision at fewer boxes (`ranks`), by size of the true box (`AREAS`), at
every overlap (`THRESHOLDS`), on some of the images and with images counted more than once,
without looking at a box again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import arrays
from bench.errors import BenchError

AREAS = ("all", "small", "medium", "large")  # true boxes up to 32^2, 96^2 and above, in pixels
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))  # least overlaps
MOST = 300  # boxes per image and class
FIELDS = ("scores", "images", "ranks", "hits", "ignored", "truths")

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


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
    images: Whole
    ranks: Whole
    hits: Flags
    ignored: Flags
    truths: Whole

    def __post_init__(self) -> None:
        number = len(self.scores)
        wide = (len(AREAS), len(THRESHOLDS), number)
        if not (len(self.images) == len(self.ranks) == number):
            raise ValueError(f"{number} scores, {len(self.images)} images, {len(self.ranks)} ranks")
        if self.hits.shape != wide or self.ignored.shape != wide:
            raise ValueError(f"hits {self.hits.shape} and ignored {self.ignored.shape}, not {wide}")
        if self.truths.ndim != 2 or len(self.truths) != len(AREAS):
            raise ValueError(f"truths {self.truths.shape}, not ({len(AREAS)}, images)")


@dataclass(frozen=True, eq=False)
class Matches:
    """The matches of every class.

    Attributes:
        keys: The images, sorted.
        by_class: One per class name of ``classes``.
    """

    keys: tuple[str, ...]
    classes: tuple[str, ...]
    by_class: tuple[ClassMatches, ...]


def only(found: ClassMatches, images: Sequence[int] | Whole) -> ClassMatches:
    """The matches on some of the images alone, in the order given there, each at most once."""
    chosen = np.asarray(images, np.int64)
    place = np.full(found.truths.shape[1], -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    kept = place[found.images] >= 0
    return ClassMatches(
        found.scores[kept],
        place[found.images[kept]],
        found.ranks[kept],
        found.hits[:, :, kept],
        found.ignored[:, :, kept],
        found.truths[:, chosen],
    )


def write(path: Path, found: Matches) -> None:
    """Save the matches, readable unpickled: classes one after the other, flags eight to a byte."""
    parts = found.by_class
    np.savez_compressed(
        path,
        keys=np.array(found.keys, np.str_),
        classes=np.array(found.classes, np.str_),
        counts=np.array([len(part.scores) for part in parts], np.int64),
        scores=np.concatenate([part.scores for part in parts]),
        images=np.concatenate([part.images for part in parts]),
        ranks=np.concatenate([part.ranks for part in parts]),
        hits=np.packbits(np.concatenate([part.hits for part in parts], axis=2), axis=2),
        ignored=np.packbits(np.concatenate([part.ignored for part in parts], axis=2), axis=2),
        truths=np.stack([part.truths for part in parts]),
    )


def read(path: Path) -> Matches:
    """The matches that `write` saved.

    Raises:
        BenchError: If the file is damaged or of another form.
    """
    try:
        keys, classes, counts, *rest = arrays.read(path, "keys", "classes", "counts", *FIELDS)
        parts = dict(zip(FIELDS, rest, strict=True))
        ends = np.cumsum(counts)[:-1]
        for name in ("hits", "ignored"):
            parts[name] = np.unpackbits(parts[name], axis=2, count=int(counts.sum())).astype(bool)
        split = [np.split(parts[name], ends, axis=parts[name].ndim - 1) for name in FIELDS[:-1]]
        by_class = tuple(ClassMatches(*each) for each in zip(*split, parts["truths"], strict=True))
    except ValueError as fault:
        raise BenchError(
            f"{path}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return Matches(tuple(map(str, keys)), tuple(map(str, classes)), by_class)
