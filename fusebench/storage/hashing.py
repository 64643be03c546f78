"""Content hashes of specs, splits and files: they identify the inputs of a result."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from fusebench.data import label_maps
from fusebench.data.pairs import Split, build_columns
from fusebench.errors import UserError
from fusebench.runtime.reading.file_stamp import Stamp, read_stamp
from fusebench.runtime.reading.regular_file import require_regular_file
from fusebench.runtime.reading.sha256 import compute_sha256
from fusebench.storage.splits.file_hashes import FileHashes

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
        columns = build_columns(split.pairs)
        infrared, visible = (
            hash_files(dict(zip(columns.keys, files, strict=True)), file_hashes)
            for files in (columns.infrared, columns.visible)
        )
        sizes = list(zip(columns.keys, columns.sizes.tolist(), strict=True))
        return content_hash({"sizes": sizes, "infrared": infrared, "visible": visible})

    return _remember(split, "images", compute)


def hash_files(paths: Mapping[str, Path | str], file_hashes: FileHashes | None = None) -> str:
    """Hash the contents of image files per key, see `fusebench.data.image_files.content_hash`.

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

    An ignored box has one more entry than others, whose hash stays that of versions without ignored
    boxes. A label image whose ids are not the stored values has another hash than its bytes, see
    `fusebench.data.label_maps.differ_from_values`.
    """

    def compute() -> str:
        columns = build_columns(split.pairs)
        boxes = (columns.class_ids.tolist(), columns.corners.tolist(), columns.ignored.tolist())
        rows = [
            [class_id, *corners, *(["ignored"] if is_ignored else [])]
            for class_id, corners, is_ignored in zip(*boxes, strict=True)
        ]
        labels = [
            [
                key,
                rows[start:end] if has_boxes else None,
                label_map and _hash_label_map(Path(label_map), split.classes),
            ]
            for key, label_map, has_boxes, (start, end) in zip(
                columns.keys,
                columns.label_maps,
                columns.have_boxes.tolist(),
                pairwise(columns.box_starts.tolist()),
                strict=True,
            )
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
        columns = build_columns(split.pairs)
        conditions = list(zip(columns.keys, columns.conditions, columns.sequences, strict=True))
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
