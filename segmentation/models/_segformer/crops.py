"""Training images: which one is at which position of the run, and how it is changed.

Everything random is drawn from (seed, position), never from what was drawn before. So a run can
start at any position, and any number of loading processes gives the same images.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import images, masks
from bench.examples import Examples
from segmentation.confusion import IGNORE
from segmentation.models._segformer.network import MEAN
from segmentation.models.segformer import Options

ORDER, IMAGE, STEP = range(3)  # what a stream of random numbers is for


def entropy(seed: int, purpose: int, number: int) -> int:
    """A seed, 0 to 2 ** 32 - 1, for one purpose and number."""
    return int(np.random.SeedSequence([seed, purpose, number]).generate_state(1)[0])


@lru_cache(maxsize=4)
def order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """The order of ``count`` images in an epoch."""
    shuffled = np.random.default_rng(entropy(seed, ORDER, epoch)).permutation(count)
    return tuple(int(i) for i in shuffled)


@dataclass(frozen=True)
class Crops:
    """What torch's DataLoader asks for: ``crops[position]``, ready for mmseg.

    Attributes:
        examples: Images and labels.
        options: Which changes are made.
        seed: Of the run.
        length: Positions in the run: steps times images per step.
    """

    examples: Examples
    options: Options
    seed: int
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> dict[str, Any]:
        """The network's input, uint8 (3, H, W) RGB, and its labels."""
        from mmseg.datasets.transforms import PackSegInputs

        pairs = self.examples.split.pairs
        epoch, place = divmod(position, len(pairs))
        if self.options.shuffle:
            place = order(self.seed, epoch, len(pairs))[place]
        pair = pairs[place]
        assert pair.mask is not None
        labels = masks.read_mask(pair.mask, self.examples.split.classes)
        image = images.read_color(self.examples.images[pair.key])
        shown = changed(
            image,
            trained_on(labels, self.options),
            self.options,
            entropy(self.seed, IMAGE, position),
        )
        packed: dict[str, Any] = PackSegInputs(meta_keys=("img_shape",))(shown)
        return packed


def trained_on(labels: images.Labels, options: Options) -> images.Labels:
    """The labels as the network learns them: without class 0, the others move down by one."""
    if not options.ignore_unlabelled:
        return labels
    moved: images.Labels = np.where(labels == IGNORE, IGNORE, labels - np.uint8(1))
    return moved  # 0 - 1 is 255 in uint8, which is IGNORE


def changed(
    image: images.Color, labels: images.Labels, options: Options, seed: int
) -> dict[str, Any]:
    """Image and labels resized, cropped, mirrored and distorted as ``seed`` has it.

    mmcv and mmseg draw from numpy's global generator; it is left as it was found.

    Returns:
        mmseg's ``img`` (RGB), ``gt_seg_map`` and their companions.
    """
    from mmcv.transforms import RandomFlip, RandomResize
    from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop

    height, width = image.shape[:2]
    crop = options.crop_size
    steps = [
        RandomResize(scale=(width, height), ratio_range=options.rescale, keep_ratio=True),
        RandomCrop(crop_size=crop[::-1], cat_max_ratio=options.crop_share),
        RandomFlip(prob=options.flip),
    ]
    if options.distortion:
        steps.append(PhotoMetricDistortion())
    shown: dict[str, Any] = {
        "img": _swapped(image),  # the distortion takes BGR
        "img_shape": image.shape[:2],
        "gt_seg_map": labels,
        "seg_fields": ["gt_seg_map"],
    }
    before = np.random.get_state()  # noqa: NPY002 - what mmcv uses
    np.random.seed(seed)  # noqa: NPY002
    try:
        for step in steps:
            shown = step(shown)
        if options.padding == "anywhere":
            shown |= _padded(shown["img"], shown["gt_seg_map"], crop)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return {**shown, "img": _swapped(shown["img"])}


def _padded(
    image: NDArray[np.uint8], labels: images.Labels, crop: tuple[int, int]
) -> dict[str, Any]:
    """BGR image and labels somewhere in a crop of (width, height): mean colour, left out."""
    height, width = labels.shape
    canvas = np.empty((crop[1], crop[0], 3), np.uint8)
    canvas[...] = np.rint(MEAN[::-1])
    left_out = np.full(canvas.shape[:2], IGNORE, np.uint8)
    top = np.random.randint(crop[1] - height + 1)  # noqa: NPY002 - seeded by the caller
    left = np.random.randint(crop[0] - width + 1)  # noqa: NPY002
    canvas[top : top + height, left : left + width] = image
    left_out[top : top + height, left : left + width] = labels
    return {"img": canvas, "gt_seg_map": left_out, "img_shape": left_out.shape}


def _swapped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[..., ::-1])
