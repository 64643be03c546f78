"""Safe reading of NumPy archives (.npz)."""

import io
import tokenize
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError, shorten
from fusebench.runtime import command_name
from fusebench.runtime.reading.zip_archives import ZIP_ERRORS

# What `numpy.load` raises for a damaged archive: its headers are parsed as Python literals.
DAMAGED_FILE_ERRORS = (*ZIP_ERRORS, SyntaxError, tokenize.TokenError, TypeError, MemoryError)

SUFFIX = ".npy"  # of the names of arrays in an archive


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
    except DAMAGED_FILE_ERRORS as error:
        advice = command_name.format_repair_advice(path.parent)
        raise UserError(f"{path}: cannot be read ({shorten(str(error), 200)}); {advice}") from None


def _parse_array(content: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array
