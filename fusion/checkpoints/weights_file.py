"""Weights files of the fusion networks: safetensors with the architecture in the metadata.

The metadata has the key ``fusebench``: JSON with ``method``, ``stage`` and ``architecture``, from
which a reader builds the network. The format cannot contain code.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.runtime.file_names import PARTIAL_SUFFIX
from fusebench.storage import integrity
from fusebench.storage.hashing import HASH_GLOB
from fusebench.storage.weights import foreign_weights
from fusebench.storage.weights.foreign_weights import ForeignWeights

if TYPE_CHECKING:
    from torch import Tensor

FILE_NAME = "model.safetensors"  # in the folder of a training run
METADATA_KEY = "fusebench"


@dataclass(frozen=True)
class WeightsMetadata:
    """Metadata of a weights file.

    Attributes:
        method: ``dmfuse``, ``dmnet`` or ``student``.
        stage: Training stage that produced the weights.
        architecture: Parameters from which the network is built.
    """

    method: str
    stage: str
    architecture: Mapping[str, Any]


def write_weights(
    path: Path, tensors: Mapping[str, "Tensor"], metadata: WeightsMetadata, *, half: bool = False
) -> None:
    """Write a weights file atomically: if the process is killed, an older file stays intact.

    Args:
        path: The file; its folder is created if it does not exist.
        tensors: Name to tensor.
        metadata: Metadata of the file.
        half: Whether to write float32 as float16.

    Raises:
        OSError: If the file cannot be written.
    """
    import torch
    from safetensors.torch import save_file

    saved = {
        name: (t.half() if half and t.dtype == torch.float32 else t).detach().cpu().contiguous()
        for name, t in tensors.items()
    }
    header = {
        "method": metadata.method,
        "stage": metadata.stage,
        "architecture": metadata.architecture,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_atomically(path) as temporary:
        save_file(saved, temporary, metadata={METADATA_KEY: json.dumps(header, sort_keys=True)})
        _set_default_permissions(temporary)


def _set_default_permissions(path: Path) -> None:
    """Give a file the permissions of any new file; safetensors creates it with 0600."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def read_weights(path: Path) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Read a weights file.

    Returns:
        Name to tensor (float32, on the CPU), and the metadata.

    Raises:
        UserError: If the file is missing or damaged, was not written by `write_weights`, or has
            tensors that are not floating-point.
    """
    return parse_weights(foreign_weights.read_file(path))


def parse_weights(file: ForeignWeights) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Convert the content of a weights file; see `read_weights`."""
    metadata = _parse_metadata(file.path, file.metadata)
    return convert_to_float32(file.content, file.path), metadata


def convert_to_float32(tensors: Mapping[str, "Tensor"], path: Path) -> dict[str, "Tensor"]:
    """Convert floating-point tensors of any width to float32.

    Args:
        tensors: Name to tensor.
        path: File of the tensors, for the message.

    Raises:
        UserError: Naming a tensor that is not floating-point, or not finite.
    """
    import torch

    dtypes = dict.fromkeys(tensors, torch.float32)
    return foreign_weights.convert_values(tensors, dtypes, str(path))


def _parse_metadata(path: Path, header: Mapping[str, str]) -> WeightsMetadata:
    try:
        metadata = WeightsMetadata(**json.loads(header[METADATA_KEY]))
        if not isinstance(metadata.architecture, Mapping):
            raise TypeError("architecture is not a mapping")
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path}: no metadata of fusebench; expected weights written by python -m fusion.train"
        ) from None
    return metadata


def find_weights_file(text: str | Path) -> Path:
    """Find a weights file by path or by the name of a training run.

    Args:
        text: A file; the folder of a finished training run; or such a folder without the dash and
            the 12 hexadecimal digits at its end, if there is only one.

    Raises:
        UserError: If there is none, more than one, the training is not finished, or the file was
            changed since it was written.
    """
    path = Path(text)
    if path.is_file():
        return integrity.check_weights(path)
    if path.is_dir():
        return _find_in_folder(path)
    folders = sorted(p for p in path.parent.glob(f"{path.name}-{HASH_GLOB}") if p.is_dir())
    if len(folders) > 1:
        names = ", ".join(p.name for p in folders)
        raise UserError(f"{path}: is ambiguous: {names}; name one of them")
    if not folders:
        partial = next(path.parent.glob(f"{path.name}-{HASH_GLOB}{PARTIAL_SUFFIX}"), None)
        state = "its training is not finished" if partial else "not trained yet"
        raise UserError(
            f"{path}: {state}. python -m fusion.train trains it: --name {path.name} with "
            f"--method and --stage, or --tasks FILE --model {path.name} if a task file lists it"
        )
    return _find_in_folder(folders[0])


def _find_in_folder(folder: Path) -> Path:
    file = folder / FILE_NAME
    if folder.name.endswith(PARTIAL_SUFFIX) or not file.is_file():
        raise UserError(f"{folder}: no {FILE_NAME} in it; its training is not finished")
    return integrity.check_weights(file)
