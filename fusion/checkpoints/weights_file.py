"""Weights of the fusion networks on disk: one safetensors file that says what it is.

Its metadata holds ``fusebench``, JSON with ``method``, ``stage`` and ``architecture``; a reader
builds the network from that and needs nothing else. The format cannot hold code.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.storage.hashing import HASH_GLOB

if TYPE_CHECKING:
    from torch import Tensor

FILE_NAME = "model.safetensors"  # in the folder of a training
METADATA_KEY = "fusebench"  # the key of the metadata


@dataclass(frozen=True)
class WeightsMetadata:
    """What a weights file says of itself.

    Attributes:
        architecture: What the network is built from.
    """

    method: str
    stage: str
    architecture: Mapping[str, Any]


def write_weights(
    path: Path, tensors: Mapping[str, "Tensor"], facts: WeightsMetadata, *, half: bool = False
) -> None:
    """Write tensors and facts; killed meanwhile, an older file stays.

    Args:
        path: The file; its folder is made.
        tensors: By name.
        facts: What the file is.
        half: Write float32 as float16.

    Raises:
        UserError: If it cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    kept = {
        name: (t.half() if half and t.dtype == torch.float32 else t).detach().cpu().contiguous()
        for name, t in tensors.items()
    }
    words = {
        "method": facts.method,
        "stage": facts.stage,
        "architecture": facts.architecture,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_atomically(path, sync=True) as temporary:
            save_file(kept, temporary, metadata={METADATA_KEY: json.dumps(words, sort_keys=True)})
            _set_default_permissions(temporary)
    except (SafetensorError, OSError) as fault:
        raise UserError(
            f"{path}: cannot be written ({fault}); make room there, or name a place that can be "
            "written, then run the same command again"
        ) from None


def _set_default_permissions(path: Path) -> None:
    """Give a file the permissions of any new file; safetensors creates it with 0600."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def read_weights(path: Path) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Tensors as float32 on the CPU, and what the file says it is.

    Raises:
        UserError: If the file is not there, damaged, not one of `write_weights`, or holds other numbers.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    try:
        with safe_open(path, "pt") as file:
            facts = _parse_metadata(path, file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as fault:
        raise UserError(
            f"{path}: cannot be read as safetensors ({fault}); copy or train it again"
        ) from None
    return convert_to_float32(tensors, path), facts


def convert_to_float32(tensors: Mapping[str, "Tensor"], path: Path) -> dict[str, "Tensor"]:
    """Floating-point numbers of any width as float32.

    Args:
        tensors: By name.
        path: Where they were read, for the message.

    Raises:
        UserError: Naming a tensor of anything else.
    """
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UserError(
                f"{path}: {name} is {kind}; expected floating-point numbers; copy or train it again"
            )
    return {name: tensor.float() for name, tensor in tensors.items()}


def _parse_metadata(path: Path, metadata: Mapping[str, str] | None) -> WeightsMetadata:
    try:
        facts = WeightsMetadata(**json.loads((metadata or {})[METADATA_KEY]))
        if not isinstance(facts.architecture, Mapping):
            raise TypeError("architecture is no mapping")
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path}: does not say what it is; expected weights written by python -m fusion.train"
        ) from None
    return facts


def find_weights_file(text: str | Path) -> Path:
    """The weights file that ``text`` means.

    Args:
        text: A file; the folder of a finished training; or such a folder without the dash and
            the 12 hexadecimal digits at its end, if only one is there.

    Raises:
        UserError: If there is none, more than one, or the training has not been finished.
    """
    path = Path(text)
    if path.is_file():
        return path
    if path.is_dir():
        return _find_in_folder(path)
    found = sorted(p for p in path.parent.glob(f"{path.name}-{HASH_GLOB}") if p.is_dir())
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise UserError(f"{path}: may mean {names}; name one of them")
    if not found:
        begun = next(path.parent.glob(f"{path.name}-{HASH_GLOB}.partial"), None)
        state = "its training is not finished" if begun else "not trained yet"
        raise UserError(
            f"{path}: {state}. python -m fusion.train trains it: --name {path.name} with "
            f"--method and --stage, or --tasks FILE --model {path.name} if a task file lists it"
        )
    return _find_in_folder(found[0])


def _find_in_folder(folder: Path) -> Path:
    file = folder / FILE_NAME
    if folder.name.endswith(".partial") or not file.is_file():
        raise UserError(f"{folder}: no {FILE_NAME} in it; its training is not finished")
    return file
