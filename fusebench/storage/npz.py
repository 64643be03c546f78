"""NumPy archives (.npz) that are read without trusting them."""

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays of these names; nothing pickled is ever unpickled.

    Raises:
        UserError: If the file cannot be read, is damaged, or lacks one of them.
    """
    arrays = read_all_arrays(path, names)
    return [arrays[name] for name in names]


def read_all_arrays(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of these names, or all, by name; nothing pickled is ever unpickled.

    Raises:
        UserError: If the file cannot be read, is damaged, or lacks one of them.
    """
    try:
        if path.is_file() and not zipfile.is_zipfile(path):
            raise ValueError("no NumPy archive, or a part of one")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in (archive.files if names is None else names)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as fault:
        raise UserError(
            f"{path}: cannot be read ({fault}); delete its folder and run again"
        ) from None
