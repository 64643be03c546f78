"""Training images: finding the files of a recipe's data, their fingerprint, and reading pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench import plugins
from fusebench.config import paths
from fusebench.data import images
from fusebench.data.matching.image_files import find_images_by_stem, split_template
from fusebench.data.pairs import Split
from fusebench.data.split_builder import load_split
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.option_values import validate_model
from fusebench.storage import hashing
from fusion.training.recipe.stage_options import DataPart, ImageDataOptions, PairDataOptions

Pixels = NDArray[np.uint8]  # (H, W, C)
InputKind = Literal["pairs", "gray", "color"]  # (visible, infrared) | single luminance | single RGB

CACHE_BYTES = 3 * 2**30  # limit of the cache of decoded images; the rest is read again
OTHER_DATA_HINT = (
    "The flags --msrs, --scenes and so on choose other data, and --data another folder"
)


@dataclass(frozen=True)
class TrainingImage:
    """One image or pair to cut patches from.

    Attributes:
        key: Name in messages, e.g. ``msrs/00042D``.
        files: The visible and the infrared file, and the teacher's if there is one; or the single
            image.
        size: (width, height), pixels.
        times: Repetitions per epoch.
    """

    key: str
    files: tuple[Path, ...]
    size: tuple[int, int]
    times: int


@dataclass(frozen=True)
class TrainingData:
    """The data of one stage on this machine.

    Attributes:
        images: Pairs of all parts in order, or single images.
        fingerprint: One entry per part, for the spec.
        descriptions: One line per part, for the model card.
        splits: The pairs of every part that has pairs.
    """

    images: tuple[TrainingImage, ...]
    fingerprint: tuple[dict[str, Any], ...]
    descriptions: tuple[str, ...]
    splits: tuple[Split, ...] = ()


class NotGeneratedError(UserError):
    """Simulated scenes that are not generated yet."""


def find_training_data(
    parts: Sequence[DataPart], input_kind: InputKind, root: Path, *, generate: bool = True
) -> TrainingData:
    """Find the images of all parts.

    Args:
        parts: Data sets and image folders to train on.
        input_kind: Whether the stage trains on pairs or on single images. Both images of a pair
            may serve as single images, not the other way round.
        root: The data folder.
        generate: Generate simulated scenes that are missing.

    Raises:
        DatasetNotFoundError: If a part is not on this machine.
        NotGeneratedError: If scenes are missing and ``generate`` is off.
        UserError: If a part is invalid, or has single images where pairs are needed.
    """
    training_images: list[TrainingImage] = []
    fingerprint: list[dict[str, Any]] = []
    descriptions: list[str] = []
    splits: list[Split] = []
    for part in parts:
        if isinstance(part, ImageDataOptions):
            if input_kind == "pairs":
                raise UserError(f"{part.images}: single images, but this stage trains on pairs")
            part_images, part_fingerprint = _find_single_images(part, root)
        else:
            split = _load_pairs(part, root, generate)
            part_images, part_fingerprint = _list_pairs(split, part)
            splits.append(split)
        part_images = part_images[: part.first]
        training_images += part_images
        fingerprint.append(part_fingerprint | {"times": part.times})
        descriptions.append(_describe_part(part, len(part_images)))
    if input_kind != "pairs":
        training_images = [
            TrainingImage(image.key, (file,), image.size, image.times)
            for image in training_images
            for file in image.files
        ]
    return TrainingData(
        tuple(training_images), tuple(fingerprint), tuple(descriptions), tuple(splits)
    )


def _describe_part(part: DataPart, count: int) -> str:
    """Describe a part, e.g. ``folder all (infrared a/ir, visible a/vi): the first 48 pairs``."""
    if isinstance(part, ImageDataOptions):
        name, kind = part.images.name, "images"
    else:
        options = ", ".join(f"{name} {_shorten_path(value)}" for name, value in part.data.items())
        name, kind = f"{part.dataset} {part.split}{options and f' ({options})'}", "pairs"
    subset = "the first " if count == part.first else ""
    repetitions = f", each {part.times} times" if part.times > 1 else ""
    return f"{name}: {subset}{count} {kind}{repetitions}"


def _shorten_path(value: Any) -> Any:
    """Reduce an absolute path to its last two parts, to keep private folders out of model cards."""
    is_absolute = isinstance(value, str | Path) and Path(value).is_absolute()
    return "/".join(Path(value).parts[-2:]) if is_absolute else value


def _load_pairs(part: PairDataOptions, root: Path, generate: bool) -> Split:
    """Load the pairs of a data set that a part consists of."""
    plugin = plugins.load_dataset(part.dataset)
    options = paths.expand_home_in_options(
        validate_model(plugin.Options, part.data, f"data of {part.dataset}")
    )
    if not generate and not plugin.is_generated(root, options):
        raise NotGeneratedError(f"{part.dataset}: not generated yet")
    try:
        split = load_split(plugin.load, root, part.split, options)
    except DatasetNotFoundError as error:
        raise DatasetNotFoundError(f"{part.dataset}: {error.message}. {OTHER_DATA_HINT}") from None
    return Split(split.dataset, split.name, split.classes, split.pairs[: part.first])


def _list_pairs(split: Split, part: PairDataOptions) -> tuple[list[TrainingImage], dict[str, Any]]:
    """List the pairs of a part; return them and their fingerprint."""
    fingerprint = {
        "dataset": split.dataset,
        "split": split.name,
        "images": hashing.hash_images(split),
    }
    return [
        TrainingImage(
            f"{part.dataset}/{pair.key}", (pair.visible, pair.infrared), pair.size, part.times
        )
        for pair in split.pairs
    ], fingerprint


def _find_single_images(
    part: ImageDataOptions, root: Path
) -> tuple[list[TrainingImage], dict[str, Any]]:
    """List the image files of a folder; return them and their fingerprint."""
    folder = root / paths.expand_home(part.images)
    if not split_template(folder)[0].is_dir():
        raise DatasetNotFoundError(f"{folder}: no such folder of images. {OTHER_DATA_HINT}")
    files = dict(sorted(find_images_by_stem(folder).items())[: part.first])
    training_images = [
        TrainingImage(
            f"{part.images.name}/{key}", (path,), images.read_image_size(path), part.times
        )
        for key, path in files.items()
    ]
    return training_images, {"images": hashing.hash_files(files), "count": len(files)}


def split_held_out(
    training_images: Sequence[TrainingImage], held_out: int
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """Split into images to train on and held-out images, which are spread evenly over the data.

    Args:
        training_images: All images.
        held_out: Number of images to hold out.

    Returns:
        (trained on, held out), each in the order of ``training_images``.

    Raises:
        UserError: If no image would be left to train on.
    """
    count = len(training_images)
    if held_out >= count:
        raise UserError(
            f"{count} image(s) or pair(s), of which {held_out} are held out; expected at least "
            "one to train on: set a smaller held_out"
        )
    # Centers of `held_out` equal intervals over the images.
    indices = {(2 * i + 1) * count // (2 * held_out) for i in range(held_out)}
    return (
        [image for i, image in enumerate(training_images) if i not in indices],
        [image for i, image in enumerate(training_images) if i in indices],
    )


def compute_fitting_size(size: tuple[int, int], patch: int) -> tuple[int, int]:
    """Return the (width, height) at which an image is cut: enlarged if smaller than a patch."""
    factor = max(1.0, patch / min(size))
    return max(patch, round(size[0] * factor)), max(patch, round(size[1] * factor))


@dataclass
class ImageReader:
    """Reads training images and caches the pixels up to `CACHE_BYTES`."""

    input_kind: InputKind
    patch: int
    _cache: dict[TrainingImage, Pixels] = field(default_factory=dict)
    _cached_bytes: int = 0

    def read(self, image: TrainingImage) -> Pixels:
        """Read an image or pair.

        Returns:
            uint8 (H, W, C), at least one patch high and wide. The channels of a pair are
            (visible, infrared) or (visible, infrared, teacher).

        Raises:
            UserError: If a file is no image, or its size differs from its header.
        """
        if image in self._cache:
            return self._cache[image]
        read = images.read_color if self.input_kind == "color" else images.read_gray
        pixels = np.dstack([_enlarge_to_patch(read(file), self.patch) for file in image.files])
        if self._cached_bytes + pixels.nbytes <= CACHE_BYTES:
            self._cache[image] = pixels
            self._cached_bytes += pixels.nbytes
        return pixels


def _enlarge_to_patch(pixels: Pixels, patch: int) -> Pixels:
    """Enlarge an image that is smaller than a patch."""
    size = compute_fitting_size((pixels.shape[1], pixels.shape[0]), patch)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
