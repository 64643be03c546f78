"""A split of a data set in one NumPy archive: its pairs as columns, and its hashes."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.data.pairs import PairColumns, Split, build_columns
from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.storage import npz

VERSION = 2  # 2: ignored boxes
TEXT = "text"  # array of the UTF-8 bytes of a JSON document with everything but arrays


def write_split(file: Path, split: Split, identity: str) -> None:
    """Write a split and its hashes; the file's folder must exist.

    Args:
        file: The archive.
        split: The split.
        identity: Hash of everything that the split was read from.

    Raises:
        OSError: If it cannot be written.
    """
    columns = build_columns(split.pairs)
    values = {field.name: getattr(columns, field.name) for field in fields(PairColumns)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    text = {
        "version": VERSION,
        "identity": identity,
        "split": {field.name: getattr(split, field.name) for field in fields(Split) if field.init}
        | {"pairs": {name: value for name, value in values.items() if name not in arrays}},
        "hashes": split.hashes,
    }
    arrays[TEXT] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    with replace_atomically(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read_split(file: Path, identity: str) -> Split | None:
    """Read what `write_split` wrote; None if it is missing, damaged or outdated."""
    if not file.is_file():
        return None
    try:
        arrays = npz.read_all_arrays(file)
        text = json.loads(arrays.pop(TEXT).tobytes())
        if (text["version"], text["identity"]) != (VERSION, identity):
            return None
        values = {name: _to_tuple(value) for name, value in text["split"].items()}
        columns: Any = {name: _to_tuple(value) for name, value in values["pairs"].items()} | arrays
        split = Split(**values | {"pairs": PairColumns(**columns)})
        split.hashes.update(text["hashes"])
    except (UserError, ValueError, KeyError, TypeError):
        return None
    return split


def _to_tuple(value: Any) -> Any:
    """Convert lists, which JSON has in place of tuples, back to tuples."""
    return tuple(map(_to_tuple, value)) if isinstance(value, list) else value
