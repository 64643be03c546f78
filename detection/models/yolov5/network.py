"""The YOLOv5 network of ultralytics, and its weights in safetensors files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError
from fusebench.runtime import atomic_write, command_name
from fusebench.storage.weights import foreign_weights
from fusebench.storage.weights.input_channels import grow_input_channels

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS_FILE, MODEL_INFO_FILE = "model.safetensors", "model.json"
FIRST_LAYER_WEIGHT = "model.0.conv.weight"  # its channels give the size


def build_network(size: str, classes: Sequence[str], channels: int = 3) -> Any:
    """Build a ``DetectionModel`` with random weights from torch's generator, in training mode.

    Args:
        size: n, s, m, l or x.
        classes: Class names.
        channels: Of the images.
    """
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import ROOT, YAML

    config = YAML.load(ROOT / "cfg/models/v5/yolov5.yaml")
    config |= {"scale": size, "yaml_file": f"yolov5{size}.yaml"}
    network = DetectionModel(config, ch=channels, nc=len(classes), verbose=False)
    network.names = dict(enumerate(classes))
    network.nc = len(classes)
    return network


def save_network(folder: Path, network: Any, model_info: Mapping[str, Any]) -> None:
    """Write the weights, then ``model.json``, which marks the training as finished."""
    write_weights(folder / WEIGHTS_FILE, network, half=False)
    atomic_write.sync_files(folder)
    atomic_write.write_text_atomically(folder / MODEL_INFO_FILE, json.dumps(model_info, indent=2))


def write_weights(path: Path, network: Any, *, half: bool) -> None:
    """Write the weights alone, as 32-bit or 16-bit floats."""
    import torch
    from safetensors.torch import save

    tensors = {
        name: (value.half() if half and value.dtype == torch.float32 else value).contiguous().cpu()
        for name, value in network.state_dict().items()
    }
    with atomic_write.replace_atomically(path) as temporary:
        temporary.write_bytes(save(tensors, {"format": "pt"}))


def load_network(folder: Path) -> Any:
    """Load the trained network of a result folder, on the CPU, in evaluation mode.

    Raises:
        UserError: If the weights do not fit the network that ``model.json`` describes.
    """
    from safetensors.torch import load_file

    model_info = json.loads((folder / MODEL_INFO_FILE).read_text())
    channels = model_info.get("channels", 3)
    network = build_network(model_info["size"], model_info["classes"], channels)
    try:
        network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        raise UserError(
            f"{folder / WEIGHTS_FILE}: does not fit YOLOv5{model_info['size']} with "
            f"{len(model_info['classes'])} classes ({str(error).splitlines()[0]}); "
            f"{command_name.format_repair_advice(folder)}"
        ) from None
    return network.float().eval()


def load_all_weights(network: Any, tensors: Mapping[str, "Tensor"], where: str) -> None:
    """Copy ``tensors`` into ``network``; names and shapes must be the same.

    Raises:
        UserError: If they differ, or a value is not finite.
    """
    expected = network.state_dict()
    mismatches = [
        name
        for name in [*expected, *tensors]
        if name not in expected
        or name not in tensors
        or expected[name].shape != tensors[name].shape
    ]
    if mismatches:
        name = mismatches[0]
        shapes = [
            tuple(values[name].shape) if name in values else "none"
            for values in (tensors, expected)
        ]
        raise UserError(
            f"{where}: does not fit the network: {name} is {shapes[0]}, expected {shapes[1]}; "
            f"the file is damaged or of another network"
        )
    dtypes = {name: value.dtype for name, value in expected.items()}
    network.load_state_dict(foreign_weights.convert_values(tensors, dtypes, where))


def load_matching_weights(network: Any, tensors: Mapping[str, "Tensor"], where: str) -> int:
    """Copy the tensors that match by name and shape into ``network``.

    The last layers of the class branch depend on the number of classes; they keep their random
    weights when it differs. If ``network`` reads more channels, the weight of the first layer
    grows; see `grow_input_channels`.

    Returns:
        The number of copied tensors.

    Raises:
        UserError: If fewer than half match, because the weights are of another network or size,
            if they are for images of more channels, or if a value is not finite.
    """
    expected = network.state_dict()
    first, channels = tensors.get(FIRST_LAYER_WEIGHT), expected[FIRST_LAYER_WEIGHT].shape[1]
    if first is not None and first.ndim == 4:
        if first.shape[1] not in (3, channels):
            raise UserError(
                f"{where}: weights for images of {first.shape[1]} channels, and the images have "
                f"{channels}; set start_weights to weights for 3"
            )
        tensors = {**tensors, FIRST_LAYER_WEIGHT: grow_input_channels(first, channels)}
    matching = {
        name: value
        for name, value in tensors.items()
        if name in expected and expected[name].shape == value.shape
    }
    if 2 * len(matching) < len(expected):
        raise UserError(
            f"{where}: only {len(matching)} of {len(expected)} tensors fit this network by name "
            f"and shape; set start_weights to weights of the same YOLOv5 size"
        )
    dtypes = {name: value.dtype for name, value in expected.items()}
    network.load_state_dict(foreign_weights.convert_values(matching, dtypes, where), strict=False)
    return len(matching)
