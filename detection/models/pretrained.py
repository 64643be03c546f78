"""Pretrained YOLOv5 n, s, m, l, x of ultralytics, evaluated without training: zero-shot.

The detector's classes are mapped by name to the data set's; its other classes are dropped before
non-maximum suppression, so they are no false positives. ultralytics' YOLOv5 is anchor-free
("YOLOv5u"): the weights of the anchor-based v6.0 are other weights, with 2 to 6 points less AP on
COCO, and cannot be read here.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.models.yolov5 import coco_classes, initial_weights, pretrained_network
from detection.models.yolov5.options import RELEASE_NAME_PATTERN, FitMode
from detection.models.yolov5.options import Predict as Predict
from fusebench.config.paths import PathOrName
from fusebench.data.boxes import Boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 1
TITLE = "pretrained YOLOv5"
PROTOCOL = "zero-shot"
NonEmptyText = Annotated[str, Field(min_length=1)]


class Options(BaseModel):
    """Options of a pretrained detector.

    Attributes:
        weights: A release name such as ``yolov5xu.pt``, which ultralytics downloads, the path of a
            .pt or .safetensors file, or ``packaged`` (trained on simulated scenes).
        classes: The detector's classes in the order of their ids; ``coco`` are COCO's 80.
        class_map: Class of the detector to class of the data set; null drops a class that a preset
            maps. Classes that are not named are dropped.
        image_size: Side of the square that images are resized to fit, in pixels.
        fit: Whether resizing keeps the aspect ratio (see `detection.models.yolov5.options`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Annotated[
        NonEmptyText,
        PathOrName(("packaged",), RELEASE_NAME_PATTERN.pattern),
    ]
    classes: Literal["coco"] | Annotated[tuple[NonEmptyText, ...], Field(min_length=1)] = "coco"
    class_map: Annotated[dict[NonEmptyText, NonEmptyText | None], Field(min_length=1)]
    image_size: int = Field(default=640, ge=64, le=8192, multiple_of=32)
    fit: FitMode = "letterbox"


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return the sha256 of the weights file, for the spec; None for a download by name.

    Raises:
        UserError: If the file does not exist.
    """
    file = pretrained_network.find_weights_file(options.weights)
    return {"weights": None if file is None else hashing.compute_file_sha256(file)}


def config_errors(options: Options, classes: Sequence[str], where: str) -> list[str]:
    """List the errors of the class map, as messages.

    Args:
        options: See `Options`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    detector_classes, errors = _list_detector_classes(options), []
    where = f"{where}.class_map"
    for name, target in options.class_map.items():
        if name not in detector_classes:
            suggestion = _suggest_class(name, detector_classes)
            errors.append(
                f"{where}: {name!r} is none of the detector's {len(detector_classes)} classes"
                f"{suggestion}"
            )
        if target is not None and target not in classes:
            errors.append(f"{where}.{name}: {target!r} is none of {', '.join(classes)}")
    mapped_from: dict[str, str] = {}
    for name, target in _drop_unmapped_classes(options).items():
        if target in mapped_from and name in detector_classes:
            errors.append(
                f"{where}: {mapped_from[target]} and {name} are both mapped to {target}, which "
                f"would detect an object twice; keep one of them"
            )
        mapped_from.setdefault(target, name)
    return errors


def mapped_classes(options: Options, classes: Sequence[str]) -> set[str]:
    """Return the data set's classes that a class of the detector is mapped to."""
    return set(_drop_unmapped_classes(options).values()) & set(classes)


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs to reproduce the scores.

    `download` adds those that only the weights file holds.
    """
    class_map, detector_classes = _drop_unmapped_classes(options), _list_detector_classes(options)
    mapped = ", ".join(f"{name} to {target}" for name, target in class_map.items())
    dropped = len(detector_classes) - len(class_map)
    release = RELEASE_NAME_PATTERN.fullmatch(options.weights)
    size = release[1] if release else ""
    return {
        "model": pretrained_network.describe_detector(size, detector_classes),
        "weights": Path(options.weights).name,
        "class map": f"{mapped}; {dropped} other classes dropped",
        "image size": initial_weights.describe_image_size(options.image_size, options.fit),
        "confidence": predict.confidence,
        "NMS IoU": predict.nms_iou,
        "most boxes": predict.max_detections,
    }


def min_confidence(predict: Predict) -> float:
    """Return the score below which boxes are dropped."""
    return predict.confidence


def check(options: Options, folder: Path) -> None:
    """Read and check the weights file, if there is one, before the run starts.

    Raises:
        UserError: If it is not the detector that the options describe.
    """
    from detection.models.yolov5 import ultralytics_import

    file = pretrained_network.find_weights_file(options.weights)
    if file is not None:
        ultralytics_import.import_ultralytics(folder)
        pretrained_network.load_network(file, _list_detector_classes(options))


def download_options(options: Options) -> dict[str, Any]:
    """Return the options that decide what `download` writes, for the spec."""
    return options.model_dump(mode="json", include={"weights", "classes"})


def download(options: Options, *, folder: Path) -> None:
    """Write ``model.safetensors``, ``model.json`` and ``protocol.json`` into ``folder``.

    Raises:
        UserError: If the download fails, or the weights are not what the options describe.
    """
    from detection.models.yolov5 import pretrained_download

    pretrained_download.write_model_folder(options.weights, _list_detector_classes(options), folder)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Raise: a pretrained detector is not trained.

    Raises:
        TypeError: Always.
    """
    raise TypeError("a pretrained detector is downloaded, not trained")


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Predict boxes with scores, in pixels, of the data set's classes for every test image."""
    from detection.models.yolov5 import inference

    detector_classes = _list_detector_classes(options)
    mapped_from = {target: name for name, target in _drop_unmapped_classes(options).items()}
    columns = [
        detector_classes.index(mapped_from[name]) if name in mapped_from else -1
        for name in test.split.classes
    ]
    shape = inference.InputShape(options.image_size, options.fit == "stretch")
    return inference.predict_boxes(folder, test, shape, predict, device=device, columns=columns)


def _list_detector_classes(options: Options) -> tuple[str, ...]:
    return coco_classes.CLASSES if options.classes == "coco" else options.classes


def _drop_unmapped_classes(options: Options) -> dict[str, str]:
    return {name: target for name, target in options.class_map.items() if target is not None}


def _suggest_class(name: str, classes: Sequence[str]) -> str:
    close = get_close_matches(name, classes, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" ({', '.join(classes[:8])} ...)"
