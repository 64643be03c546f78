"""Predicted label maps from a folder, e.g. of another program, matched by file stem.

A name with ``{source}`` means one folder per source. Nothing is trained; the predictions are scored
under the same rules as all others.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fusebench.config import path_templates
from fusebench.contracts import NoOptions as Predict
from fusebench.data import fmb_palette, images, label_maps
from fusebench.data.images import LabelMap
from fusebench.data.label_images import reading
from fusebench.data.label_images.statistics import LabelStatistics
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

VERSION = 2  # 2: palettes are read by color, lossy files are refused
TITLE = "Label maps from a folder"
PROTOCOL = "made elsewhere"
FILES = "folder of label maps"
INPUT_CHANNELS = (3, 4)  # no image is read


class Options(BaseModel):
    """Options of label maps from a folder.

    Attributes:
        folder: Folder of ``<key>.png``, or any other image extension, with class ids as in the
            data set's own label maps. ``{source}``, ``{dataset}``, ``{split}`` are replaced.
            Absolute or relative to the task file; its last part can be a template of the file
            names, e.g. ``maps/{key}_pred``.
        palette: Read images in these colors instead of ids: ``fmb``, the authors' dictionary, or
            ``fmb_swapped``, the same with red and blue swapped, as some programs save it.
            ``indices``: the indices of palette images are the ids, whatever the colors. None:
            see `fusebench.data.label_images`.
        ids: Id in the files to class name, if they are not the data set's ids. An id that is not
            named is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("label_maps")
    palette: Literal["fmb", "fmb_swapped", "indices"] | None = None
    ids: dict[ClassId, str] | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> "Options":
        if self.ids is not None and self.palette in ("fmb", "fmb_swapped"):
            raise ValueError(f"ids are for files of numbers, not for the colors of {self.palette}")
        return self

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
        UserError: As `predict`, or if no pixel of any label map has a class.
    """
    label_maps_by_key = _read_label_maps(options, test)
    statistics = LabelStatistics()
    for _ in progress.track_progress(test.pairs, f"check {options.folder.name}"):
        path, stored_ids, _ = next(label_maps_by_key)
        statistics.add(path, stored_ids)
    if options.ids is None:
        where = f"{options.folder}: in {len(test.pairs)} files"
        statistics.check_bit_depths(where)
        statistics.check_any_class(test.classes, where)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W), of every test image.

    Raises:
        UserError: If a label map is missing, has another size than its pair or an id or color
            of no class, or is a color image without a palette.
    """
    read = _read_label_maps(options, test.split)
    return ((key, labels) for key, (_, _, labels) in zip(test.split.keys, read, strict=True))


def _read_label_maps(options: Options, split: Split) -> Iterator[tuple[Path, LabelMap, LabelMap]]:
    """Yield file, ids as they are stored, and class ids of every test image."""
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
        stored_ids = _read_stored_ids(path, options, split.classes)
        yield path, stored_ids, _map_ids(stored_ids, path, id_map)


def _read_stored_ids(path: Path, options: Options, classes: Sequence[str]) -> LabelMap:
    """Read the ids as they are stored: numbers, or the class ids of colors."""
    if options.palette == "indices" or options.ids is not None:
        trust_indices = options.palette == "indices"
        return reading.read_label_image(path, trust_indices=trust_indices)
    color_ids = fmb_palette.map_colors_to_ids(classes)
    if options.palette is None:
        return reading.read_label_image(path, color_ids)
    if color_ids is None:
        raise UserError(
            f"palette {options.palette}: is for FMB's classes; the data set has "
            f"{', '.join(classes)}"
        )
    if options.palette == "fmb_swapped":
        color_ids = {color[::-1]: class_id for color, class_id in color_ids.items()}
    return reading.read_colored_label_image(path, color_ids)


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
