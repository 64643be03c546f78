"""Names made of contents: the digest of a spec says which inputs and options made a result."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.pairs import Pair, Split

LENGTH = 12  # hex digits kept in folder names: 48 bits, ample for thousands of runs
DIGITS = "[0-9a-f]" * LENGTH  # the end of such a name, as a glob
PIECE = 4096  # bytes, of three pieces that are read of every image


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
def images(split: Split) -> str:
    """Digest the images of a split: key, size in pixels, contents (see `files`)."""
    sizes = [[p.key, p.size] for p in split.pairs]
    infrared = files({p.key: p.infrared for p in split.pairs})
    visible = files({p.key: p.visible for p in split.pairs})
    return digest({"sizes": sizes, "infrared": infrared, "visible": visible})


def files(by_key: Mapping[str, Path]) -> str:
    """Digest image files by key: the length of each, its first, middle and last bytes.

    Thousands of large files are not read whole for a plan. A PNG ends in a checksum of its
    pixels, and a JPEG is another one from an edit on, so that an edit shows; one in an
    uncompressed file of the same length can fall between the pieces.

    Raises:
        BenchError: If there is no such file.
    """
    return digest({key: _seen(path, _pieces) for key, path in by_key.items()})


@cache
def labels(split: Split) -> str:
    """Digest the class names and the contents of all labels of a split."""
    lines = [[p.key, _boxes(p), p.mask and sha256(p.mask)[:LENGTH]] for p in split.pairs]
    return digest({"classes": list(split.classes), "labels": lines})


@cache
def division(split: Split) -> str:
    """Digest what is said of a split beside its pairs: its rule, conditions and groups."""
    said = [split.rule, split.leaks, split.simulated]
    return digest({"said": said, "scenes": [[p.key, p.scene, p.group] for p in split.pairs]})


def sha256(path: Path) -> str:
    """Digest a file's contents, in full (64 hex digits).

    Raises:
        BenchError: If there is no such file.
    """
    return _seen(path, _whole)


def _seen(path: Path, read: Callable[[Path, int], bytes]) -> str:
    try:
        stat = path.stat()
    except OSError:
        raise BenchError(f"{path}: no such file") from None
    return _sha256(path, read, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(path: Path, read: Callable[[Path, int], bytes], changed: int, size: int) -> str:
    return hashlib.sha256(read(path, size)).hexdigest()


def _whole(path: Path, size: int) -> bytes:
    return path.read_bytes()


def _pieces(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        found = [str(size).encode()]
        for start in (0, (size - PIECE) // 2, size - PIECE):
            file.seek(max(start, 0))
            found.append(file.read(PIECE))
    return b"".join(found)


def _boxes(pair: Pair) -> list[list[float]] | None:
    if pair.boxes is None:
        return None
    return [
        [int(c), *map(float, corners)]
        for c, corners in zip(pair.boxes.classes, pair.boxes.corners, strict=True)
    ]
