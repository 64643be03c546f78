"""Copies of images in another form, written once below the data folder.

    scaled/<name>-<hash>/<key>.png
    scaled/<name>-<hash>/spec.json       the rule and the folders of the originals
    scaled/<name>-<hash>/sources.json    length and time of each original

so that fusion, training, scoring and reports read the same files. A copy is written again if its
original was changed. Where a key has two originals in the same folders, e.g. ``1_v1.png`` in one
task and ``1_v2.png`` in another, each set of originals has a folder of its own (``-2``, ...).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from fusebench.data import images
from fusebench.data.images import Gray
from fusebench.errors import UserError
from fusebench.runtime import file_names, progress
from fusebench.runtime.atomic_write import sync_files, write_text_atomically
from fusebench.runtime.reading.json_files import read_json

SOURCES_FILE = "sources.json"
HASH_LENGTH = 12  # hex digits in the name of a folder
THREAD_COUNT = 4  # decoding releases Python's lock

SourceState = list[Any]  # path, length in bytes, times of modification and of status in ns
STATE_LENGTH = 4


def write_copies(
    sources: Mapping[str, Path],
    root: Path,
    name: str,
    rule: Mapping[str, Any],
    convert: Callable[[Path], Gray],
) -> dict[str, Path]:
    """Write the copies that are missing.

    Args:
        sources: Original per key.
        root: The data folder.
        name: Readable first part of the folder's name.
        rule: How the originals are converted, JSON-ready; another rule has another folder.
        convert: Reads and converts one original.

    Returns:
        The copy of each key.

    Raises:
        UserError: If ``convert`` does, or a copy cannot be written.
    """
    folders = sorted({str(path.parent.resolve()) for path in sources.values()})
    spec = json.dumps({"rule": rule, "folders": folders})
    digest = hashlib.sha256(spec.encode()).hexdigest()[:HASH_LENGTH]
    try:
        folder = _choose_folder(root / file_names.SCALED_FOLDER / f"{name}-{digest}", sources)
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(folder / file_names.SPEC_FILE, spec)
        _write_missing(sources, folder, name, convert)
    except OSError as error:
        raise UserError(
            f"{root / file_names.SCALED_FOLDER}: cannot write the converted images "
            f"({error.strerror}); make the data folder writable, or convert the images yourself"
        ) from None
    return {key: _get_copy_path(folder, key) for key in sources}


def _choose_folder(first: Path, sources: Mapping[str, Path]) -> Path:
    """Return the first folder that has no copy of another original under one of the keys."""
    originals = {key: str(path.absolute()) for key, path in sources.items()}
    for number in count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        recorded = _read_source_states(folder)
        if all(key not in recorded or recorded[key][0] == originals[key] for key in originals):
            return folder
    raise AssertionError("count never ends")


def _get_copy_path(folder: Path, key: str) -> Path:
    return folder / f"{key}.png"


def _write_missing(
    sources: Mapping[str, Path], folder: Path, name: str, convert: Callable[[Path], Gray]
) -> None:
    states = {key: _read_state(path) for key, path in sources.items()}
    recorded = _read_source_states(folder)
    missing = [
        key
        for key, state in states.items()
        if recorded.get(key) != state or not _get_copy_path(folder, key).is_file()
    ]
    if not missing:
        return

    def write_copy(key: str) -> None:
        images.write_png(_get_copy_path(folder, key), convert(sources[key]))

    with ThreadPoolExecutor(THREAD_COUNT) as pool:
        written = pool.map(write_copy, missing)
        for _ in progress.track_progress(missing, f"convert {name}"):
            next(written)
    sync_files(folder)  # a copy that `SOURCES_FILE` names is complete, also after a power cut
    write_text_atomically(folder / SOURCES_FILE, json.dumps({**recorded, **states}, indent=1))


def _read_state(path: Path) -> SourceState:
    status = path.stat()
    return [str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read_source_states(folder: Path) -> Mapping[str, SourceState]:
    """Read the state of each original; empty if `SOURCES_FILE` is missing or damaged."""
    try:
        recorded = read_json(folder / SOURCES_FILE)
    except UserError:
        return {}
    if not isinstance(recorded, dict):
        return {}
    return {key: state for key, state in recorded.items() if _is_state(state)}


def _is_state(state: Any) -> bool:
    return isinstance(state, list) and len(state) == STATE_LENGTH
