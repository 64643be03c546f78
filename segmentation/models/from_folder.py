"""Label maps that were made elsewhere: a folder of images of class ids, matched by file stem.

With ``{source}`` in its name there is a folder per source.

Nothing is trained. It scores other people's predictions under the same rules as everybody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from fusebench.config import path_templates
from fusebench.data import fmb_palette, images, label_maps
from fusebench.data.images import Color, LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair, Split, find_images_by_stem
from fusebench.errors import UserError
from fusebench.plugins import NoOptions as Predict
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.records import Scalar
from segmentation.class_averaging import UNLABELED_NAMES

ClassId = Annotated[int, Field(ge=0, le=255)]

VERSION = 1
TITLE = "Label maps from a folder"
PROTOCOL = "made elsewhere"
FILES = "folder of label maps"


class Options(BaseModel):
    """What decides the label maps.

    Attributes:
        folder: Where they lie, ``<key>.png`` or any other image extension, class ids as they are
            in the data set's own masks. ``{source}``, ``{dataset}``, ``{split}`` are filled in.
        palette: Read pictures in these colors instead of ids: ``fmb``, the authors' dictionary,
            or ``fmb_swapped``, the same with red and blue swapped, as some programs save it.
        ids: What the ids in the files mean, where they are not the data set's: id to class name.
            An id that is not named is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("label_maps")
    palette: Literal["fmb", "fmb_swapped"] | None = None
    ids: dict[ClassId, str] | None = None

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, said: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the younger words where they change nothing: scores from before stay valid."""
        words: dict[str, Any] = said(self)
        return {name: value for name, value in words.items() if value is not None}


def resolve_paths(options: Options, known: Mapping[str, str], where: str) -> Options:
    """The options with the name of the folder for one source."""
    name = path_templates.fill_template(str(options.folder), known, f"{where}.folder")
    return options.model_copy(update={"folder": Path(name)})


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """One digest of all files in the folder.

    Raises:
        UserError: If there is no such folder.
    """
    found = find_images_by_stem(options.folder)
    return {
        "files": hashing.content_hash(
            {key: hashing.compute_file_sha256(path) for key, path in found.items()}
        )
    }


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Where the label maps come from, and how they were read."""
    facts: dict[str, Scalar] = {"model": "label maps", "predictions": options.folder.name}
    if options.palette is not None:
        facts["colors"] = options.palette
    if options.ids is not None:
        facts["ids"] = ", ".join(f"{i} {name}" for i, name in sorted(options.ids.items()))
    return facts


def config_errors(options: Options, known: Sequence[str], where: str) -> list[str]:
    """What is wrong with the meaning of the ids, in words.

    Args:
        options: See `Options`.
        known: The data set's classes.
        where: Where in the task file.
    """
    return [
        f"{where}.ids.{number}: {name!r} is none of the classes {', '.join(known)}"
        for number, name in (options.ids or {}).items()
        if name not in known
    ]


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Do nothing: what made the label maps was trained elsewhere."""


def check_predictions(options: Options, test: Split) -> None:
    """Read every label map once before anything is computed from them.

    Raises:
        UserError: As `predict`.
    """
    maps = _read_label_maps(options, test)
    for _ in progress.track_progress(test.pairs, f"check {options.folder.name}"):
        next(maps)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Key and label map, uint8 (H, W), of each example.

    Raises:
        UserError: If one is missing, has another size than its pair, an id or color that no
            class has, or is a picture where ids are meant.
    """
    return _read_label_maps(options, test.split)


def _read_label_maps(options: Options, split: Split) -> Iterator[tuple[str, LabelMap]]:
    faults = config_errors(options, split.classes, "options")
    if faults:
        raise UserError("\n".join(faults))
    meaning = _build_id_map(options.ids, split.classes)
    found = find_images_by_stem(options.folder)
    missing = [key for key in split.keys if key not in found]
    if missing:
        raise UserError(
            f"{options.folder}: {len(missing)} of the {len(split.keys)} label maps are "
            f"missing (first: {missing[0]}); put them there, named like the pair's key"
        )
    for pair in split.pairs:
        path = found[pair.key]
        _check_image_size(path, pair)
        if options.palette is None:
            yield pair.key, _map_ids(_read_ids(path), path, meaning, split.classes)
        else:
            yield pair.key, _read_colored_label_map(path, options.palette, split.classes)


def _read_ids(path: Path) -> LabelMap:
    try:
        return images.read_label_image(path)
    except UserError as fault:
        hint = "; is it a picture in FMB's colors? Then set palette: fmb"
        raise UserError(f"{fault}{hint if 'one channel' in str(fault) else ''}") from None


def _build_id_map(ids: Mapping[int, str] | None, classes: Sequence[str]) -> dict[int, int] | None:
    """Id in the files to class id; None where they are the same."""
    if ids is None:
        return None
    return {number: classes.index(name) for number, name in ids.items()}


def _check_image_size(path: Path, pair: Pair) -> None:
    width, height = images.read_image_size(path)
    if (width, height) != pair.size:
        raise UserError(
            f"{path}: {width} x {height} pixels, but the pair {pair.key} "
            f"has {pair.size[0]} x {pair.size[1]}; save label maps at full size"
        )


def _map_ids(
    labels: LabelMap, path: Path, meaning: Mapping[int, int] | None, classes: Sequence[str]
) -> LabelMap:
    """Ids of the data set for those of a file."""
    if meaning is None:
        meaning = {number: number for number in range(len(classes))}
        if classes[0].lower() in UNLABELED_NAMES:
            meaning[label_maps.IGNORE_INDEX] = 0
    present, counts = np.unique(labels, return_counts=True)
    for number, pixels in zip(present, counts, strict=True):
        if int(number) not in meaning:
            known = ", ".join(map(str, sorted(meaning)))
            raise UserError(
                f"{path}: id {number} ({pixels} pixels) has no class; known are {known}. "
                "If the ids are numbered in another way, say in ids: which class each one is"
            )
    table = np.zeros(256, np.uint8)
    table[list(meaning)] = list(meaning.values())
    mapped: LabelMap = table[labels]
    return mapped


def _read_colored_label_map(path: Path, name: str, classes: Sequence[str]) -> LabelMap:
    """Class ids of a picture in FMB's colors."""
    lacking = [each for each in classes if each.lower() not in fmb_palette.FMB_COLORS]
    if lacking:
        raise UserError(
            f"palette {name}: has no color for {', '.join(lacking)}; it is for FMB's classes"
        )
    step = 1 if name == "fmb" else -1
    colors = np.array([fmb_palette.FMB_COLORS[each.lower()] for each in classes], np.uint8)[
        :, ::step
    ]
    wanted = {int(color): i for i, color in enumerate(_pack_rgb(colors))}
    shown = _pack_rgb(images.read_color(path))
    present, where, counts = np.unique(shown, return_inverse=True, return_counts=True)
    unknown = [i for i, color in enumerate(present) if int(color) not in wanted]
    if unknown:
        first = max(unknown, key=lambda i: counts[i])
        color = tuple(int(present[first]) >> shift & 255 for shift in (16, 8, 0))
        raise UserError(
            f"{path}: {sum(counts[unknown])} pixels in {len(unknown)} colors of no class (most "
            f"often RGB {color}); save it without loss, or set palette to fmb or fmb_swapped "
            "for the other order of channels"
        )
    table = np.array([wanted[int(color)] for color in present], np.uint8)
    labels: LabelMap = table[where.reshape(shown.shape)]
    return labels


def _pack_rgb(colors: Color) -> NDArray[np.int64]:
    """RGB (..., 3) as one number each."""
    packed: NDArray[np.int64] = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return packed
