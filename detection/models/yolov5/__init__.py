"""YOLOv5 n, s, m, l, x, trained and run through ultralytics.

ultralytics' YOLOv5 has the backbone and neck of YOLOv5 v6.0 (doi:10.5281/zenodo.5563715) and an
anchor-free head ("YOLOv5u"); its scores are not comparable with those of the anchor-based
original. What is trained is what the last epoch leaves: nothing is chosen on the test images.
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


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """The sha256 of the start weights' file; None for ``scratch`` and for a download by name.

    Raises:
        UserError: If the file is not there.
    """
    file = initial_weights.find_weights_file(options.start_weights, options.size)
    return {"start_weights": None if file is None else hashing.compute_file_sha256(file)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """What a reader needs to repeat the numbers."""
    pin = dependency_hashes(options)["start_weights"]
    name = options.start_weights if pin is None else Path(options.start_weights).name
    return {
        "model": f"YOLOv5{options.size}u ({initial_weights.HEAD_DESCRIPTION}; ultralytics {version('ultralytics')})",
        "start weights": name if pin is None else f"{name} (sha256 {pin[:12]})",
        "image size": initial_weights.describe_image_size(options.image_size, options.fit),
        "epochs": options.epochs,
        "batch": options.batch,
        "optimizer": options.optimizer,
        "learning rate": options.learning_rate,
        "weights used": "last epoch, moving average",
        "augmentation": _describe_augmentation(options),
        "confidence": predict.confidence,
        "NMS IoU": predict.nms_iou,
    }


def check(options: Options, folder: Path) -> None:
    """Read a start file of the user's, if there is one, before anything is computed.

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
    found = initial_weights.load_tensors(options.start_weights, options.size, folder)
    if found is not None:
        network.load_matching_weights(
            network.build_network(options.size, ("any",)), found, options.start_weights
        )


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train on the images of one source; what an earlier, killed call finished is kept."""
    from detection.models.yolov5 import training

    training.train(examples, options, seed=seed, device=device, folder=folder)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Boxes with scores for every test image, in pixels."""
    from detection.models.yolov5 import inference

    shape = inference.InputShape(options.image_size, options.fit == "stretch")
    return inference.predict_boxes(folder, test, shape, predict, device=device)


def _describe_augmentation(options: Options) -> str:
    said = {
        "mosaic": options.mosaic,
        "flip": options.flip,
        "HSV": f"{options.hue:g}/{options.saturation:g}/{options.brightness:g}",
        "scale": options.scale,
        "translate": options.translate,
    }
    words = ", ".join(f"{k} {v if isinstance(v, str) else format(v, 'g')}" for k, v in said.items())
    return (
        f"{words}, no mosaic in the last {options.close_mosaic}" if options.close_mosaic else words
    )
