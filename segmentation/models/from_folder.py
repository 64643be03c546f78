"""Predicted label maps from a folder, e.g. of another program, matched by file stem.

A name with ``{source}`` means one folder per source. Nothing is trained; the predictions are scored
under the same rules as all others.
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
from fusebench.contracts import NoOptions as Predict
from fusebench.data import fmb_palette, images, label_maps
from fusebench.data.images import Color, LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.matching.image_files import (
    KEY_PLACEHOLDER,
    describe_missing,
    find_images_by_stem,
)
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

ClassId = Annotated[int, Field(ge=0, le=255)]

VERSION = 1
TITLE = "Label maps from a folder"
PROTOCOL = "made elsewhere"
FILES = "folder of label maps"


class Options(BaseModel):
    """Options of label maps from a folder.

    Attributes:
        folder: Folder of ``<key>.png``, or any other image extension, with class ids as in the
            data set's own label maps. ``{source}``, ``{dataset}``, ``{split}`` are replaced.
            Absolute or relative to the task file; its last part can be a template of the file
            names, e.g. ``maps/{key}_pred``.
        palette: Read images in these colors instead of ids: ``fmb``, the authors' dictionary, or
            ``fmb_swapped``, the same with red and blue swapped, as some programs save it.
        ids: Id in the files to class name, if they are not the data set's ids. An id that is not
            named is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("label_maps")
    palette: Literal["fmb", "fmb_swapped"] | None = None
    ids: dict[ClassId, str] | None = None

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit later options that are not set, so that older specs keep their hash."""
        values: dict[str, Any] = serialize(self)
        return {name: value for name, value in values.items() if value is not None}


def resolve_paths(options: Options, values: Mapping[str, str], where: str) -> Options:
    """Replace the placeholders in the folder's name.

    Args:
        options: See `Options`.
        values: Placeholder to value, e.g. of the source.
        where: Position in the task file, for messages.

    Returns:
        New options with the folder of one source.
    """
    # {key} stays: it stands for each pair's key in the names of the files.
    values = {**values, "key": KEY_PLACEHOLDER}
    path = path_templates.fill_template(str(options.folder), values, f"{where}.folder")
    return options.model_copy(update={"folder": Path(path)})


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return one hash of all files in the folder, for the spec.

    Raises:
        UserError: If there is no such folder.
    """
    paths = find_images_by_stem(options.folder)
    hashes = {key: hashing.compute_file_sha256(path) for key, path in paths.items()}
    return {"files": hashing.content_hash(hashes)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs: folder, palette and ids of the label maps."""
    facts: dict[str, Scalar] = {"model": "label maps", "predictions": options.folder.name}
    if options.palette is not None:
        facts["colors"] = options.palette
    if options.ids is not None:
        facts["ids"] = ", ".join(f"{i} {name}" for i, name in sorted(options.ids.items()))
    return facts


def config_errors(options: Options, classes: Sequence[str], where: str) -> list[str]:
    """List the errors of the option ``ids``, as messages.

    Args:
        options: See `Options`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    return [
        f"{where}.ids.{file_id}: {name!r} is none of the classes {', '.join(classes)}"
        for file_id, name in (options.ids or {}).items()
        if name not in classes
    ]


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Do nothing: there is no network to train."""


def check_predictions(options: Options, test: Split) -> None:
    """Read and check every label map before the run starts.

    Raises:
        UserError: As `predict`.
    """
    label_maps_by_key = _read_label_maps(options, test)
    for _ in progress.track_progress(test.pairs, f"check {options.folder.name}"):
        next(label_maps_by_key)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W), of every test image.

    Raises:
        UserError: If a label map is missing, has another size than its pair or an id or color
            of no class, or is a color image without a palette.
    """
    return _read_label_maps(options, test.split)


def _read_label_maps(options: Options, split: Split) -> Iterator[tuple[str, LabelMap]]:
    errors = config_errors(options, split.classes, "options")
    if errors:
        raise UserError("\n".join(errors))
    id_map = _build_id_map(options.ids, split.classes)
    paths = find_images_by_stem(options.folder)
    missing = [key for key in split.keys if key not in paths]
    if missing:
        raise UserError(
            f"{options.folder}: {len(missing)} of the {len(split.keys)} label maps are "
            f"missing (first: {missing[0]}); "
            f"{describe_missing(missing, options.folder, set(paths) - set(split.keys))}"
        )
    for pair in split.pairs:
        path = paths[pair.key]
        _check_image_size(path, pair)
        if options.palette is None:
            yield pair.key, _map_ids(_read_ids(path), path, id_map)
        else:
            yield pair.key, _read_colored_label_map(path, options.palette, split.classes)


def _read_ids(path: Path) -> LabelMap:
    try:
        return images.read_label_image(path)
    except UserError as error:
        hint = "; is it an image in FMB's colors? Then set palette: fmb"
        raise UserError(f"{error}{hint if 'one channel' in str(error) else ''}") from None


def _build_id_map(ids: Mapping[int, str] | None, classes: Sequence[str]) -> dict[int, int]:
    """Return id in the files to class id."""
    if ids is not None:
        return {file_id: classes.index(name) for file_id, name in ids.items()}
    id_map = {class_id: class_id for class_id in range(len(classes))}
    if label_maps.has_unlabeled_class(classes):
        id_map[label_maps.IGNORE_INDEX] = 0
    return id_map


def _check_image_size(path: Path, pair: Pair) -> None:
    width, height = images.read_image_size(path)
    if (width, height) != pair.size:
        raise UserError(
            f"{path}: {width} x {height} pixels, but the pair {pair.key} "
            f"has {pair.size[0]} x {pair.size[1]}; save label maps at full size"
        )


def _map_ids(labels: LabelMap, path: Path, id_map: Mapping[int, int]) -> LabelMap:
    """Replace the ids of a file by class ids."""
    present, counts = np.unique(labels, return_counts=True)
    for file_id, pixels in zip(present, counts, strict=True):
        if int(file_id) not in id_map:
            raise UserError(
                f"{path}: id {file_id} ({pixels} pixels) has no class; known are "
                f"{', '.join(map(str, sorted(id_map)))}. If the ids have another numbering, set "
                "ids: to the class name of each"
            )
    table = np.zeros(256, np.uint8)
    table[list(id_map)] = list(id_map.values())
    mapped: LabelMap = table[labels]
    return mapped


def _read_colored_label_map(path: Path, palette: str, classes: Sequence[str]) -> LabelMap:
    """Read the class ids of an image in FMB's colors."""
    names = [name.lower() for name in classes]
    missing = [name for name in names if name not in fmb_palette.FMB_COLORS]
    if missing:
        raise UserError(
            f"palette {palette}: has no color for {', '.join(missing)}; it is for FMB's classes"
        )
    channel_step = 1 if palette == "fmb" else -1
    colors = np.array([fmb_palette.FMB_COLORS[name] for name in names], np.uint8)
    class_ids = {int(rgb): i for i, rgb in enumerate(_pack_rgb(colors[:, ::channel_step]))}
    pixels = _pack_rgb(images.read_color(path))
    present, inverse, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    unknown = [i for i, rgb in enumerate(present) if int(rgb) not in class_ids]
    if unknown:
        most_frequent = max(unknown, key=lambda i: counts[i])
        color = tuple(int(present[most_frequent]) >> shift & 255 for shift in (16, 8, 0))
        raise UserError(
            f"{path}: {sum(counts[unknown])} pixels in {len(unknown)} colors of no class (most "
            f"often RGB {color}); save it without loss, or set palette to fmb or fmb_swapped "
            "for the other order of channels"
        )
    table = np.array([class_ids[int(rgb)] for rgb in present], np.uint8)
    labels: LabelMap = table[inverse.reshape(pixels.shape)]
    return labels


def _pack_rgb(colors: Color) -> NDArray[np.int64]:
    """Pack RGB, uint8 (..., 3), into one integer per color."""
    packed: NDArray[np.int64] = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return packed
