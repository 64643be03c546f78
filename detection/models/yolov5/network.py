"""The YOLOv5 network of ultralytics, and its weights in files that hold nothing but tensors."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS_FILE, MODEL_INFO_FILE = "model.safetensors", "model.json"


def build_network(size: str, classes: Sequence[str]) -> Any:
    """A ``DetectionModel`` with fresh weights, from torch's generator; in training mode.

    Args:
        size: n, s, m, l or x.
        classes: Class names.
    """
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import ROOT, YAML

    plan = YAML.load(ROOT / "cfg/models/v5/yolov5.yaml")
    plan |= {"scale": size, "yaml_file": f"yolov5{size}.yaml"}
    network = DetectionModel(plan, ch=3, nc=len(classes), verbose=False)
    network.class_names = dict(enumerate(classes))
    network.nc = len(classes)
    return network


def save_network(folder: Path, network: Any, card: Mapping[str, Any]) -> None:
    """Write the weights and, last, what a reader needs to know to build the network."""
    write_weights(folder / WEIGHTS_FILE, network, half=False)
    (folder / MODEL_INFO_FILE).write_text(json.dumps(card, indent=2))


def write_weights(path: Path, network: Any, *, half: bool) -> None:
    """Write the weights alone, in 32-bit or 16-bit floats."""
    import torch
    from safetensors.torch import save as packed

    tensors = {
        name: (value.half() if half and value.dtype == torch.float32 else value).contiguous().cpu()
        for name, value in network.state_dict().items()
    }
    path.write_bytes(packed(tensors, {"format": "pt"}))


def load_network(folder: Path) -> Any:
    """The trained network of a result folder, on the CPU, ready to predict.

    Raises:
        UserError: If the weights do not fit the network that ``model.json`` describes.
    """
    from safetensors.torch import load_file

    card = json.loads((folder / MODEL_INFO_FILE).read_text())
    network = build_network(card["size"], card["classes"])
    try:
        network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except RuntimeError as fault:
        raise UserError(
            f"{folder / WEIGHTS_FILE}: does not fit YOLOv5{card['size']} with "
            f"{len(card['classes'])} classes ({str(fault).splitlines()[0]}); train it again"
        ) from None
    return network.float().eval()


def load_all_weights(network: Any, tensors: Mapping[str, "Tensor"], where: str) -> None:
    """Copy ``tensors`` into ``network``; all of them have to be there and to fit.

    Raises:
        UserError: If they do not, or are not finite.
    """
    import torch

    own = network.state_dict()
    odd = [
        name
        for name in [*own, *tensors]
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape
    ]
    if odd:
        shapes = [
            tuple(some[odd[0]].shape) if odd[0] in some else "none" for some in (tensors, own)
        ]
        raise UserError(
            f"{where}: does not fit the network: {odd[0]} is {shapes[0]}, expected {shapes[1]}; "
            f"the file is damaged or of another network"
        )
    for name, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise UserError(f"{where}: {name} is not finite; the file is of no use")
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in tensors.items()})


def load_matching_weights(network: Any, tensors: Mapping[str, "Tensor"], where: str) -> int:
    """Copy the tensors that fit by name and shape into ``network``; return how many did.

    The last layers of the class branch depend on the number of classes and stay fresh when it
    differs.

    Raises:
        UserError: If fewer than half fit: these are weights of another network or size.
    """
    import torch

    own = network.state_dict()
    fitting = {
        name: value.to(own[name].dtype)
        for name, value in tensors.items()
        if name in own and own[name].shape == value.shape
    }
    if 2 * len(fitting) < len(own):
        raise UserError(
            f"{where}: only {len(fitting)} of {len(own)} tensors fit this network by name and "
            f"shape; give start weights of the same YOLOv5 size"
        )
    bad = [name for name, value in fitting.items() if not bool(torch.isfinite(value).all())]
    if bad:
        raise UserError(f"{where}: {bad[0]} is not finite; the file is of no use")
    network.load_state_dict(fitting, strict=False)
    return len(fitting)
