"""Training images of SegFormer: their order, and random resizing, cropping, flips and distortion.

Every random value depends on (seed, position) alone, never on earlier values. So training can
resume at any position, and any number of worker processes loads the same images.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images, label_maps
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair
from fusebench.runtime.loading.image_cache import ImageCache
from fusebench.runtime.seeds import derive_seed
from segmentation.models.segformer.network import IMAGENET_MEAN, extend_to_infrared
from segmentation.models.segformer.options import Options

if TYPE_CHECKING:
    from torch import Tensor

ORDER_STREAM, IMAGE_STREAM, STEP_STREAM = range(3)  # independent streams of random numbers


def derive_stream_seed(seed: int, stream: int, number: int) -> int:
    """Derive the seed, 0 to 2 ** 32 - 1, of one element of a random stream."""
    return derive_seed(seed, stream, number, bits=32)


@lru_cache(maxsize=4)
def shuffle_epoch(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """Return the random order of ``count`` images in an epoch."""
    shuffled = np.random.default_rng(derive_stream_seed(seed, ORDER_STREAM, epoch)).permutation(
        count
    )
    return tuple(int(i) for i in shuffled)


@dataclass(frozen=True)
class TrainingCrops:
    """Map-style dataset of augmented crops, by position in the training.

    Attributes:
        examples: Images and labels.
        options: Which augmentations are used.
        seed: Random seed of the training.
        length: Number of positions: steps times images per step.
        cache: Decoded images and label maps by key.
    """

    examples: LabeledImages
    options: Options
    seed: int
    length: int
    cache: ImageCache = field(default_factory=ImageCache)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> "dict[str, Tensor]":
        """Return ``inputs``, uint8 (3 or 4, H, W): RGB, infrared; and ``labels``, uint8 (H, W)."""
        import torch

        pairs = self.examples.split.pairs
        epoch, index = divmod(position, len(pairs))
        if self.options.shuffle:
            index = shuffle_epoch(self.seed, epoch, len(pairs))[index]
        image, labels = self.cache.get(pairs[index].key, lambda _: self._load(pairs[index]))
        augmented = augment_image(
            image,
            convert_to_training_labels(labels, self.options),
            self.options,
            derive_stream_seed(self.seed, IMAGE_STREAM, position),
        )
        return {
            "inputs": torch.from_numpy(np.ascontiguousarray(augmented["img"].transpose(2, 0, 1))),
            "labels": torch.from_numpy(np.ascontiguousarray(augmented["gt_seg_map"])),
        }

    def fill_cache(self, threads: int) -> None:
        """Decode the images before loader processes share the cache."""
        pairs = {pair.key: pair for pair in self.examples.split.pairs}
        self.cache.fill(pairs, lambda key: self._load(pairs[key]), threads)

    def _load(self, pair: Pair) -> tuple[NDArray[np.uint8], images.LabelMap]:
        assert pair.label_map is not None
        labels = label_maps.read_label_map(pair.label_map, self.examples.split.classes)
        return self.examples.read(pair.key), labels


def collate_crops(samples: "list[dict[str, Tensor]]") -> "dict[str, list[Tensor]]":
    """Combine crops to a batch: lists, because crops of small images have different sizes."""
    return {name: [sample[name] for sample in samples] for name in samples[0]}


def convert_to_training_labels(labels: images.LabelMap, options: Options) -> images.LabelMap:
    """Convert class ids to the network's outputs: without class 0 the other ids decrease by 1."""
    if not options.ignore_unlabeled:
        return labels
    # 0 - 1 is 255 in uint8, which is IGNORE_INDEX
    shifted: images.LabelMap = np.where(labels == IGNORE_INDEX, IGNORE_INDEX, labels - np.uint8(1))
    return shifted


def augment_image(
    image: NDArray[np.uint8], labels: images.LabelMap, options: Options, seed: int
) -> dict[str, Any]:
    """Resize, crop, flip and distort an image and its labels at random.

    mmcv and mmseg use numpy's global generator; its state is restored.

    Args:
        image: uint8 (H, W, 3), RGB; or (H, W, 4), RGB and infrared, whose gray levels are not
            distorted.
        labels: uint8 (H, W).
        options: Which augmentations are used.
        seed: Random seed of this image.

    Returns:
        mmseg's ``img`` (RGB, infrared), ``gt_seg_map`` and the other entries of its pipeline.
    """
    from mmcv.transforms import RandomFlip, RandomResize
    from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop

    height, width = image.shape[:2]
    crop = options.crop_size
    transforms = [
        RandomResize(scale=(width, height), ratio_range=options.rescale, keep_ratio=True),
        RandomCrop(crop_size=crop[::-1], cat_max_ratio=options.crop_share),
        RandomFlip(prob=options.flip),
    ]
    if options.distortion:
        transforms.append(PhotoMetricDistortion())
    results: dict[str, Any] = {
        "img": _swap_red_and_blue(image),  # the distortion expects BGR
        "img_shape": image.shape[:2],
        "gt_seg_map": labels,
        "seg_fields": ["gt_seg_map"],
    }
    state = np.random.get_state()  # noqa: NPY002 - the generator that mmcv uses
    np.random.seed(seed)  # noqa: NPY002 - the generator that mmcv uses
    try:
        for transform in transforms:
            infrared = results["img"][..., 3:]
            if infrared.size and isinstance(transform, PhotoMetricDistortion):
                results["img"] = np.ascontiguousarray(results["img"][..., :3])
                results = transform(results)
                results["img"] = np.dstack([results["img"], infrared])
            else:
                results = transform(results)
        if options.padding == "anywhere":
            results |= _pad_at_random_position(results["img"], results["gt_seg_map"], crop)
    finally:
        np.random.set_state(state)  # noqa: NPY002 - the generator that mmcv uses
    return {**results, "img": _swap_red_and_blue(results["img"])}


def _pad_at_random_position(
    image: NDArray[np.uint8], labels: images.LabelMap, crop: tuple[int, int]
) -> dict[str, Any]:
    """Place an image and its labels in a crop of (width, height), on mean color and no label.

    The image is BGR, or BGR and infrared.
    """
    height, width = labels.shape
    mean_color = extend_to_infrared(IMAGENET_MEAN[::-1], image.shape[2])
    padded_image = np.empty((crop[1], crop[0], image.shape[2]), np.uint8)
    padded_image[...] = np.rint(mean_color)
    padded_labels = np.full(padded_image.shape[:2], IGNORE_INDEX, np.uint8)
    top = np.random.randint(crop[1] - height + 1)  # noqa: NPY002 - seeded by the caller
    left = np.random.randint(crop[0] - width + 1)  # noqa: NPY002 - seeded by the caller
    padded_image[top : top + height, left : left + width] = image
    padded_labels[top : top + height, left : left + width] = labels
    return {"img": padded_image, "gt_seg_map": padded_labels, "img_shape": padded_labels.shape}


def _swap_red_and_blue(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.shape[-1] == 3:
        return np.ascontiguousarray(image[..., ::-1])
    return np.ascontiguousarray(image[..., [2, 1, 0, 3]])
