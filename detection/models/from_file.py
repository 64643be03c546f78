"""Boxes from a file: somebody else's detector, or a test.

The file is COCO's detection form with ``images`` (``file_name`` or ``id`` is the pair's key, with
or without an extension), ``categories`` (matched by name) and ``annotations`` with a ``score``
each; or COCO's list of results, with the option ``images`` naming a COCO file that lists the images
and categories. Boxes are in pixels of the test images. Nothing is trained.

With ``{source}`` in its name there is a file per source, e.g. ``theirs-{source}.json``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detection import coco_results_file
from fusebench.config import path_templates
from fusebench.contracts import NoOptions as Predict
from fusebench.data.boxes import Boxes, from_coco, make_boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 2
TITLE = "boxes from a file"
PROTOCOL = "made elsewhere"
FILES = "file of boxes"
NonEmptyText = Annotated[str, Field(min_length=1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        file: The COCO JSON, absolute or relative to where the program is started; ``{source}``,
            ``{dataset}`` and ``{split}`` in it are filled in.
        images: For a list of results: the COCO JSON that says what its ids mean; filled in alike.
        class_map: Category of the file to class of the data set; what is not named, or null, is
            dropped. Without it every category must be a class of the data set.
        name: What the detector is called in tables.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    images: Path | None = None
    class_map: Annotated[dict[NonEmptyText, NonEmptyText | None], Field(min_length=1)] | None = None
    name: NonEmptyText = "boxes from a file"


def resolve_paths(options: Options, known: Mapping[str, str], where: str) -> Options:
    """The options with the names of the files for one source."""
    names = {
        option: Path(path_templates.fill_template(str(name), known, f"{where}.{option}"))
        for option, name in (("file", options.file), ("images", options.images))
        if name is not None
    }
    return options.model_copy(update=names)


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """The sha256 of the files.

    Raises:
        UserError: If one is not there.
    """
    images = None if options.images is None else hashing.compute_file_sha256(options.images)
    return {"file": hashing.compute_file_sha256(options.file), "images": images}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """What a reader needs to know."""
    pin = hashing.compute_file_sha256(options.file)
    said: dict[str, Scalar] = {
        "model": options.name,
        "predictions": f"{options.file.name} (sha256 {pin[:12]})",
    }
    if options.class_map:
        kept = [f"{name} to {meant}" for name, meant in options.class_map.items() if meant]
        said["class map"] = f"{', '.join(kept)}; others dropped"
    return said


def config_errors(options: Options, known: Sequence[str], where: str) -> list[str]:
    """What is wrong with the class map, in words.

    Args:
        options: See `Options`.
        known: The data set's classes.
        where: Where in the task file.
    """
    return [
        f"{where}.class_map.{name}: {meant!r} is none of {', '.join(known)}"
        for name, meant in (options.class_map or {}).items()
        if meant is not None and meant not in known
    ]


def mapped_classes(options: Options, known: Sequence[str]) -> set[str]:
    """Which of the data set's classes the file can have; all of them without a class map."""
    if options.class_map is None:
        return set(known)
    return {meant for meant in options.class_map.values() if meant is not None}


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Do nothing."""


def check_predictions(options: Options, test: Split) -> None:
    """Read the file once before anything is computed from it.

    Raises:
        UserError: As `predict`.
    """
    _read_predictions(options, test)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """The boxes of the file, clipped to the images, for every test image.

    A listed image without boxes is one in which nothing was found. One that is not listed is
    refused: nobody knows whether it was looked at. So it is with categories. Images of the whole
    split that a limit left out may be listed.

    Raises:
        UserError: If the file is no COCO detection file with scores, or does not fit the images
            or the classes.
    """
    return _read_predictions(options, test.split)


def _read_predictions(options: Options, split: Split) -> dict[str, Boxes]:
    faults = config_errors(options, split.classes, "options")
    if faults:
        raise UserError("\n".join(faults))
    document = coco_results_file.read_document(options.file, options.images)
    if options.class_map is None:
        _check_categories(options.images or options.file, document, split.classes)
    else:
        document = coco_results_file.map_categories(options.file, document, options.class_map)
    try:
        found = from_coco(document, split.classes)
    except UserError as fault:
        raise UserError(f"{options.file}: {fault}") from None
    _check_images(options.images or options.file, found, split)
    _check_pixel_coordinates(options.file, list(found.values()))
    return {
        pair.key: _clip_to_image(found[pair.key], pair.size, f"{options.file}: {pair.key}")
        for pair in split.pairs
    }


def _check_images(file: Path, found: Mapping[str, Boxes], split: Split) -> None:
    missing = [key for key in split.keys if key not in found]
    unknown = sorted(set(found) - {*split.keys, *split.excluded_keys})
    if missing or unknown:
        odd = (
            f"lacks {missing[0]!r}" if missing else f"has {unknown[0]!r}, which is not one of them"
        )
        raise UserError(
            f"{file}: lists {len(found)} images, but {split.dataset}/{split.name} has "
            f"{len(split.keys) + len(split.excluded_keys)}; it {odd}"
        )


def _check_categories(file: Path, document: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Refuse a file without a class of the data set: its AP of 0 would lower the mean unsaid."""
    there = [category["name"] for category in document["categories"]]
    lost = [name for name in classes if name not in there]
    if lost and set(there) <= set(classes):
        raise UserError(
            f"{file}: has no category {lost[0]}, so its AP would be 0 and lower the mean; list the "
            f"category if it was looked for, else map the others with class_map and list "
            f"{lost[0]} under without: for a second mean"
        )


def _check_pixel_coordinates(file: Path, found: Sequence[Boxes]) -> None:
    """Refuse coordinates that are shares of the image."""
    corners = np.concatenate([np.zeros((0, 4)), *(boxes.corners for boxes in found)])
    if len(corners) and corners.max() <= 1:
        raise UserError(
            f"{file}: no box reaches further than 1 pixel: the coordinates look like shares of the "
            "image; expected pixels"
        )


def _clip_to_image(boxes: Boxes, size: tuple[int, int], where: str) -> Boxes:
    """The boxes within the image.

    Raises:
        UserError: If one is wholly outside: then the file was made for images of another size.
    """
    width, height = size
    corners = boxes.corners.clip(0, [width, height, width, height])
    outside = ~(corners[:, 2:] > corners[:, :2]).all(axis=1)
    if outside.any():
        left, top, right, bottom = boxes.corners[outside][0]
        raise UserError(
            f"{where}: a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) lies outside the "
            f"image of {width}x{height} pixels; expected boxes in pixels of this image"
        )
    return make_boxes(corners, boxes.class_ids, boxes.scores)
