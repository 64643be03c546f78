"""Patches for training: where they are cut, in which order they are seen, how they are varied."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusion.training.data.dataset import ImageReader, Pixels, TrainingImage, compute_fitting_size
from fusion.training.data.random_streams import CROP, ORDER
from fusion.training.recipe.schema import StageOptions


@dataclass(frozen=True)
class PatchLocation:
    """Where a patch is cut: its upper left corner in pixels, or anywhere (None)."""

    image: TrainingImage
    corner: tuple[int, int] | None


def list_patch_locations(
    items: Sequence[TrainingImage], stage: StageOptions
) -> list[PatchLocation]:
    """The patches of one epoch in a fixed order: by stride, or ``crops`` anywhere per image."""
    found: list[PatchLocation] = []
    for item in items:
        width, height = compute_fitting_size(item.size, stage.patch)
        corners: list[tuple[int, int] | None] = [None] * stage.crops
        if stage.stride is not None:
            corners = [
                (top, left)
                for top in range(0, height - stage.patch + 1, stage.stride)
                for left in range(0, width - stage.patch + 1, stage.stride)
            ]
        found += [PatchLocation(item, corner) for corner in corners] * item.times
    return found


@dataclass
class PatchSampler:
    """The endless row of patches of a training; the one at a position is always the same."""

    locations: Sequence[PatchLocation]
    stage_options: StageOptions
    reader: ImageReader
    seed: int
    _epoch_orders: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def patches_per_epoch(self) -> int:
        """Patches in a pass over all of them."""
        return len(self.locations)

    def get_patch(self, position: int) -> tuple[str, Pixels]:
        """The key of the image and the patch, uint8 (C, patch, patch)."""
        cut = self.locations[
            self._get_epoch_order(position // self.patches_per_epoch)[
                position % self.patches_per_epoch
            ]
        ]
        random = np.random.default_rng([self.seed, CROP, position])
        piece = _cut_patch(self.reader.read(cut.image), cut.corner, self.stage_options, random)
        varied = _augment_patch(piece, self.stage_options, random)
        return cut.image.key, np.ascontiguousarray(varied.transpose(2, 0, 1))

    def _get_epoch_order(self, epoch: int) -> NDArray[np.int64]:
        order = self._epoch_orders.get(epoch)
        if order is None:
            random = np.random.default_rng([self.seed, ORDER, epoch])
            order = random.permutation(self.patches_per_epoch)
            self._epoch_orders = {epoch: order}
        return order


def crop_center(pixels: Pixels, side: int, multiple: int) -> Pixels:
    """The central square of at most ``side`` pixels, a multiple of ``multiple``: (C, s, s)."""
    height, width = pixels.shape[:2]
    side = min(side, height, width) // multiple * multiple
    top, left = (height - side) // 2, (width - side) // 2
    cut = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(cut.transpose(2, 0, 1))


def _cut_patch(
    pixels: Pixels, corner: tuple[int, int] | None, stage: StageOptions, random: np.random.Generator
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


def _augment_patch(piece: Pixels, stage: StageOptions, random: np.random.Generator) -> Pixels:
    mirrored, turns = random.integers(0, 2), int(random.integers(0, 4))
    if stage.flips and mirrored:
        piece = piece[:, ::-1]
    return np.rot90(piece, turns) if stage.turns else piece
