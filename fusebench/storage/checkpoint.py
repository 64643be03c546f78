"""The state of a training on disk: never half of it, and read without running what is in it."""

import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from fusebench.errors import UserError

# What a damaged file makes `load_torch_file` raise, by where the damage is.
DAMAGED_FILE_ERRORS = (
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,  # UnicodeDecodeError too
    TypeError,
    AttributeError,
    AssertionError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def describe_error(fault: Exception) -> str:
    """What kind of fault it is and the first line of what it says, if anything."""
    kind, first = type(fault).__name__, str(fault).partition("\n")[0]
    return f"{kind}: {first}" if first else kind


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Put tensors and plain values into ``path``; killed meanwhile, the old file stays."""
    import torch

    partial = path.with_name(f"{path.name}.new")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_checkpoint(
    path: Path, device: str, advice: str = "delete it to start over"
) -> dict[str, Any]:
    """What `write_checkpoint` put there, its tensors on ``device``.

    Args:
        path: The file.
        device: Where tensors go.
        advice: What to do about a damaged file, for the message.

    Raises:
        UserError: If the file cannot be read, or holds anything but tensors and plain values.
    """
    try:
        content: dict[str, Any] = load_torch_file(path, device)
    except DAMAGED_FILE_ERRORS as fault:
        raise UserError(f"{path}: cannot be read ({fault!r}); {advice}") from None
    return content


def load_torch_file(path: Path, device: str) -> Any:
    """What torch.save put into a file, without running what is in it.

    The file is a zip archive whose checksums torch does not compare: a number that has changed on
    the disk would be read as it is. Here they are compared. Files of torch before 1.6 have none.

    Args:
        path: The file.
        device: Where tensors go.

    Raises:
        OSError: If it cannot be opened; what else a damaged file raises is in `DAMAGED_FILE_ERRORS`.
    """
    import torch

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            spoiled = archive.testzip()
        if spoiled is not None:
            raise zipfile.BadZipFile(f"{spoiled} in it does not have its checksum")
    return torch.load(path, map_location=device, weights_only=True)
