"""Content hashes of specs, splits and files: they identify the inputs of a result."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime.regular_file import require_regular_file

HASH_LENGTH = 12  # hex digits in folder names: 48 bits, ample for thousands of runs
HASH_GLOB = "[0-9a-f]" * HASH_LENGTH  # glob pattern of a hash
SAMPLE_BYTES = 4096  # length of each of the three samples that are read of an image file


def content_hash(spec: Mapping[str, Any]) -> str:
    """Hash a JSON-ready mapping; the order of its keys does not matter.

    Returns:
        The first `HASH_LENGTH` hex digits of the SHA-256 of its compact JSON with sorted keys.

    Raises:
        ValueError: If the spec contains NaN or infinity.
        TypeError: If it contains another value that JSON cannot represent.
    """
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


@cache
def hash_keys(split: Split) -> str:
    """Hash the data set's name and the keys of a split; printed with every table."""
    return content_hash({"dataset": split.dataset, "keys": list(split.keys)})


@cache
def hash_images(split: Split) -> str:
    """Hash the images of a split: keys, sizes in pixels, contents (see `hash_files`)."""
    sizes = [[p.key, p.size] for p in split.pairs]
    infrared = hash_files({p.key: p.infrared for p in split.pairs})
    visible = hash_files({p.key: p.visible for p in split.pairs})
    return content_hash({"sizes": sizes, "infrared": infrared, "visible": visible})


def hash_files(paths: Mapping[str, Path]) -> str:
    """Hash image files per key: the length of each and its first, middle and last bytes.

    Samples are enough: reading thousands of large files in full would make planning slow. An edit
    changes the samples of compressed files, because a PNG ends with a checksum of its pixels and a
    JPEG differs from the edited block on. In an uncompressed file, an edit that keeps the length
    can lie between the samples and is missed.

    Raises:
        UserError: If a file does not exist.
    """
    return content_hash({key: _hash_file(path, _read_file_samples) for key, path in paths.items()})


@cache
def hash_labels(split: Split) -> str:
    """Hash the class names and the contents of all labels of a split."""
    labels = [
        [p.key, _boxes_to_rows(p), p.label_map and compute_file_sha256(p.label_map)[:HASH_LENGTH]]
        for p in split.pairs
    ]
    return content_hash({"classes": list(split.classes), "labels": labels})


@cache
def hash_split_metadata(split: Split) -> str:
    """Hash how a split was made and read: rule, notes, condition and sequence of each pair."""
    rule = [split.rule_description, split.has_leakage, split.is_simulated]
    conditions = [[p.key, p.condition, p.sequence] for p in split.pairs]
    notes = {"notes": list(split.notes)} if split.notes else {}
    return content_hash({"rule": rule, "conditions": conditions, **notes})


def compute_file_sha256(path: Path) -> str:
    """Compute the SHA-256 of a whole file, as 64 hex digits.

    Raises:
        UserError: If the file does not exist.
    """
    return _hash_file(path, _read_whole_file)


def _hash_file(path: Path, read: Callable[[Path, int], bytes]) -> str:
    try:
        stat = require_regular_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    return _compute_cached_sha256(path, read, stat.st_mtime_ns, stat.st_size)


@cache
def _compute_cached_sha256(
    path: Path, read: Callable[[Path, int], bytes], modified_ns: int, size: int
) -> str:
    """Hash a file; time of modification and size are part of the cache's key."""
    return hashlib.sha256(read(path, size)).hexdigest()


def _read_whole_file(path: Path, size: int) -> bytes:
    return path.read_bytes()


def _read_file_samples(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        parts = [str(size).encode()]
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(start, 0))
            parts.append(file.read(SAMPLE_BYTES))
    return b"".join(parts)


def _boxes_to_rows(pair: Pair) -> list[list[float]] | None:
    if pair.boxes is None:
        return None
    return [
        [int(class_id), *map(float, corners)]
        for class_id, corners in zip(pair.boxes.class_ids, pair.boxes.corners, strict=True)
    ]
