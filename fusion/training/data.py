"""The images of a training: which files, what names them in a spec, how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import digest, images, plugins
from bench.errors import BenchError, DataAbsent
from bench.pairs import Split, images_by_stem
from fusion.training.recipes import Images, Pairs, Part

Pixels = NDArray[np.uint8]  # (H, W, C)
Seen = Literal["pairs", "gray", "colour"]  # (visible, infrared) | single luminance | single RGB

CACHE = 3 * 2**30  # bytes of decoded images kept; the rest is read anew


@dataclass(frozen=True)
class Item:
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
class Found:
    """The parts of one stage's data on this machine.

    Attributes:
        items: Pairs of all parts in order, or single images.
        fingerprint: What stands for them in a spec.
        words: For the model card, one line per part.
    """

    items: tuple[Item, ...]
    fingerprint: tuple[dict[str, Any], ...]
    words: tuple[str, ...]


class Undrawn(BenchError):  # noqa: N818 - named for what it says, as `DataAbsent` is
    """Simulated scenes that are not drawn yet."""


def find(parts: Sequence[Part], seen: Seen, root: Path, *, draw: bool = True) -> Found:
    """Look the parts up.

    Args:
        parts: What to train on.
        seen: Whether patches are pairs; single images give none.
        root: The data folder.
        draw: Draw simulated scenes that are not there yet.

    Raises:
        DataAbsent: If a part is not on this machine.
        Undrawn: If scenes would have to be drawn and ``draw`` is off.
        BenchError: If a part is wrong, or holds single images where pairs are needed.
    """
    items: list[Item] = []
    prints: list[dict[str, Any]] = []
    words: list[str] = []
    for part in parts:
        if isinstance(part, Images):
            if seen == "pairs":
                raise BenchError(f"{part.images}: single images, but this stage trains on pairs")
            some, mark = _singles(part, root)
        else:
            some, mark = _pairs(part, root, draw)
        some = some[: part.first]
        items += some
        prints.append(mark | {"times": part.times})
        words.append(_words(part, len(some)))
    if seen != "pairs":
        items = [
            Item(item.key, (file,), item.size, item.times) for item in items for file in item.files
        ]
    return Found(tuple(items), tuple(prints), tuple(words))


def _words(part: Part, count: int) -> str:
    """E.g. ``folder all (infrared roadscene/ir, visible roadscene/vi): the first 48 pairs``."""
    if isinstance(part, Images):
        name, kind = part.images.name, "images"
    else:
        told = ", ".join(f"{name} {_without_place(value)}" for name, value in part.data.items())
        name, kind = f"{part.dataset} {part.split}{told and f' ({told})'}", "pairs"
    which = "the first " if count == part.first else ""
    often = f", each {part.times} times" if part.times > 1 else ""
    return f"{name}: {which}{count} {kind}{often}"


def _without_place(value: Any) -> Any:
    """An option of a data set; of an absolute path the last two names, wherever it lies."""
    absolute = isinstance(value, str | Path) and Path(value).is_absolute()
    return "/".join(Path(value).parts[-2:]) if absolute else value


def _pairs(part: Pairs, root: Path, draw: bool) -> tuple[list[Item], dict[str, Any]]:
    plugin = plugins.find("bench.datasets", part.dataset)
    options = plugins.options(plugin, part.data, f"data of {part.dataset}")
    if not draw and hasattr(plugin, "ready") and not plugin.ready(root, options):
        raise Undrawn(f"{part.dataset}: not drawn yet")
    try:
        split: Split = plugin.load(root, part.split, options)
    except DataAbsent as fault:
        raise DataAbsent(
            f"{part.dataset}: {fault.fault}. The flags --msrs, --scenes and so on choose other "
            "data, and --data another folder"
        ) from None
    kept = Split(split.dataset, split.name, split.classes, split.pairs[: part.first])
    mark = {"dataset": kept.dataset, "split": kept.name, "images": digest.images(kept)}
    return [
        Item(f"{part.dataset}/{p.key}", (p.visible, p.infrared), p.size, part.times)
        for p in kept.pairs
    ], mark


def _singles(part: Images, root: Path) -> tuple[list[Item], dict[str, Any]]:
    folder = root / part.images
    if not folder.is_dir():
        raise DataAbsent(
            f"{folder}: no such folder of images. The flags --msrs, --scenes and so on choose "
            "other data, and --data another folder"
        )
    files = dict(sorted(images_by_stem(folder).items())[: part.first])
    if not files:
        raise BenchError(f"{folder}: no images")
    items = [
        Item(f"{part.images.name}/{key}", (path,), images.size(path), part.times)
        for key, path in files.items()
    ]
    return items, {"images": digest.files(files), "count": len(files)}


def apart(items: Sequence[Item], held_out: int) -> tuple[list[Item], list[Item]]:
    """(trained on, held out): the latter spread evenly over the items.

    Raises:
        BenchError: If nothing would be left to train on.
    """
    if held_out >= len(items):
        raise BenchError(f"{len(items)} image(s) or pair(s), of which {held_out} are held out")
    chosen = {(2 * i + 1) * len(items) // (2 * held_out) for i in range(held_out)}
    return (
        [item for i, item in enumerate(items) if i not in chosen],
        [item for i, item in enumerate(items) if i in chosen],
    )


def fitted(size: tuple[int, int], patch: int) -> tuple[int, int]:
    """(width, height) at which an image is cut: enlarged if a patch would not fit."""
    factor = max(1.0, patch / min(size))
    return max(patch, round(size[0] * factor)), max(patch, round(size[1] * factor))


@dataclass
class Reader:
    """Reads items, and keeps what it has read as long as there is room."""

    seen: Seen
    patch: int
    _kept: dict[Item, Pixels] = field(default_factory=dict)
    _bytes: int = 0

    def read(self, item: Item) -> Pixels:
        """uint8 (H, W, C), at least one patch high and wide.

        Raises:
            BenchError: If a file is no image, or not of the size its header said.
        """
        if item in self._kept:
            return self._kept[item]
        read = images.read_color if self.seen == "colour" else images.read_gray
        pixels = np.dstack([_enlarged(read(file), self.patch) for file in item.files])
        if self._bytes + pixels.nbytes <= CACHE:
            self._kept[item] = pixels
            self._bytes += pixels.nbytes
        return pixels


def _enlarged(pixels: Pixels, patch: int) -> Pixels:
    size = fitted((pixels.shape[1], pixels.shape[0]), patch)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
