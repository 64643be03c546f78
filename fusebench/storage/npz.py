"""Safe reading of NumPy archives (.npz)."""

import io
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.runtime import command_name

SUFFIX = ".npy"  # of the names of arrays in an archive
DAMAGED_ARCHIVE_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # of `zipfile`: an unknown version or compression, an encrypted file
)


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Read arrays from an archive; pickled objects are refused, because unpickling can run code.

    Args:
        path: The ``.npz`` file.
        *names: Names of the arrays.

    Returns:
        The arrays in the order of ``names``.

    Raises:
        UserError: If the file cannot be read, is damaged, or lacks an array.
    """
    arrays = read_all_arrays(path, names)
    return [arrays[name] for name in names]


def read_all_arrays(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read the named arrays of an archive, or all of them, by name.

    The checksum of an array is compared before its header is read, which states its size.

    Raises:
        UserError: If the file cannot be read, is damaged, or lacks one of them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if names is None:
                names = [name.removesuffix(SUFFIX) for name in archive.namelist()]
            return {name: _parse_array(archive.read(name + SUFFIX)) for name in names}
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise UserError(
            f"{path}: cannot be read ({error}); {command_name.format_repair_advice(path.parent)}"
        ) from None


def _parse_array(content: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array
