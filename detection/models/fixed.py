"""Boxes from a file: somebody else's detector, or a test.

The file is COCO's detection form with ``images`` (``file_name`` or ``id`` is the pair's key, with
or without an extension), ``categories`` (matched by name) and ``annotations`` with a ``score``
each. Nothing is trained.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bench import digest
from bench.boxes import Boxes, from_coco, make
from bench.errors import BenchError
from bench.examples import Examples
from bench.records import Scalar

VERSION = 1
TITLE = "boxes from a file"
PROTOCOL = "made elsewhere"


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        file: The COCO JSON, absolute or relative to where the program is started.
        name: What the detector is called in tables.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    name: str = Field(default="boxes from a file", min_length=1)


class Predict(BaseModel):
    """Nothing may be set: the file says it all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def pins(options: Options) -> dict[str, str | None]:
    """The sha256 of the file.

    Raises:
        BenchError: If it is not there.
    """
    return {"file": digest.sha256(options.file)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """What a reader needs to know."""
    pin = digest.sha256(options.file)
    return {"model": f"{options.name} ({options.file.name}, sha256 {pin[:12]})"}


def train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    """Do nothing."""


def predict(
    folder: Path, test: Examples, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """The boxes of the file, clipped to the images, for every test image.

    A listed image without boxes is one in which nothing was found. One that is not listed is
    refused: nobody knows whether it was looked at.

    Raises:
        BenchError: If the file is no COCO detection file with scores, or does not fit the images
            or the classes.
    """
    document = _document(options.file)
    try:
        found = from_coco(document, test.split.classes)
    except BenchError as fault:
        raise BenchError(f"{options.file}: {fault}") from None
    missing = [key for key in test.split.keys if key not in found]
    unknown = sorted(set(found) - set(test.split.keys))
    if missing or unknown:
        odd = (
            f"lacks {missing[0]!r}" if missing else f"has {unknown[0]!r}, which is not one of them"
        )
        raise BenchError(
            f"{options.file}: lists {len(found)} images, but {test.split.dataset}/"
            f"{test.split.name} has {len(test.split.keys)}; it {odd}"
        )
    for key, boxes in found.items():
        if len(boxes) != len(boxes.scores):
            raise BenchError(f"{options.file}: the boxes of {key} have no score")
    return {pair.key: _clipped(found[pair.key], pair.size) for pair in test.split.pairs}


def _document(file: Path) -> Mapping[str, Any]:
    """The file, with keys for file names and its scores checked."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise BenchError(f"{file}: cannot be read ({fault.strerror})") from None
    except ValueError as fault:
        raise BenchError(f"{file}: not JSON ({fault})") from None
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise BenchError(
            f"{file}: expected COCO's form with images, categories and annotations "
            f"(a bare list of results does not say which images were looked at)"
        )
    for row in document.get("annotations") or []:
        score = row.get("score") if isinstance(row, dict) else None
        if not isinstance(score, int | float) or not math.isfinite(score) or not 0 <= score <= 1:
            raise BenchError(f"{file}: expected a score from 0 to 1 for every box, got {score!r}")
    images = [
        {**image, "file_name": str(image.get("file_name", image.get("id")))}
        for image in document["images"]
        if isinstance(image, dict)
    ]
    return document | {"images": images}


def _clipped(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """The boxes within the image; one that is wholly outside is dropped."""
    width, height = size
    corners = boxes.corners.clip(0, [width, height, width, height])
    inside = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return make(corners[inside], boxes.classes[inside], boxes.scores[inside])
