"""Names made of contents: the digest of a spec says which inputs and options made a result."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.pairs import Pair, Split

LENGTH = 12  # hex digits kept in folder names: 48 bits, ample for thousands of runs


def digest(spec: Mapping[str, Any]) -> str:
    """Digest a JSON-ready mapping; the order of its keys does not matter.

    Raises:
        ValueError: If the spec holds NaN or infinity.
        TypeError: If it holds anything else that JSON has no word for.
    """
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


@cache
def keys(split: Split) -> str:
    """Digest which pairs a split holds: the hash printed with every table."""
    return digest({"dataset": split.dataset, "keys": list(split.keys)})


@cache
def pixels(split: Split) -> str:
    """Digest the images of a split by key, size in pixels and size in bytes.

    Images are large and are not read whole, so an edit that keeps an image's size in bytes
    goes unseen.
    """
    lines = [[p.key, p.size, *_bytes(p)] for p in split.pairs]
    return digest({"pairs": lines})


@cache
def labels(split: Split) -> str:
    """Digest the class names and the contents of all labels of a split."""
    lines = [[p.key, _boxes(p), p.mask and sha256(p.mask)[:LENGTH]] for p in split.pairs]
    return digest({"classes": list(split.classes), "labels": lines})


@cache
def division(split: Split) -> str:
    """Digest what is said of a split beside its pairs: how it was made, each pair's condition."""
    said = [split.rule, split.leaks, split.simulated]
    return digest({"said": said, "scenes": [[p.key, p.scene] for p in split.pairs]})


def sha256(path: Path) -> str:
    """Digest a file's contents, in full (64 hex digits).

    Raises:
        BenchError: If there is no such file.
    """
    try:
        stat = path.stat()
    except OSError:
        raise BenchError(f"{path}: no such file") from None
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(path: Path, changed: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes(pair: Pair) -> tuple[int, int]:
    return pair.infrared.stat().st_size, pair.visible.stat().st_size


def _boxes(pair: Pair) -> list[list[float]] | None:
    if pair.boxes is None:
        return None
    return [
        [int(c), *map(float, corners)]
        for c, corners in zip(pair.boxes.classes, pair.boxes.corners, strict=True)
    ]
