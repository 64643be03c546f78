"""YOLOv5 n, s, m, l, x of ultralytics as trained elsewhere, evaluated as it is: zero-shot.

Nothing is trained. The classes that the detector tells apart are mapped by name to the data set's;
its other classes are dropped before boxes are chosen, so they are no false alarms. ultralytics'
YOLOv5 is anchor-free ("YOLOv5u"): the weights of the anchor-based v6.0 are other weights, with
2 to 6 points less AP on COCO, and cannot be read here.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.models.yolov5 import coco_classes, initial_weights, pretrained_network
from detection.models.yolov5.options import FitMode
from detection.models.yolov5.options import Predict as Predict
from fusebench.data.boxes import Boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 1
TITLE = "YOLOv5 trained elsewhere"
PROTOCOL = "zero-shot"
NonEmptyText = Annotated[str, Field(min_length=1)]


class Options(BaseModel):
    """What tasks.yaml may set for a detector that was trained elsewhere.

    Attributes:
        weights: A name such as ``yolov5xu.pt``, which ultralytics then downloads, the path of a
            .pt or .safetensors file, or ``packaged`` (trained on simulated scenes).
        classes: What the detector tells apart, in the order of its ids; ``coco`` are COCO's 80.
        class_map: Class of the detector to class of the data set; null drops one that a preset
            maps. What is not named is dropped.
        image_size: Images are fitted into a square of this side, in pixels ...
        fit: ... keeping their proportions, or not (see `detection.models.yolov5`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: NonEmptyText
    classes: Literal["coco"] | Annotated[tuple[NonEmptyText, ...], Field(min_length=1)] = "coco"
    class_map: Annotated[dict[NonEmptyText, NonEmptyText | None], Field(min_length=1)]
    image_size: int = Field(default=640, ge=64, multiple_of=32)
    fit: FitMode = "letterbox"


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """The sha256 of the weights' file; None for a download by name.

    Raises:
        UserError: If the file is not there.
    """
    file = pretrained_network.find_weights_file(options.weights)
    return {"weights": None if file is None else hashing.compute_file_sha256(file)}


def config_errors(options: Options, known: Sequence[str], where: str) -> list[str]:
    """What is wrong with the class map, in words.

    Args:
        options: See `Options`.
        known: The data set's classes.
        where: Where in the task file.
    """
    own, faults = _list_detector_classes(options), []
    where = f"{where}.class_map"
    for name, meant in options.class_map.items():
        if name not in own:
            what = f"the detector's {len(own)} classes"
            faults.append(f"{where}: {name!r} is none of {what}{_suggest_class(name, own)}")
        if meant is not None and meant not in known:
            faults.append(f"{where}.{name}: {meant!r} is none of {', '.join(known)}")
    meant_by: dict[str, str] = {}
    for name, meant in _drop_unmapped_classes(options).items():
        if meant in meant_by and name in own:
            faults.append(
                f"{where}: {meant_by[meant]} and {name} are both mapped to {meant}, which would "
                f"find an object twice; keep one of them"
            )
        meant_by.setdefault(meant, name)
    return faults


def mapped_classes(options: Options, known: Sequence[str]) -> set[str]:
    """Which of the data set's classes a class of the detector is mapped to."""
    return set(_drop_unmapped_classes(options).values()) & set(known)


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """What a reader needs to repeat the numbers; `download` adds what only the file can say."""
    mapped, own = _drop_unmapped_classes(options), _list_detector_classes(options)
    words = [f"{name} to {meant}" for name, meant in mapped.items()]
    dropped = len(own) - len(mapped)
    named = initial_weights.RELEASE_NAME_PATTERN.fullmatch(options.weights)
    return {
        "model": pretrained_network.describe_detector(named[1] if named else "", own),
        "weights": Path(options.weights).name,
        "class map": f"{', '.join(words)}; {dropped} other classes dropped",
        "image size": initial_weights.describe_image_size(options.image_size, options.fit),
        "confidence": predict.confidence,
        "NMS IoU": predict.nms_iou,
        "most boxes": predict.max_detections,
    }


def check(options: Options, folder: Path) -> None:
    """Read the weights' file, if it is here, once before anything is computed.

    Raises:
        UserError: If it is not the detector that the options say.
    """
    from detection.models.yolov5 import ultralytics_import

    file = pretrained_network.find_weights_file(options.weights)
    if file is not None:
        ultralytics_import.import_ultralytics(folder)
        pretrained_network.load_network(file, _list_detector_classes(options))


def download_options(options: Options) -> dict[str, Any]:
    """The options that decide what `download` leaves."""
    return options.model_dump(mode="json", include={"weights", "classes"})


def download(options: Options, *, folder: Path) -> None:
    """Leave ``model.safetensors``, ``model.json`` and ``protocol.json`` in ``folder``.

    Raises:
        UserError: If the weights cannot be had, or are not what the options say.
    """
    from detection.models.yolov5 import pretrained_download

    pretrained_download.write_model_folder(options.weights, _list_detector_classes(options), folder)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Refuse: there is nothing to train.

    Raises:
        TypeError: Always.
    """
    raise TypeError("a detector that was trained elsewhere is fetched, not trained")


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Boxes with scores for every test image, in pixels, of the data set's classes."""
    from detection.models.yolov5 import inference

    own, finder = (
        _list_detector_classes(options),
        {meant: name for name, meant in _drop_unmapped_classes(options).items()},
    )
    columns = [own.index(finder[c]) if c in finder else -1 for c in test.split.classes]
    shape = inference.InputShape(options.image_size, options.fit == "stretch")
    return inference.predict_boxes(folder, test, shape, predict, device=device, columns=columns)


def _list_detector_classes(options: Options) -> tuple[str, ...]:
    return coco_classes.CLASSES if options.classes == "coco" else options.classes


def _drop_unmapped_classes(options: Options) -> dict[str, str]:
    return {name: meant for name, meant in options.class_map.items() if meant is not None}


def _suggest_class(name: str, own: Sequence[str]) -> str:
    close = get_close_matches(name, own, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" ({', '.join(own[:8])} ...)"
