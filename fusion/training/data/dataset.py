"""The images of a training: which files, what names them in a spec, how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench import plugins
from fusebench.data import images
from fusebench.data.pairs import Split, find_images_by_stem
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.storage import hashing
from fusion.training.recipe.schema import DataPart, ImageDataOptions, PairDataOptions

Pixels = NDArray[np.uint8]  # (H, W, C)
InputKind = Literal["pairs", "gray", "color"]  # (visible, infrared) | single luminance | single RGB

CACHE_BYTES = 3 * 2**30  # bytes of decoded images kept; the rest is read anew


@dataclass(frozen=True)
class TrainingImage:
    """One image (or pair) to cut patches from.

    Attributes:
        key: Names it in messages, e.g. ``msrs/00042D``.
        files: The visible and the infrared file, or the one image.
        size: (width, height), pixels.
        times: How often it is seen in an epoch.
    """

    key: str
    files: tuple[Path, ...]
    size: tuple[int, int]
    times: int


@dataclass(frozen=True)
class TrainingData:
    """The parts of one stage's data on this machine.

    Attributes:
        items: Pairs of all parts in order, or single images.
        fingerprint: What stands for them in a spec.
        words: For the model card, one line per part.
    """

    images: tuple[TrainingImage, ...]
    fingerprint: tuple[dict[str, Any], ...]
    descriptions: tuple[str, ...]


class NotGeneratedError(UserError):  # noqa: N818 - named for what it says, as `DatasetNotFoundError` is
    """Simulated scenes that are not drawn yet."""


def find_training_data(
    parts: Sequence[DataPart], seen: InputKind, root: Path, *, draw: bool = True
) -> TrainingData:
    """Look the parts up.

    Args:
        parts: What to train on.
        seen: Whether patches are pairs; single images give none.
        root: The data folder.
        draw: Draw simulated scenes that are not there yet.

    Raises:
        DatasetNotFoundError: If a part is not on this machine.
        Undrawn: If scenes would have to be drawn and ``draw`` is off.
        UserError: If a part is wrong, or holds single images where pairs are needed.
    """
    items: list[TrainingImage] = []
    prints: list[dict[str, Any]] = []
    words: list[str] = []
    for part in parts:
        if isinstance(part, ImageDataOptions):
            if seen == "pairs":
                raise UserError(f"{part.images}: single images, but this stage trains on pairs")
            some, mark = _find_single_images(part, root)
        else:
            some, mark = _find_pairs(part, root, draw)
        some = some[: part.first]
        items += some
        prints.append(mark | {"times": part.times})
        words.append(_describe_part(part, len(some)))
    if seen != "pairs":
        items = [
            TrainingImage(item.key, (file,), item.size, item.times)
            for item in items
            for file in item.files
        ]
    return TrainingData(tuple(items), tuple(prints), tuple(words))


def _describe_part(part: DataPart, count: int) -> str:
    """E.g. ``folder all (infrared roadscene/ir, visible roadscene/vi): the first 48 pairs``."""
    if isinstance(part, ImageDataOptions):
        name, kind = part.images.name, "images"
    else:
        told = ", ".join(f"{name} {_shorten_path(value)}" for name, value in part.data.items())
        name, kind = f"{part.dataset} {part.split}{told and f' ({told})'}", "pairs"
    which = "the first " if count == part.first else ""
    often = f", each {part.times} times" if part.times > 1 else ""
    return f"{name}: {which}{count} {kind}{often}"


def _shorten_path(value: Any) -> Any:
    """An option of a data set; of an absolute path the last two names, wherever it lies."""
    absolute = isinstance(value, str | Path) and Path(value).is_absolute()
    return "/".join(Path(value).parts[-2:]) if absolute else value


def _find_pairs(
    part: PairDataOptions, root: Path, draw: bool
) -> tuple[list[TrainingImage], dict[str, Any]]:
    plugin = plugins.load_dataset(part.dataset)
    options = plugins.validate_options(plugin.Options, part.data, f"data of {part.dataset}")
    if not draw and not plugin.is_generated(root, options):
        raise NotGeneratedError(f"{part.dataset}: not drawn yet")
    try:
        split: Split = plugin.load(root, part.split, options)
    except DatasetNotFoundError as fault:
        raise DatasetNotFoundError(
            f"{part.dataset}: {fault.message}. The flags --msrs, --scenes and so on choose other "
            "data, and --data another folder"
        ) from None
    kept = Split(split.dataset, split.name, split.classes, split.pairs[: part.first])
    mark = {"dataset": kept.dataset, "split": kept.name, "images": hashing.hash_images(kept)}
    return [
        TrainingImage(f"{part.dataset}/{p.key}", (p.visible, p.infrared), p.size, part.times)
        for p in kept.pairs
    ], mark


def _find_single_images(
    part: ImageDataOptions, root: Path
) -> tuple[list[TrainingImage], dict[str, Any]]:
    folder = root / part.images
    if not folder.is_dir():
        raise DatasetNotFoundError(
            f"{folder}: no such folder of images. The flags --msrs, --scenes and so on choose "
            "other data, and --data another folder"
        )
    files = dict(sorted(find_images_by_stem(folder).items())[: part.first])
    if not files:
        raise UserError(f"{folder}: no images")
    items = [
        TrainingImage(
            f"{part.images.name}/{key}", (path,), images.read_image_size(path), part.times
        )
        for key, path in files.items()
    ]
    return items, {"images": hashing.hash_files(files), "count": len(files)}


def split_held_out(
    items: Sequence[TrainingImage], held_out: int
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """(trained on, held out): the latter spread evenly over the items.

    Raises:
        UserError: If nothing would be left to train on.
    """
    if held_out >= len(items):
        raise UserError(f"{len(items)} image(s) or pair(s), of which {held_out} are held out")
    chosen = {(2 * i + 1) * len(items) // (2 * held_out) for i in range(held_out)}
    return (
        [item for i, item in enumerate(items) if i not in chosen],
        [item for i, item in enumerate(items) if i in chosen],
    )


def compute_fitting_size(size: tuple[int, int], patch: int) -> tuple[int, int]:
    """(width, height) at which an image is cut: enlarged if a patch would not fit."""
    factor = max(1.0, patch / min(size))
    return max(patch, round(size[0] * factor)), max(patch, round(size[1] * factor))


@dataclass
class ImageReader:
    """Reads items, and keeps what it has read as long as there is room."""

    input_kind: InputKind
    patch: int
    _cache: dict[TrainingImage, Pixels] = field(default_factory=dict)
    _cached_bytes: int = 0

    def read(self, item: TrainingImage) -> Pixels:
        """uint8 (H, W, C), at least one patch high and wide.

        Raises:
            UserError: If a file is no image, or not of the size its header said.
        """
        if item in self._cache:
            return self._cache[item]
        read = images.read_color if self.input_kind == "color" else images.read_gray
        pixels = np.dstack([_enlarge_to_patch(read(file), self.patch) for file in item.files])
        if self._cached_bytes + pixels.nbytes <= CACHE_BYTES:
            self._cache[item] = pixels
            self._cached_bytes += pixels.nbytes
        return pixels


def _enlarge_to_patch(pixels: Pixels, patch: int) -> Pixels:
    size = compute_fitting_size((pixels.shape[1], pixels.shape[0]), patch)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
