"""YOLOv5 n, s, m, l, x, trained and run through ultralytics.

ultralytics' YOLOv5 has the backbone and neck of YOLOv5 v6.0 (doi:10.5281/zenodo.5563715) and an
anchor-free head ("YOLOv5u"); its scores are not comparable with those of the anchor-based
original. The weights used are those after the last epoch: none are selected on the test images.
"""

from importlib.metadata import version
from pathlib import Path

from detection.models.yolov5 import initial_weights
from detection.models.yolov5.options import Options as Options
from detection.models.yolov5.options import Predict as Predict
from fusebench.data.boxes import Boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 1
TITLE = "YOLOv5"
INPUT_CHANNELS = (3, 4)


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return the sha256 of the initial weights, for the spec.

    It is None for ``scratch`` and for a download by name.

    Raises:
        UserError: If the file does not exist.
    """
    file = initial_weights.find_weights_file(options.start_weights, options.size)
    return {"start_weights": None if file is None else hashing.compute_file_sha256(file)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs to reproduce the scores."""
    sha256 = dependency_hashes(options)["start_weights"]
    name = options.start_weights if sha256 is None else Path(options.start_weights).name
    implementation = f"{initial_weights.HEAD_DESCRIPTION}; ultralytics {version('ultralytics')}"
    return {
        "model": f"YOLOv5{options.size}u ({implementation})",
        "start weights": name if sha256 is None else f"{name} (sha256 {sha256[:12]})",
        "image size": initial_weights.describe_image_size(options.image_size, options.fit),
        "epochs": options.epochs,
        "batch": options.batch,
        "optimizer": options.optimizer,
        "learning rate": options.learning_rate,
        "weights used": "last epoch, moving average",
        "augmentation": _describe_augmentation(options),
        "confidence": predict.confidence,
        "NMS IoU": predict.nms_iou,
        **({"compiled": True} if options.compile else {}),
    }


def min_confidence(predict: Predict) -> float:
    """Return the score below which boxes are dropped."""
    return predict.confidence


def check(options: Options, folder: Path) -> None:
    """Read and check the user's file of initial weights, if there is one, before the run starts.

    Raises:
        UserError: If it does not fit the network.
    """
    if (
        options.start_weights == "packaged"
        or initial_weights.find_weights_file(options.start_weights, options.size) is None
    ):
        return
    from detection.models.yolov5 import network, ultralytics_import

    ultralytics_import.import_ultralytics(folder)
    tensors = initial_weights.load_tensors(options.start_weights, options.size, folder)
    if tensors is not None:
        first = tensors.get(network.FIRST_LAYER_WEIGHT)
        channels = 3 if first is None or first.ndim != 4 else first.shape[1]
        channels = channels if channels in INPUT_CHANNELS else 3
        model = network.build_network(options.size, ("any",), channels)
        network.load_matching_weights(model, tensors, options.start_weights)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train on the images of one source; resume from the checkpoint in ``folder`` if there is one.

    Raises:
        UserError: See `training.train`.
    """
    from detection.models.yolov5 import training

    training.train(examples, options, seed=seed, device=device, folder=folder)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Predict boxes with scores, in pixels, for every test image."""
    from detection.models.yolov5 import inference

    shape = inference.InputShape(options.image_size, options.fit == "stretch")
    return inference.predict_boxes(folder, test, shape, predict, device=device)


def _describe_augmentation(options: Options) -> str:
    hsv = f"{options.hue:g}/{options.saturation:g}/{options.brightness:g}"
    text = (
        f"mosaic {options.mosaic:g}, flip {options.flip:g}, HSV {hsv}, "
        f"scale {options.scale:g}, translate {options.translate:g}"
    )
    return f"{text}, no mosaic in the last {options.close_mosaic}" if options.close_mosaic else text
