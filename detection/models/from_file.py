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

from pydantic import BaseModel, ConfigDict, Field

from detection import coco_results_file, prediction_checks
from fusebench.config import path_templates
from fusebench.contracts import NoOptions as Predict
from fusebench.data.boxes import Boxes, from_coco, get_image_key
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.matching.keys import index_keys
from fusebench.data.pairs import Split
from fusebench.errors import UserError, format_value
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 3
TITLE = "boxes from a file"
PROTOCOL = "made elsewhere"
FILES = "file of boxes"
INPUT_CHANNELS = (3, 4)  # no image is read
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
    """Return the boxes of the file for every test image, as they are: pycocotools does not clip.

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
    all_keys = {*split.keys, *split.excluded_keys}
    known_keys = index_keys(all_keys)
    document = coco_results_file.read_document(options.file, options.images, known_keys)
    if options.class_map is None:
        _check_categories(options.images or options.file, document, split.classes)
    else:
        document = coco_results_file.map_categories(options.file, document, options.class_map)
    try:
        boxes = from_coco(document, split.classes, all_keys)
    except UserError as error:
        raise UserError(f"{options.file}: {error}") from None
    _check_images(options.images or options.file, boxes, split)
    _check_image_sizes(options.images or options.file, document["images"], known_keys, split)
    prediction_checks.check_box_format(str(options.file), boxes, split)
    return {key: boxes[key] for key in split.keys}


def _check_image_sizes(
    file: Path, rows: Sequence[Mapping[str, Any]], known_keys: Mapping[str, str], split: Split
) -> None:
    """Raise if the file states another size of an image; its boxes are for another image then."""
    sizes = {pair.key: pair.size for pair in split.pairs}
    for row in rows:
        key = get_image_key(row["file_name"], known_keys)
        size = (row.get("width"), row.get("height"))
        if all(isinstance(side, int | float) and side > 0 for side in size) and (
            sizes.get(key, size) != size
        ):
            listed = f"{format_value(size[0])}x{format_value(size[1])}"
            raise UserError(
                f"{file}: lists {key!r} with {listed} pixels, but the image has "
                f"{sizes[key][0]}x{sizes[key][1]}; expected boxes in pixels of the images of the "
                "data set"
            )


def _check_images(file: Path, boxes: Mapping[str, Boxes], split: Split) -> None:
    """Raise unless the file lists the images of the split and no others."""
    missing = [key for key in split.keys if key not in boxes]
    unknown = sorted(set(boxes) - {*split.keys, *split.excluded_keys})
    if missing or unknown:
        difference = (
            f"lacks {format_value(missing[0])}; run the detector on all of them"
            if missing
            else f"has {format_value(unknown[0])}, which is not one of them; list only these images"
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
