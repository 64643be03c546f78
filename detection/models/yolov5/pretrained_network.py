"""A YOLOv5 network that was trained elsewhere: its file, and whether it is what the task says."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.models.yolov5 import coco_classes, initial_weights, network
from fusebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

FIRST_LAYER_WEIGHT, LAST_LAYER_BIAS = (
    "model.0.conv.weight",
    "model.24.cv3.0.2.bias",
)  # tell the size, and the classes
SIZE_BY_CHANNELS = {16: "n", 32: "s", 48: "m", 64: "l", 80: "x"}  # by channels of the first layer


def find_weights_file(weights: str) -> Path | None:
    """The file that ``weights`` means, or None for a name to be downloaded.

    Raises:
        UserError: If there is no such file.
    """
    if weights == "packaged":
        return initial_weights.PACKAGED_WEIGHTS
    path = Path(weights)
    if initial_weights.RELEASE_NAME_PATTERN.fullmatch(weights) and not path.exists():
        return None
    if not path.is_file():
        raise UserError(
            f"weights: {path}: no such file; give a .safetensors or .pt file, or a name such as "
            f"yolov5xu.pt, which is then downloaded"
        )
    return path


def download_weights(weights: str, folder: Path) -> Path:
    """The file of ``weights``, which are a name, fetched into ``folder`` if it is not there."""
    named = initial_weights.RELEASE_NAME_PATTERN.fullmatch(weights)
    assert named is not None
    return initial_weights.download_weights(named[1], folder)


def describe_detector(size: str, classes: Sequence[str]) -> str:
    """The detector in words for a protocol line."""
    knows = "COCO's 80" if tuple(classes) == coco_classes.CLASSES else str(len(classes))
    return (
        f"YOLOv5{size}u trained elsewhere on {knows} classes ({initial_weights.HEAD_DESCRIPTION}; "
        f"ultralytics {version('ultralytics')})"
    )


def load_network(path: Path, classes: Sequence[str]) -> tuple[str, Any]:
    """Size and network of a file, on the CPU.

    Args:
        path: A checkpoint of ultralytics, or its tensors as safetensors.
        classes: What the task says that the network tells apart, in the order of its ids.

    Raises:
        UserError: If the file is not a YOLOv5 detector of ultralytics, has other classes, or
            holds numbers that are not finite.
    """
    tensors, names = _read_weights_file(path)
    size = _infer_size(path, tensors)
    _check_classes(path, tensors, names, classes)
    built = network.build_network(size, classes)
    network.load_all_weights(built, tensors, str(path))
    return size, built.eval()


def _read_weights_file(path: Path) -> "tuple[Mapping[str, Tensor], list[str] | None]":
    """Tensors, and the class names if the file has any."""
    if path.suffix == ".safetensors":
        return initial_weights.read_safetensors(path), None
    found = initial_weights.read_checkpoint_network(path)
    names = getattr(found, "names", None)
    listed = [str(names[i]) for i in sorted(names)] if isinstance(names, dict) else None
    return found.state_dict(), listed


def _infer_size(path: Path, tensors: "Mapping[str, Tensor]") -> str:
    first = tensors.get(FIRST_LAYER_WEIGHT)
    size = SIZE_BY_CHANNELS.get(len(first)) if first is not None and first.ndim == 4 else None
    if size is None or LAST_LAYER_BIAS not in tensors:
        raise UserError(
            f"{path}: not a YOLOv5 detector of ultralytics (expected {FIRST_LAYER_WEIGHT} of "
            f"{', '.join(map(str, SIZE_BY_CHANNELS))} channels and {LAST_LAYER_BIAS}); the anchor-based yolov5*.pt of "
            f"v6.0 and other networks cannot be used, yolov5nu.pt to yolov5xu.pt can"
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
            f"{path}: tells {count} classes apart, but options.classes has {len(classes)}; set "
            f"options.classes to coco for COCO's 80, or to the names in the order of its ids"
        )
    wrong = [pair for pair in zip(names or classes, classes, strict=True) if pair[0] != pair[1]]
    if wrong and names and not _are_placeholder_names(names):
        raise UserError(
            f"{path}: calls class {names.index(wrong[0][0])} {wrong[0][0]!r}, but options.classes "
            f"says {wrong[0][1]!r}; name them in the order of its ids"
        )


def _are_placeholder_names(names: Sequence[str]) -> bool:
    """Whether the names say nothing: ultralytics' own where none were given."""
    return all(name in (f"{i}", f"class{i}") for i, name in enumerate(names))
