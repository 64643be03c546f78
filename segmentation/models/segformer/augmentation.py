"""Training images: which one is at which position of the run, and how it is changed.

Everything random is drawn from (seed, position), never from what was drawn before. So a run can
start at any position, and any number of loading processes gives the same images.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images, label_maps
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.data.labeled_images import LabeledImages
from segmentation.models.segformer import Options
from segmentation.models.segformer.network import IMAGENET_MEAN

ORDER_STREAM, IMAGE_STREAM, STEP_STREAM = range(3)  # what a stream of random numbers is for


def derive_seed(seed: int, purpose: int, number: int) -> int:
    """A seed, 0 to 2 ** 32 - 1, for one purpose and number."""
    return int(np.random.SeedSequence([seed, purpose, number]).generate_state(1)[0])


@lru_cache(maxsize=4)
def shuffle_epoch(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """The order of ``count`` images in an epoch."""
    shuffled = np.random.default_rng(derive_seed(seed, ORDER_STREAM, epoch)).permutation(count)
    return tuple(int(i) for i in shuffled)


@dataclass(frozen=True)
class TrainingCrops:
    """What torch's DataLoader asks for: ``crops[position]``, ready for mmseg.

    Attributes:
        examples: Images and labels.
        options: Which changes are made.
        seed: Of the run.
        length: Positions in the run: steps times images per step.
    """

    examples: LabeledImages
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
            place = shuffle_epoch(self.seed, epoch, len(pairs))[place]
        pair = pairs[place]
        assert pair.label_map is not None
        labels = label_maps.read_label_map(pair.label_map, self.examples.split.classes)
        image = images.read_color(self.examples.images[pair.key])
        shown = augment_image(
            image,
            convert_to_training_labels(labels, self.options),
            self.options,
            derive_seed(self.seed, IMAGE_STREAM, position),
        )
        packed: dict[str, Any] = PackSegInputs(meta_keys=("img_shape",))(shown)
        return packed


def convert_to_training_labels(labels: images.LabelMap, options: Options) -> images.LabelMap:
    """The labels as the network learns them: without class 0, the others move down by one."""
    if not options.ignore_unlabeled:
        return labels
    moved: images.LabelMap = np.where(labels == IGNORE_INDEX, IGNORE_INDEX, labels - np.uint8(1))
    return moved  # 0 - 1 is 255 in uint8, which is IGNORE_INDEX


def augment_image(
    image: images.Color, labels: images.LabelMap, options: Options, seed: int
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
        "img": _swap_red_and_blue(image),  # the distortion takes BGR
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
            shown |= _pad_at_random_position(shown["img"], shown["gt_seg_map"], crop)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return {**shown, "img": _swap_red_and_blue(shown["img"])}


def _pad_at_random_position(
    image: NDArray[np.uint8], labels: images.LabelMap, crop: tuple[int, int]
) -> dict[str, Any]:
    """BGR image and labels somewhere in a crop of (width, height): mean color, left out."""
    height, width = labels.shape
    canvas = np.empty((crop[1], crop[0], 3), np.uint8)
    canvas[...] = np.rint(IMAGENET_MEAN[::-1])
    left_out = np.full(canvas.shape[:2], IGNORE_INDEX, np.uint8)
    top = np.random.randint(crop[1] - height + 1)  # noqa: NPY002 - seeded by the caller
    left = np.random.randint(crop[0] - width + 1)  # noqa: NPY002
    canvas[top : top + height, left : left + width] = image
    left_out[top : top + height, left : left + width] = labels
    return {"img": canvas, "gt_seg_map": left_out, "img_shape": left_out.shape}


def _swap_red_and_blue(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[..., ::-1])
