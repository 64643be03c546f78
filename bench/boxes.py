"""Boxes as arrays: the true ones of an image, or predicted ones with their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Boxes:
    """N boxes of one image.

    Attributes:
        corners: float64 (N, 4): left, top, right, bottom in pixels; right > left, bottom > top.
            Continuous coordinates: the whole image is (0, 0, width, height).
        classes: int64 (N,), indices into the class names of the split.
        scores: float64 (N,) in 0..1 for predictions; empty for true boxes.
    """

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if self.corners.shape != (len(self.classes), 4):
            raise ValueError(f"{len(self.classes)} classes for corners {self.corners.shape}")
        if len(self.scores) not in (0, len(self.classes)):
            raise ValueError(f"{len(self.scores)} scores for {len(self.classes)} boxes")

    def __len__(self) -> int:
        return len(self.classes)


def make(
    corners: Sequence[Sequence[float]] | NDArray[Any],
    classes: Sequence[int] | NDArray[Any],
    scores: Sequence[float] | NDArray[Any] = (),
) -> Boxes:
    """Boxes from anything array-like; nothing at all gives an empty `Boxes`."""
    return Boxes(
        np.asarray(corners, np.float64).reshape(-1, 4),
        np.asarray(classes, np.int64).reshape(-1),
        np.asarray(scores, np.float64).reshape(-1),
    )
