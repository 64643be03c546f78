"""Safe reading of NumPy archives (.npz)."""

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

    Raises:
        UserError: If the file cannot be read, is damaged, or lacks one of them.
    """
    try:
        if path.is_file() and not zipfile.is_zipfile(path):
            raise ValueError("not a complete NumPy archive")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in (archive.files if names is None else names)}
    except DAMAGED_FILE_ERRORS as error:
        advice = command_name.format_repair_advice(path.parent)
        raise UserError(f"{path}: cannot be read ({shorten(str(error), 200)}); {advice}") from None
