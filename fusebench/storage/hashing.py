"""Content hashes of specs, splits and files: they identify the inputs of a result."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fusebench.data import label_maps
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import require_regular_file
from fusebench.runtime.reading.sha256 import compute_sha256
from fusebench.storage.splits.file_hashes import FileHashes, Stamp, read_stamp

HASH_LENGTH = 12  # hex digits in folder names: 48 bits, ample for thousands of runs
HASH_GLOB = "[0-9a-f]" * HASH_LENGTH  # glob pattern of a hash


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


def hash_keys(split: Split) -> str:
    """Hash the data set's name and the keys of a split; printed with every table."""
    return _remember(
        split, "keys", lambda: content_hash({"dataset": split.dataset, "keys": list(split.keys)})
    )


def hash_images(split: Split, file_hashes: FileHashes | None = None) -> str:
    """Hash the images of a split: keys, sizes in pixels, contents (see `hash_files`)."""

    def compute() -> str:
        pairs = split.pairs
        infrared = hash_files({pair.key: pair.infrared for pair in pairs}, file_hashes)
        visible = hash_files({pair.key: pair.visible for pair in pairs}, file_hashes)
        sizes = [[pair.key, pair.size] for pair in pairs]
        return content_hash({"sizes": sizes, "infrared": infrared, "visible": visible})

    return _remember(split, "images", compute)


def hash_files(paths: Mapping[str, Path], file_hashes: FileHashes | None = None) -> str:
    """Hash the contents of image files per key, see `fusebench.data.image_hash`.

    Args:
        paths: File per key.
        file_hashes: Known hashes of files; None: every file is read.

    Raises:
        UserError: If a file does not exist or cannot be read.
    """
    hashes = (file_hashes or FileHashes()).hash_each(list(paths.values()))
    return content_hash(dict(zip(paths, hashes, strict=True)))


def hash_labels(split: Split) -> str:
    """Hash the class names and the contents of all labels of a split.

    A label image whose ids are not the stored values has another hash than its bytes, see
    `fusebench.data.label_maps.differ_from_values`.
    """

    def compute() -> str:
        labels = [
            [
                pair.key,
                _boxes_to_rows(pair),
                pair.label_map and _hash_label_map(pair.label_map, split.classes),
            ]
            for pair in split.pairs
        ]
        return content_hash({"classes": list(split.classes), "labels": labels})

    return _remember(split, "labels", compute)


def _hash_label_map(path: Path, classes: Sequence[str]) -> str:
    digest = compute_file_sha256(path)[:HASH_LENGTH]
    return f"{digest} by rule" if label_maps.differ_from_values(path, classes) else digest


def hash_split_metadata(split: Split) -> str:
    """Hash how a split was made and read: rule, notes, condition and sequence of each pair."""

    def compute() -> str:
        rule = [split.rule_description, split.has_leakage, split.is_simulated]
        conditions = [[pair.key, pair.condition, pair.sequence] for pair in split.pairs]
        notes = {"notes": list(split.notes)} if split.notes else {}
        return content_hash({"rule": rule, "conditions": conditions, **notes})

    return _remember(split, "metadata", compute)


def hash_all(split: Split, file_hashes: FileHashes) -> None:
    """Compute every hash of a split, so that they can be kept with it."""
    hash_keys(split)
    hash_images(split, file_hashes)
    hash_labels(split)
    hash_split_metadata(split)


def _remember(split: Split, name: str, compute: Callable[[], str]) -> str:
    """Return a hash of a split, which is computed once: a plan asks for it once per run."""
    if name not in split.hashes:
        split.hashes[name] = compute()
    return split.hashes[name]


def compute_file_sha256(path: Path) -> str:
    """Compute the SHA-256 of a whole file, as 64 hex digits.

    Raises:
        UserError: If the file does not exist, is no regular file or may not be accessed.
    """
    try:
        status = require_regular_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    return _compute_cached_sha256(path, read_stamp(status))


@cache
def _compute_cached_sha256(path: Path, stamp: Stamp) -> str:
    """Hash a file; its stamp is part of the cache's key."""
    with path.open("rb") as file:
        return compute_sha256(file)


def _boxes_to_rows(pair: Pair) -> list[list[float]] | None:
    if pair.boxes is None:
        return None
    return [
        [class_id, *corners]
        for class_id, corners in zip(
            pair.boxes.class_ids.tolist(), pair.boxes.corners.tolist(), strict=True
        )
    ]
