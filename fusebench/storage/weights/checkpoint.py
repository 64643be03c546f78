"""Checkpoints of trainings: written atomically, read without running code in the file."""

import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fusebench.errors import UserError, shorten
from fusebench.runtime import atomic_write, command_name
from fusebench.runtime.reading.zip_archives import list_entries

# What `load_torch_file` raises for a damaged file, depending on where the damage is.
DAMAGED_FILE_ERRORS = (
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,  # UnicodeDecodeError too
    TypeError,
    AttributeError,
    AssertionError,
    MemoryError,  # a size that only a damaged file asks for
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
MAX_REASON_LENGTH = 200  # characters of a library's message that are shown
TORCH_ADVICE = "Weights only load failed"  # starts torch's advice to run the code in a file
REFUSED_OBJECT_PATTERNS = (  # how torch names an object that it does not build
    r"Unsupported global: GLOBAL (\S+) was not",
    r"unsupported GLOBAL (\S+) whose module",
    r"unrecognized function <\w+(?: \w+)? '?([\w.]+)",
    r"but got <class '([^']+)'>",
)


def describe_error(error: Exception) -> str:
    """Return the type of an error and the shortened first line of its message."""
    kind, first_line = type(error).__name__, str(error).partition("\n")[0]
    if TORCH_ADVICE in first_line:
        refused = find_refused_object(error)
        return f"{kind}: it holds {refused}" if refused else kind
    return f"{kind}: {shorten(first_line, MAX_REASON_LENGTH)}" if first_line else kind


def find_refused_object(error: Exception) -> str | None:
    """Return the name of the class or function that torch refused to unpickle, if it names one."""
    for pattern in REFUSED_OBJECT_PATTERNS:
        match = re.search(pattern, str(error))
        if match:
            name = match[1] if "." in match[1] else f"builtins.{match[1]}"
            return shorten(name, MAX_REASON_LENGTH)
    return None


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values to ``path``; the old file stays until the new one is complete.

    The other files of the folder are flushed to the disk first: what a training wrote before a
    checkpoint is there when the checkpoint is.

    Args:
        path: The file; its folder must exist.
        content: What to save; what else than tensors and plain values it holds cannot be read.
    """
    import torch

    atomic_write.sync_files(path.parent)
    with atomic_write.replace_atomically(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def read_checkpoint(path: Path, device: str, advice: str | None = None) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote.

    Args:
        path: The file.
        device: Device of the tensors.
        advice: What to do about a damaged file, for the message; None: how the file is removed,
            so that the training starts over.

    Raises:
        UserError: If the file cannot be read, or holds anything but tensors and plain values.
    """
    try:
        content: dict[str, Any] = load_torch_file(path, device)
    except DAMAGED_FILE_ERRORS as error:
        repair = f"{command_name.format_repair_advice(path.parent)}: the training starts over"
        raise UserError(
            f"{path}: cannot be read ({describe_error(error)}); {advice or repair}"
        ) from None
    return content


def load_torch_file(path: Path, device: str, known_classes: Iterable[Any] = ()) -> Any:
    """Load a file of torch.save without running code in it, and verify its checksums.

    The file is a zip archive. torch itself does not compare the checksums, so that it would load
    a value that was corrupted on the disk. Files of torch before 1.6 have no checksums.

    Args:
        path: The file.
        device: Device of the tensors.
        known_classes: Classes of objects that may be built besides tensors and plain values, as
            for `torch.serialization.safe_globals`.

    Raises:
        OSError: If the file cannot be opened. A damaged file raises one of `DAMAGED_FILE_ERRORS`.
    """
    import torch

    if zipfile.is_zipfile(path):
        list_entries(path, check_content=True)
    with torch.serialization.safe_globals(list(known_classes)), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about old kinds of tensors
        return torch.load(path, map_location=device, weights_only=True)
