"""Initial weights of YOLOv5: random, packaged, from a file, or a named release of ultralytics.

A ``.pt`` file of ultralytics is a pickle of a whole network. It is read with torch's restricted
unpickler, which builds the network's own classes and rejects everything else, so a file cannot
execute code.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection.models.yolov5 import ultralytics_import
from detection.models.yolov5.network import FIRST_LAYER_WEIGHT
from detection.models.yolov5.options import RELEASE_NAME_PATTERN
from fusebench.errors import UserError
from fusebench.storage import hashing, integrity
from fusebench.storage.weights import downloads, foreign_weights, weights_content
from fusebench.storage.weights.foreign_weights import ForeignWeights

if TYPE_CHECKING:
    from torch import Tensor

HEAD_DESCRIPTION = "anchor-free, not v6.0 with anchors"
PACKAGED_WEIGHTS = Path(__file__).parents[2] / "weights" / "yolov5n-scenes.safetensors"


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
    tensors, _ = read_weights_file(path)
    return tensors


def describe_download(weights: str, size: str, folder: Path) -> dict[str, str]:
    """Return the protocol entry of downloaded initial weights; empty for others."""
    if weights == "scratch" or find_weights_file(weights, size) is not None:
        return {}
    path = download_weights(size, folder)  # downloaded already, by `load_tensors`
    return {"start weights": f"{path.name} (sha256 {hashing.compute_file_sha256(path)[:12]})"}


def read_weights_file(path: Path) -> "tuple[Mapping[str, Tensor], list[str] | None]":
    """Read a checkpoint of ultralytics, or tensors by name, without running code of the file.

    Returns:
        Tensors with the names of the network, and the class names if the file has any. Of a
        checkpoint with several networks it is the moving average (``ema``), as in ultralytics.

    Raises:
        UserError: If the file cannot be read or holds other objects.
    """
    file = foreign_weights.read_file(path, _list_safe_classes())
    network = _get_network(file)
    if network is None:
        tensors = file.select_tensors()
        return foreign_weights.select_network(tensors, (FIRST_LAYER_WEIGHT,), path), None
    by_id = getattr(network, "names", None)
    names = [str(by_id[i]) for i in sorted(by_id)] if isinstance(by_id, dict) else None
    return network.float().state_dict(), names


def _get_network(file: ForeignWeights) -> Any:
    """Return the network in a checkpoint of ultralytics; None if there are only tensors."""
    import torch

    content = file.content
    candidates = [content]
    if isinstance(content, Mapping):
        candidates = [content.get("ema"), content.get("model")]
    return next((value for value in candidates if isinstance(value, torch.nn.Module)), None)


def _list_safe_classes() -> list[Any]:
    """List the classes of the objects in a checkpoint of a YOLOv5 network."""
    import inspect

    import torch
    from ultralytics.nn import modules, tasks
    from ultralytics.utils import IterableSimpleNamespace

    layers = {
        member
        for module in (modules.block, modules.conv, modules.head, torch.nn)
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, torch.nn.Module)
    }
    return [*layers, tasks.DetectionModel, IterableSimpleNamespace]


def download_weights(size: str, folder: Path) -> Path:
    """Download the release weights of one size into ``folder`` unless they are there already.

    Raises:
        UserError: If the download fails, or an earlier one is damaged.
    """
    from ultralytics.utils.downloads import attempt_download_asset

    name = f"yolov5{size}u.pt"

    def download(path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            asset = Path(temporary) / name  # ultralytics looks the release up by the file's name
            try:
                attempt_download_asset(str(asset))
            except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors
                raise _build_download_error(name, str(error)) from None
            if not asset.is_file():
                raise _build_download_error(name, "no file was written")
            asset.replace(path)
        sha256 = hashing.compute_file_sha256(path)
        ultralytics_import.log_line(f"downloaded {name}, sha256 {sha256}")

    return downloads.get_or_download(folder / name, download)


def _build_download_error(name: str, reason: str) -> UserError:
    return UserError(
        f"{name} could not be downloaded ({reason}); download it elsewhere and give its path"
    )


def _require_file(path: Path) -> Path:
    path = weights_content.find_weights_in_folder(path)
    if not path.is_file():
        raise UserError(
            f"start_weights: {path}: no such file; give scratch, packaged, a .safetensors or .pt "
            f"file, or a release name such as yolov5s.pt"
        )
    return path
