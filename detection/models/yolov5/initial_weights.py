"""Start weights: none, the packaged ones, a file, or one of ultralytics' by name.

A ``.pt`` file of ultralytics is a pickle of a whole network. It is read with torch's restricted
reader, which builds the network's own classes and refuses everything else, so a file cannot bring
code with it.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.models.yolov5 import ultralytics_import
from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.checkpoint import DAMAGED_FILE_ERRORS, describe_error, load_torch_file

if TYPE_CHECKING:
    from torch import Tensor

HEAD_DESCRIPTION = "anchor-free, not v6.0 with anchors"
PACKAGED_WEIGHTS = Path(__file__).parents[2] / "weights" / "yolov5n-scenes.safetensors"
RELEASE_NAME_PATTERN = re.compile(r"yolov5([nsmlx])u?\.pt")


def find_weights_file(start: str, size: str) -> Path | None:
    """The file that ``start`` means, or None for ``scratch`` and for a name to be downloaded.

    Raises:
        UserError: If there is no such file, or the packaged weights are of another size.
    """
    if start == "scratch":
        return None
    if start == "packaged":
        if size != "n":
            raise UserError(f"start weights: packaged ones exist for size n, not for {size!r}")
        return _require_file(PACKAGED_WEIGHTS)
    named = RELEASE_NAME_PATTERN.fullmatch(start)
    if named and not Path(start).exists():
        if named[1] != size:
            raise UserError(f"start weights: {start} is size {named[1]}, but size is {size}")
        return None
    return _require_file(Path(start))


def describe_image_size(side: int, fit: str) -> str:
    """How images are made to fit, in words for a protocol line."""
    return f"{side}" if fit == "letterbox" else f"{side}x{side}, stretched"


def load_tensors(start: str, size: str, folder: Path) -> "Mapping[str, Tensor] | None":
    """The start weights by name, or None for ``scratch``.

    Args:
        start: ``scratch``, ``packaged``, a path, or a name such as ``yolov5s.pt``.
        size: n, s, m, l or x.
        folder: Where a download goes, and is looked for.

    Raises:
        UserError: If they cannot be had.
    """
    if start == "scratch":
        return None
    path = find_weights_file(start, size) or download_weights(size, folder)
    return (
        read_safetensors(path) if path.suffix == ".safetensors" else read_checkpoint_tensors(path)
    )


def describe_download(start: str, size: str, folder: Path) -> dict[str, str]:
    """What the protocol line says of start weights that were downloaded; nothing of others."""
    if start == "scratch" or find_weights_file(start, size) is not None:
        return {}
    path = download_weights(size, folder)  # is there by now
    return {"start weights": f"{path.name} (sha256 {hashing.compute_file_sha256(path)[:12]})"}


def read_safetensors(path: Path) -> "Mapping[str, Tensor]":
    """The tensors of a safetensors file.

    Raises:
        UserError: If it is none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as fault:
        raise UserError(f"{path}: not a safetensors file ({fault})") from None


def read_checkpoint_tensors(path: Path) -> "Mapping[str, Tensor]":
    """The weights of an ultralytics ``.pt`` file; see `read_checkpoint_network`."""
    state: dict[str, Tensor] = read_checkpoint_network(path).state_dict()
    return state


def read_checkpoint_network(path: Path) -> Any:
    """The network of an ultralytics ``.pt`` file, without running anything from it.

    Raises:
        UserError: If it holds more than a network of ultralytics, or no network.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_list_safe_classes()):
            content = load_torch_file(path, "cpu")
    except DAMAGED_FILE_ERRORS as fault:
        raise UserError(
            f"{path}: cannot be read safely as an ultralytics checkpoint ({describe_error(fault)}); save "
            f"the network's state_dict() with safetensors and give that file"
        ) from None
    network = content.get("ema") or content.get("model") if isinstance(content, dict) else None
    if not isinstance(network, torch.nn.Module):
        raise UserError(f"{path}: holds no network; expected an ultralytics checkpoint")
    return network.float()


def _list_safe_classes() -> list[Any]:
    """The classes that a checkpoint of a YOLOv5 network is made of."""
    import inspect

    import numpy as np
    import torch
    from ultralytics.nn import modules, tasks
    from ultralytics.utils import IterableSimpleNamespace

    places = [modules.block, modules.conv, modules.head, torch.nn]
    layers = {
        found
        for place in places
        for found in vars(place).values()
        if inspect.isclass(found) and issubclass(found, torch.nn.Module)
    }
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined] # how NumPy pickles one
    numbers = [scalar, np.dtype, np.dtypes.Float64DType, np.dtypes.Float32DType]
    return [*layers, tasks.DetectionModel, IterableSimpleNamespace, *numbers]


def download_weights(size: str, folder: Path) -> Path:
    """The weights of ultralytics, fetched once, because the task file asks for them by name."""
    from ultralytics.utils.downloads import attempt_download_asset

    path = folder / f"yolov5{size}u.pt"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        arriving = Path(unfinished) / path.name
        try:
            attempt_download_asset(str(arriving))
        except (OSError, RuntimeError) as fault:  # URLError and timeouts are OSErrors
            raise _build_download_error(path.name, str(fault)) from None
        if not arriving.is_file():
            raise _build_download_error(path.name, "no file came")
        arriving.replace(path)
    ultralytics_import.log_line(
        f"downloaded {path.name}, sha256 {hashing.compute_file_sha256(path)}"
    )
    return path


def _build_download_error(name: str, why: str) -> UserError:
    return UserError(
        f"{name} could not be downloaded ({why}); download it elsewhere and give its path instead"
    )


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise UserError(
            f"start weights: {path}: no such file; give scratch, packaged, a .safetensors or .pt "
            f"file, or a name such as yolov5s.pt"
        )
    return path
