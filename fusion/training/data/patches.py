"""Patch sampling: locations of patches, their order in an epoch, and augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusion.training.data.dataset import ImageReader, Pixels, TrainingImage, compute_fitting_size
from fusion.training.data.random_streams import CROP, ORDER
from fusion.training.recipe.stage_options import StageOptions


@dataclass(frozen=True)
class PatchLocation:
    """Location of a training patch.

    Attributes:
        image: The image or pair.
        corner: (top, left) in pixels; None for a random position.
    """

    image: TrainingImage
    corner: tuple[int, int] | None


def list_patch_locations(
    training_images: Sequence[TrainingImage], options: StageOptions
) -> list[PatchLocation]:
    """List the patches of one epoch in a fixed order.

    Args:
        training_images: Images to cut patches from.
        options: With a ``stride``, patches lie on a grid; without, each image has ``crops``
            patches at random positions.
    """
    locations: list[PatchLocation] = []
    for image in training_images:
        width, height = compute_fitting_size(image.size, options.patch)
        corners: list[tuple[int, int] | None] = [None] * options.crops
        if options.stride is not None:
            corners = [
                (top, left)
                for top in range(0, height - options.patch + 1, options.stride)
                for left in range(0, width - options.patch + 1, options.stride)
            ]
        locations += [PatchLocation(image, corner) for corner in corners] * image.times
    return locations


@dataclass
class PatchSampler:
    """Infinite sequence of training patches; a position always gives the same patch."""

    locations: Sequence[PatchLocation]
    stage_options: StageOptions
    reader: ImageReader
    seed: int
    _epoch_orders: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def patches_per_epoch(self) -> int:
        """Number of patches in one epoch."""
        return len(self.locations)

    def get_patch(self, position: int) -> tuple[str, Pixels]:
        """Cut and augment the patch at a position of the whole training.

        Args:
            position: Counted from 0, over all epochs.

        Returns:
            The key of the image and the patch, uint8 (C, patch, patch).
        """
        epoch, index = divmod(position, self.patches_per_epoch)
        location = self.locations[self._get_epoch_order(epoch)[index]]
        rng = np.random.default_rng([self.seed, CROP, position])
        patch = _cut_patch(
            self.reader.read(location.image), location.corner, self.stage_options, rng
        )
        augmented = _augment_patch(patch, self.stage_options, rng)
        return location.image.key, np.ascontiguousarray(augmented.transpose(2, 0, 1))

    def _get_epoch_order(self, epoch: int) -> NDArray[np.int64]:
        """Permute the locations of an epoch; only the latest permutation is cached."""
        order = self._epoch_orders.get(epoch)
        if order is None:
            rng = np.random.default_rng([self.seed, ORDER, epoch])
            order = rng.permutation(self.patches_per_epoch)
            self._epoch_orders = {epoch: order}
        return order


def crop_center(pixels: Pixels, side: int, multiple: int) -> Pixels:
    """Crop the central square.

    Args:
        pixels: uint8 (H, W, C).
        side: Largest side of the square, pixels.
        multiple: The side is rounded down to a multiple of this.

    Returns:
        uint8 (C, s, s), contiguous.
    """
    height, width = pixels.shape[:2]
    side = min(side, height, width) // multiple * multiple
    top, left = (height - side) // 2, (width - side) // 2
    crop = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(crop.transpose(2, 0, 1))


def _cut_patch(
    pixels: Pixels,
    corner: tuple[int, int] | None,
    options: StageOptions,
    rng: np.random.Generator,
) -> Pixels:
    """Cut a square of random scale and resize it to the patch size, (patch, patch, C)."""
    height, width = pixels.shape[:2]
    # Scale augmentation: the square is `scale` times as large as the patch, within the image.
    side = min(round(options.patch * rng.uniform(*options.scale)), height, width)
    if corner is None:
        corner = (
            int(rng.integers(0, height - side + 1)),
            int(rng.integers(0, width - side + 1)),
        )
    # A square larger than the patch may reach over the border at the last grid positions.
    top, left = min(corner[0], height - side), min(corner[1], width - side)
    square = pixels[top : top + side, left : left + side]
    if side == options.patch:
        return square
    # Per channel: PIL has no two-channel images.
    size = (options.patch, options.patch)
    resized = [
        np.asarray(Image.fromarray(square[..., c]).resize(size, Image.Resampling.BILINEAR))
        for c in range(square.shape[2])
    ]
    return np.dstack(resized)


def _augment_patch(patch: Pixels, options: StageOptions, rng: np.random.Generator) -> Pixels:
    """Flip and rotate at random, as the options allow.

    Both random numbers are always drawn, so that an option does not change the later ones.
    """
    is_flipped, quarter_turns = rng.integers(0, 2), int(rng.integers(0, 4))
    if options.flips and is_flipped:
        patch = patch[:, ::-1]
    return np.rot90(patch, quarter_turns) if options.turns else patch
