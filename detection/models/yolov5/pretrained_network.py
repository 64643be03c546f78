"""Pretrained YOLOv5 networks: finding their weights file and checking it against the options."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.models.yolov5 import coco_classes, initial_weights, network
from detection.models.yolov5.options import RELEASE_NAME_PATTERN
from fusebench.errors import UserError
from fusebench.storage import integrity
from fusebench.storage.weights import weights_content

if TYPE_CHECKING:
    from torch import Tensor

LAST_LAYER_BIAS = "model.24.cv3.0.2.bias"  # its length is the number of classes
SIZE_BY_CHANNELS = {16: "n", 32: "s", 48: "m", 64: "l", 80: "x"}


def find_weights_file(weights: str) -> Path | None:
    """Return the file of ``weights``, or None for a release name to be downloaded.

    Raises:
        UserError: If there is no such file.
    """
    if weights == "packaged":
        return integrity.check_weights(initial_weights.PACKAGED_WEIGHTS)
    path = weights_content.find_weights_in_folder(Path(weights))
    if RELEASE_NAME_PATTERN.fullmatch(weights) and not path.exists():
        return None
    if not path.is_file():
        raise UserError(
            f"weights: {path}: no such file; give a .safetensors or .pt file, or a release name "
            f"such as yolov5xu.pt, which is then downloaded"
        )
    return integrity.check_weights(path)


def download_weights(weights: str, folder: Path) -> Path:
    """Download the weights of a release name into ``folder`` unless they are there already."""
    release = RELEASE_NAME_PATTERN.fullmatch(weights)
    assert release is not None
    return initial_weights.download_weights(release[1], folder)


def describe_detector(size: str, classes: Sequence[str]) -> str:
    """Describe the detector for the protocol."""
    class_count = "COCO's 80" if tuple(classes) == coco_classes.CLASSES else str(len(classes))
    return (
        f"YOLOv5{size}u pretrained on {class_count} classes ({initial_weights.HEAD_DESCRIPTION}; "
        f"ultralytics {version('ultralytics')})"
    )


def load_network(path: Path, classes: Sequence[str]) -> tuple[str, Any]:
    """Load a pretrained network.

    Args:
        path: A checkpoint of ultralytics, or its tensors as safetensors.
        classes: The expected classes in the order of their ids.

    Returns:
        Size (n, s, m, l or x), and the network on the CPU in evaluation mode.

    Raises:
        UserError: If the file is not a YOLOv5 detector of ultralytics, has other classes, or
            holds values that are not finite.
    """
    tensors, names = initial_weights.read_weights_file(path)
    size = _infer_size(path, tensors)
    _check_classes(path, tensors, names, classes)
    model = network.build_network(size, classes)
    network.load_all_weights(model, tensors, str(path))
    return size, model.eval()


def _infer_size(path: Path, tensors: "Mapping[str, Tensor]") -> str:
    weight = tensors.get(network.FIRST_LAYER_WEIGHT)
    size = SIZE_BY_CHANNELS.get(len(weight)) if weight is not None and weight.ndim == 4 else None
    if size is None or LAST_LAYER_BIAS not in tensors:
        channels = ", ".join(map(str, SIZE_BY_CHANNELS))
        raise UserError(
            f"{path}: not a YOLOv5 detector of ultralytics (expected "
            f"{network.FIRST_LAYER_WEIGHT} of {channels} channels and {LAST_LAYER_BIAS}); "
            "the anchor-based yolov5*.pt of v6.0 and other networks cannot be used, yolov5nu.pt to "
            "yolov5xu.pt can"
        )
    return size


def _check_classes(
    path: Path,
    tensors: "Mapping[str, Tensor]",
    names: Sequence[str] | None,
    classes: Sequence[str],
) -> None:
    count = len(tensors[LAST_LAYER_BIAS])
    if count != len(classes):
        raise UserError(
            f"{path}: the detector has {count} classes, but options.classes has {len(classes)}; "
            f"set options.classes to coco for COCO's 80, or to the names in the order of their ids"
        )
    if not names or _are_placeholder_names(names):
        return
    for class_id, (name, expected) in enumerate(zip(names, classes, strict=True)):
        if name != expected:
            raise UserError(
                f"{path}: class {class_id} is {name!r}, but {expected!r} in options.classes; list "
                f"the names in the order of their ids"
            )


def _are_placeholder_names(names: Sequence[str]) -> bool:
    """Whether the names are those that ultralytics gives to unnamed classes."""
    return all(name in (f"{i}", f"class{i}") for i, name in enumerate(names))
