"""Names made of contents: the digest of a spec says which inputs and options made a result."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError

HASH_LENGTH = 12  # hex digits kept in folder names: 48 bits, ample for thousands of runs
HASH_GLOB = "[0-9a-f]" * HASH_LENGTH  # the end of such a name, as a glob
SAMPLE_BYTES = 4096  # bytes, of three pieces that are read of every image


def content_hash(spec: Mapping[str, Any]) -> str:
    """Digest a JSON-ready mapping; the order of its keys does not matter.

    Raises:
        ValueError: If the spec holds NaN or infinity.
        TypeError: If it holds anything else that JSON has no word for.
    """
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


@cache
def hash_keys(split: Split) -> str:
    """Digest which pairs a split holds: the hash printed with every table."""
    return content_hash({"dataset": split.dataset, "keys": list(split.keys)})


@cache
def hash_images(split: Split) -> str:
    """Digest the images of a split: key, size in pixels, contents (see `hash_files`)."""
    sizes = [[p.key, p.size] for p in split.pairs]
    infrared = hash_files({p.key: p.infrared for p in split.pairs})
    visible = hash_files({p.key: p.visible for p in split.pairs})
    return content_hash({"sizes": sizes, "infrared": infrared, "visible": visible})


def hash_files(by_key: Mapping[str, Path]) -> str:
    """Digest image files by key: the length of each, its first, middle and last bytes.

    Thousands of large files are not read whole for a plan. A PNG ends in a checksum of its
    pixels, and a JPEG is another one from an edit on, so that an edit shows; one in an
    uncompressed file of the same length can fall between the pieces.

    Raises:
        UserError: If there is no such file.
    """
    return content_hash({key: _hash_file(path, _read_file_samples) for key, path in by_key.items()})


@cache
def hash_labels(split: Split) -> str:
    """Digest the class names and the contents of all labels of a split."""
    lines = [
        [p.key, _boxes_to_rows(p), p.label_map and compute_file_sha256(p.label_map)[:HASH_LENGTH]]
        for p in split.pairs
    ]
    return content_hash({"classes": list(split.classes), "labels": lines})


@cache
def hash_split_metadata(split: Split) -> str:
    """Digest what is said of a split beside its pairs: its rule, conditions and groups."""
    said = [split.rule_description, split.has_leakage, split.is_simulated]
    return content_hash(
        {"said": said, "scenes": [[p.key, p.condition, p.sequence] for p in split.pairs]}
    )


def compute_file_sha256(path: Path) -> str:
    """Digest a file's contents, in full (64 hex digits).

    Raises:
        UserError: If there is no such file.
    """
    return _hash_file(path, _read_whole_file)


def _hash_file(path: Path, read: Callable[[Path, int], bytes]) -> str:
    try:
        stat = path.stat()
    except OSError:
        raise UserError(f"{path}: no such file") from None
    return _compute_cached_sha256(path, read, stat.st_mtime_ns, stat.st_size)


@cache
def _compute_cached_sha256(
    path: Path, read: Callable[[Path, int], bytes], changed: int, size: int
) -> str:
    return hashlib.sha256(read(path, size)).hexdigest()


def _read_whole_file(path: Path, size: int) -> bytes:
    return path.read_bytes()


def _read_file_samples(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        found = [str(size).encode()]
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(start, 0))
            found.append(file.read(SAMPLE_BYTES))
    return b"".join(found)


def _boxes_to_rows(pair: Pair) -> list[list[float]] | None:
    if pair.boxes is None:
        return None
    return [
        [int(c), *map(float, corners)]
        for c, corners in zip(pair.boxes.class_ids, pair.boxes.corners, strict=True)
    ]
