"""Initial weights of YOLOv5: random, packaged, from a file, or a named release of ultralytics.

A ``.pt`` file of ultralytics is a pickle of a whole network. It is read with torch's restricted
unpickler, which builds the network's own classes and rejects everything else, so a file cannot
execute code.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.models.yolov5 import ultralytics_import
from fusebench.errors import UserError
from fusebench.runtime import atomic_write
from fusebench.storage import hashing, integrity
from fusebench.storage.checkpoint import DAMAGED_FILE_ERRORS, describe_error, load_torch_file

if TYPE_CHECKING:
    from torch import Tensor

HEAD_DESCRIPTION = "anchor-free, not v6.0 with anchors"
PACKAGED_WEIGHTS = Path(__file__).parents[2] / "weights" / "yolov5n-scenes.safetensors"
RELEASE_NAME_PATTERN = re.compile(r"yolov5([nsmlx])u?\.pt")


def find_weights_file(weights: str, size: str) -> Path | None:
    """Return the file of ``weights``, or None for ``scratch`` and for a name to be downloaded.

    Raises:
        UserError: If there is no such file, or the packaged weights are of another size.
    """
    if weights == "scratch":
        return None
    if weights == "packaged":
        if size != "n":
            raise UserError(
                f"start_weights: packaged weights exist for size n, not for {size!r}; set size: n"
            )
        return integrity.check_weights(_require_file(PACKAGED_WEIGHTS))
    release = RELEASE_NAME_PATTERN.fullmatch(weights)
    if release and not Path(weights).exists():
        if release[1] != size:
            raise UserError(f"start_weights: {weights} is size {release[1]}, but size is {size}")
        return None
    return integrity.check_weights(_require_file(Path(weights)))


def describe_image_size(side: int, fit: str) -> str:
    """Describe how images are resized, for the protocol."""
    return f"{side}" if fit == "letterbox" else f"{side}x{side}, stretched"


def load_tensors(weights: str, size: str, folder: Path) -> "Mapping[str, Tensor] | None":
    """Load the initial weights; download them if needed.

    Args:
        weights: ``scratch``, ``packaged``, a path, or a release name such as ``yolov5s.pt``.
        size: n, s, m, l or x.
        folder: Folder of downloads; a file that it has is not downloaded again.

    Returns:
        Tensors by name; None for ``scratch``.

    Raises:
        UserError: If there is no such file, or it cannot be read or downloaded.
    """
    if weights == "scratch":
        return None
    path = find_weights_file(weights, size) or download_weights(size, folder)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    return read_checkpoint_tensors(path)


def describe_download(weights: str, size: str, folder: Path) -> dict[str, str]:
    """Return the protocol entry of downloaded initial weights; empty for others."""
    if weights == "scratch" or find_weights_file(weights, size) is not None:
        return {}
    path = download_weights(size, folder)  # downloaded already, by `load_tensors`
    return {"start weights": f"{path.name} (sha256 {hashing.compute_file_sha256(path)[:12]})"}


def read_safetensors(path: Path) -> "Mapping[str, Tensor]":
    """Read the tensors of a safetensors file.

    Raises:
        UserError: If it is not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not a safetensors file ({error})") from None


def read_checkpoint_tensors(path: Path) -> "Mapping[str, Tensor]":
    """Read the weights of an ultralytics ``.pt`` file; see `read_checkpoint_network`."""
    tensors: dict[str, Tensor] = read_checkpoint_network(path).state_dict()
    return tensors


def read_checkpoint_network(path: Path) -> Any:
    """Read the network of an ultralytics ``.pt`` file without executing code from it.

    Raises:
        UserError: If it holds other objects than a network of ultralytics, or no network.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_list_safe_classes()):
            content = load_torch_file(path, "cpu")
    except DAMAGED_FILE_ERRORS as error:
        raise UserError(
            f"{path}: cannot be read safely as an ultralytics checkpoint "
            f"({describe_error(error)}); save the network's state_dict() with safetensors and give "
            "that file"
        ) from None
    network = content.get("ema") or content.get("model") if isinstance(content, dict) else None
    if not isinstance(network, torch.nn.Module):
        raise UserError(f"{path}: holds no network; expected an ultralytics checkpoint")
    return network.float()


def _list_safe_classes() -> list[Any]:
    """List the classes of the objects in a checkpoint of a YOLOv5 network."""
    import inspect

    import numpy as np
    import torch
    from ultralytics.nn import modules, tasks
    from ultralytics.utils import IterableSimpleNamespace

    layers = {
        member
        for module in (modules.block, modules.conv, modules.head, torch.nn)
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, torch.nn.Module)
    }
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined] # NumPy pickles scalars by it
    numbers = [scalar, np.dtype, np.dtypes.Float64DType, np.dtypes.Float32DType]
    return [*layers, tasks.DetectionModel, IterableSimpleNamespace, *numbers]


def download_weights(size: str, folder: Path) -> Path:
    """Download the release weights of one size into ``folder`` unless they are there already.

    Raises:
        UserError: If the download fails.
    """
    from ultralytics.utils.downloads import attempt_download_asset

    path = folder / f"yolov5{size}u.pt"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        partial = Path(temporary) / path.name
        try:
            attempt_download_asset(str(partial))
        except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors
            raise _build_download_error(path.name, str(error)) from None
        if not partial.is_file():
            raise _build_download_error(path.name, "no file was written")
        atomic_write.sync_file(partial)
        partial.replace(path)
    ultralytics_import.log_line(
        f"downloaded {path.name}, sha256 {hashing.compute_file_sha256(path)}"
    )
    return path


def _build_download_error(name: str, reason: str) -> UserError:
    return UserError(
        f"{name} could not be downloaded ({reason}); download it elsewhere and give its path"
    )


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise UserError(
            f"start_weights: {path}: no such file; give scratch, packaged, a .safetensors or .pt "
            f"file, or a release name such as yolov5s.pt"
        )
    return path
