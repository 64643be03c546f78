"""Predicted boxes from a COCO file, e.g. of another program's detector.

The file is in COCO format with ``images`` (``file_name`` or ``id`` is the pair's key, with
or without an extension), ``categories`` (matched by name) and ``annotations`` with a ``score``
each; or it is COCO's list of results, and the option ``images`` names a COCO file that lists the
images and categories. Boxes are in pixels of the test images. Nothing is trained.

A name with ``{source}`` means one file per source, e.g. ``boxes-{source}.json``.
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
    """Options of predictions from a file.

    Attributes:
        file: The COCO JSON, absolute or relative to the task file; ``{source}``, ``{dataset}``
            and ``{split}`` are replaced.
        images: For a list of results: the COCO JSON that lists images and categories; the same
            placeholders are replaced.
        class_map: Category of the file to class of the data set; a category that is null or not
            named is dropped. Without a map every category must be a class of the data set.
        name: Name of the detector in tables.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    images: Path | None = None
    class_map: Annotated[dict[NonEmptyText, NonEmptyText | None], Field(min_length=1)] | None = None
    name: NonEmptyText = "boxes from a file"


def resolve_paths(options: Options, values: Mapping[str, str], where: str) -> Options:
    """Replace the placeholders in the file names.

    Args:
        options: See `Options`.
        values: Placeholder to value, e.g. of the source.
        where: Position in the task file, for messages.

    Returns:
        New options with the file names of one source.
    """
    paths = {
        option: Path(path_templates.fill_template(str(template), values, f"{where}.{option}"))
        for option, template in (("file", options.file), ("images", options.images))
        if template is not None
    }
    return options.model_copy(update=paths)


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return the sha256 of the files, for the spec.

    Raises:
        UserError: If a file does not exist.
    """
    images = None if options.images is None else hashing.compute_file_sha256(options.images)
    return {"file": hashing.compute_file_sha256(options.file), "images": images}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs to reproduce the scores."""
    sha256 = hashing.compute_file_sha256(options.file)
    facts: dict[str, Scalar] = {
        "model": options.name,
        "predictions": f"{options.file.name} (sha256 {sha256[:12]})",
    }
    if options.class_map:
        mapped = [f"{name} to {target}" for name, target in options.class_map.items() if target]
        facts["class map"] = f"{', '.join(mapped)}; others dropped"
    return facts


def config_errors(options: Options, classes: Sequence[str], where: str) -> list[str]:
    """List the errors of the class map, as messages.

    Args:
        options: See `Options`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    return [
        f"{where}.class_map.{name}: {target!r} is none of {', '.join(classes)}"
        for name, target in (options.class_map or {}).items()
        if target is not None and target not in classes
    ]


def mapped_classes(options: Options, classes: Sequence[str]) -> set[str]:
    """Return the data set's classes that the file can predict; all without a class map."""
    if options.class_map is None:
        return set(classes)
    return {target for target in options.class_map.values() if target is not None}


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Do nothing: there is no network to train."""


def check_predictions(options: Options, test: Split) -> None:
    """Read and check the file before the run starts.

    Raises:
        UserError: As `predict`.
    """
    _read_predictions(options, test)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Return the boxes of the file, clipped to the image, for every test image.

    A listed image without boxes has no detections. An image that is not listed is an error,
    because the detector may not have been run on it; the same holds for categories. Images of
    the split that a limit excludes may be listed.

    Raises:
        UserError: If the file is no COCO detection file with scores, or does not match the images
            or the classes.
    """
    return _read_predictions(options, test.split)


def _read_predictions(options: Options, split: Split) -> dict[str, Boxes]:
    errors = config_errors(options, split.classes, "options")
    if errors:
        raise UserError("\n".join(errors))
    document = coco_results_file.read_document(options.file, options.images)
    if options.class_map is None:
        _check_categories(options.images or options.file, document, split.classes)
    else:
        document = coco_results_file.map_categories(options.file, document, options.class_map)
    try:
        boxes = from_coco(document, split.classes)
    except UserError as error:
        raise UserError(f"{options.file}: {error}") from None
    _check_images(options.images or options.file, boxes, split)
    _check_pixel_coordinates(options.file, list(boxes.values()))
    return {
        pair.key: _clip_to_image(boxes[pair.key], pair.size, f"{options.file}: {pair.key}")
        for pair in split.pairs
    }


def _check_images(file: Path, boxes: Mapping[str, Boxes], split: Split) -> None:
    """Raise unless the file lists the images of the split and no others."""
    missing = [key for key in split.keys if key not in boxes]
    unknown = sorted(set(boxes) - {*split.keys, *split.excluded_keys})
    if missing or unknown:
        difference = (
            f"lacks {missing[0]!r}" if missing else f"has {unknown[0]!r}, which is not one of them"
        )
        raise UserError(
            f"{file}: lists {len(boxes)} images, but {split.dataset}/{split.name} has "
            f"{len(split.keys) + len(split.excluded_keys)}; it {difference}"
        )


def _check_categories(file: Path, document: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Raise if a class of the data set is missing: its AP of 0 would lower the mean unnoticed."""
    categories = [category["name"] for category in document["categories"]]
    missing = [name for name in classes if name not in categories]
    if missing and set(categories) <= set(classes):
        raise UserError(
            f"{file}: has no category {missing[0]}, so its AP would be 0 and lower the mean; list "
            f"the category if the detector predicts it, else map the others with class_map and "
            f"list {missing[0]} under without: for a second mean"
        )


def _check_pixel_coordinates(file: Path, boxes: Sequence[Boxes]) -> None:
    """Raise if the coordinates are fractions of the image instead of pixels."""
    corners = np.concatenate([np.zeros((0, 4)), *(of_image.corners for of_image in boxes)])
    if len(corners) and corners.max() <= 1:
        raise UserError(
            f"{file}: no coordinate is above 1: they look like fractions of the image; expected "
            "pixels"
        )


def _clip_to_image(boxes: Boxes, size: tuple[int, int], where: str) -> Boxes:
    """Clip boxes to the image.

    Raises:
        UserError: If a box lies wholly outside: then the file is for images of another size.
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
