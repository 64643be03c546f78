"""Patches for training: where they are cut, in which order they are seen, how they are varied."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusion.training.data import Item, Pixels, Reader, fitted
from fusion.training.draws import CROP, ORDER
from fusion.training.recipes import Stage


@dataclass(frozen=True)
class Cut:
    """Where a patch is cut: its upper left corner in pixels, or anywhere (None)."""

    item: Item
    corner: tuple[int, int] | None


def cuts(items: Sequence[Item], stage: Stage) -> list[Cut]:
    """The patches of one epoch in a fixed order: by stride, or ``crops`` anywhere per image."""
    found: list[Cut] = []
    for item in items:
        width, height = fitted(item.size, stage.patch)
        corners: list[tuple[int, int] | None] = [None] * stage.crops
        if stage.stride is not None:
            corners = [
                (top, left)
                for top in range(0, height - stage.patch + 1, stage.stride)
                for left in range(0, width - stage.patch + 1, stage.stride)
            ]
        found += [Cut(item, corner) for corner in corners] * item.times
    return found


@dataclass
class Patches:
    """The endless row of patches of a training; the one at a position is always the same."""

    cuts: Sequence[Cut]
    stage: Stage
    reader: Reader
    seed: int
    _orders: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Patches in a pass over all of them."""
        return len(self.cuts)

    def at(self, position: int) -> tuple[str, Pixels]:
        """The key of the image and the patch, uint8 (C, patch, patch)."""
        cut = self.cuts[self._order(position // self.epoch)[position % self.epoch]]
        random = np.random.default_rng([self.seed, CROP, position])
        piece = _piece(self.reader.read(cut.item), cut.corner, self.stage, random)
        varied = _varied(piece, self.stage, random)
        return cut.item.key, np.ascontiguousarray(varied.transpose(2, 0, 1))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            random = np.random.default_rng([self.seed, ORDER, epoch])
            order = random.permutation(self.epoch)
            self._orders = {epoch: order}
        return order


def middle(pixels: Pixels, side: int, multiple: int) -> Pixels:
    """The central square of at most ``side`` pixels, a multiple of ``multiple``: (C, s, s)."""
    height, width = pixels.shape[:2]
    side = min(side, height, width) // multiple * multiple
    top, left = (height - side) // 2, (width - side) // 2
    cut = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(cut.transpose(2, 0, 1))


def _piece(
    pixels: Pixels, corner: tuple[int, int] | None, stage: Stage, random: np.random.Generator
) -> Pixels:
    """One square of the image, (patch, patch, C)."""
    height, width = pixels.shape[:2]
    side = min(round(stage.patch * random.uniform(*stage.scale)), height, width)
    if corner is None:
        corner = (
            int(random.integers(0, height - side + 1)),
            int(random.integers(0, width - side + 1)),
        )
    top, left = min(corner[0], height - side), min(corner[1], width - side)
    cut = pixels[top : top + side, left : left + side]
    if side == stage.patch:
        return cut
    size = (stage.patch, stage.patch)
    resized = [
        np.asarray(Image.fromarray(cut[..., c]).resize(size, Image.Resampling.BILINEAR))
        for c in range(cut.shape[2])
    ]
    return np.dstack(resized)


def _varied(piece: Pixels, stage: Stage, random: np.random.Generator) -> Pixels:
    mirrored, turns = random.integers(0, 2), int(random.integers(0, 4))
    if stage.flips and mirrored:
        piece = piece[:, ::-1]
    return np.rot90(piece, turns) if stage.turns else piece
