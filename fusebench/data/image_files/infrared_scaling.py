"""Scaling of infrared images of more than 8 bits to 8 bits, by a named rule.

The scaled images are written once, below the data folder:

    scaled/<data set>-<rule>-<hash>/<key>.png
    scaled/<data set>-<rule>-<hash>/spec.json       rule and folders of the originals
    scaled/<data set>-<rule>-<hash>/sources.json    length and time of each original

so that fusion, training, scoring and reports read the same 8-bit files. An image is scaled again
if its file was changed. The rule stands in the protocol, as a note of the split.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusebench.data import images
from fusebench.data.image_files.reader import load_image
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime import file_names, progress
from fusebench.runtime.atomic_write import sync_files, write_text_atomically
from fusebench.runtime.reading.json_files import read_json

SOURCES_FILE = "sources.json"
NOTE_NAME = "infrared scaling"
HASH_LENGTH = 12  # hex digits in the name of a folder
THREAD_COUNT = 4  # decoding releases Python's lock

SourceState = list[Any]  # file name, length in bytes, time of modification in nanoseconds


class _ScalingModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _LimitedScalingModel(_ScalingModel):
    low: float
    high: float

    @model_validator(mode="after")
    def _check_order(self) -> "_LimitedScalingModel":
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self


class PercentileScaling(_LimitedScalingModel):
    """From one percentile of each image to another; robust to single hot or dead pixels.

    Attributes:
        rule: ``percentile``.
        low: Percentile that becomes 0.
        high: Percentile that becomes 255.
    """

    rule: Literal["percentile"]
    low: float = Field(default=1.0, ge=0, le=100)
    high: float = Field(default=99.0, ge=0, le=100)


class RangeScaling(_LimitedScalingModel):
    """The same range of values for every image, which keeps temperatures comparable.

    Attributes:
        rule: ``range``.
        low: Value that becomes 0.
        high: Value that becomes 255.
    """

    rule: Literal["range"]


class MinMaxScaling(_ScalingModel):
    """From the smallest to the largest value of each image.

    Attributes:
        rule: ``minmax``.
    """

    rule: Literal["minmax"]


InfraredScaling = Annotated[
    PercentileScaling | RangeScaling | MinMaxScaling, Field(discriminator="rule")
]


def scale_to_8_bits(values: NDArray[Any], scaling: InfraredScaling) -> images.Gray:
    """Scale an image linearly to 0..255; values beyond the limits are clipped, then rounded.

    Args:
        values: Finite numbers of any type, (H, W).
        scaling: The rule.

    Returns:
        uint8 (H, W).

    Raises:
        ValueError: If a value is not finite, or the rule's limits are equal in this image.
    """
    exact = values.astype(np.float64)
    if not np.isfinite(exact).all():
        raise ValueError("has values that are infinite or not a number")
    if isinstance(scaling, RangeScaling):
        low, high = scaling.low, scaling.high
    elif isinstance(scaling, PercentileScaling):
        low, high = np.percentile(exact, [scaling.low, scaling.high])
    else:
        low, high = exact.min(), exact.max()
    if not low < high:
        raise ValueError(
            f"the limits of rule {scaling.rule} are both {low:g} in this image; use another rule, "
            "e.g. {rule: range, low: 7000, high: 9000}, or take the pair out"
        )
    scaled: images.Gray = np.rint((exact - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    return scaled


def describe_scaling(scaling: InfraredScaling) -> str:
    """Describe a rule with its numbers, for the protocol."""
    if isinstance(scaling, RangeScaling):
        limits = f"values {scaling.low:g} to {scaling.high:g}"
    elif isinstance(scaling, PercentileScaling):
        limits = f"percentiles {scaling.low:g} to {scaling.high:g} of each image"
    else:
        limits = "minimum to maximum of each image"
    return f"{limits}, scaled linearly to 0..255, clipped and rounded"


def scale_infrared_images(split: Split, scaling: InfraredScaling | None, root: Path) -> Split:
    """Replace the infrared images of a split by 8-bit copies; those that are missing are written.

    Args:
        split: Pairs whose infrared images have more than 8 bits.
        scaling: The rule; None returns the split as it is.
        root: The data folder, where the copies are written.

    Returns:
        The split with the copies, and a note with the rule.

    Raises:
        UserError: If an infrared image cannot be read, has 8 bits or several channels, or the
            rule cannot be applied to it, or a copy cannot be written.
    """
    if scaling is None:
        return split
    folders = sorted({str(pair.infrared.parent.resolve()) for pair in split.pairs})
    spec = json.dumps({"rule": scaling.model_dump(mode="json"), "folders": folders})
    digest = hashlib.sha256(spec.encode()).hexdigest()[:HASH_LENGTH]
    folder = root / file_names.SCALED_FOLDER / f"{split.dataset}-{scaling.rule}-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(folder / file_names.SPEC_FILE, spec)
        _write_missing(split, scaling, folder)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot write the scaled infrared images ({error.strerror}); make the data "
            "folder writable, or convert the images yourself"
        ) from None
    pairs = tuple(replace(pair, infrared=_get_copy_path(folder, pair)) for pair in split.pairs)
    note = (NOTE_NAME, describe_scaling(scaling))
    return replace(split, pairs=pairs, notes=(*split.notes, note))


def _get_copy_path(folder: Path, pair: Pair) -> Path:
    return folder / f"{pair.key}.png"


def _write_missing(split: Split, scaling: InfraredScaling, folder: Path) -> None:
    states = {pair.key: _read_state(pair.infrared) for pair in split.pairs}
    recorded = _read_source_states(folder)
    missing = [
        pair
        for pair in split.pairs
        if recorded.get(pair.key) != states[pair.key] or not _get_copy_path(folder, pair).is_file()
    ]
    if not missing:
        return

    def write_copy(pair: Pair) -> None:
        images.write_png(_get_copy_path(folder, pair), _read_scaled(pair.infrared, scaling))

    with ThreadPoolExecutor(THREAD_COUNT) as pool:
        written = pool.map(write_copy, missing)
        for _ in progress.track_progress(missing, f"scale infrared {split.dataset}-{split.name}"):
            next(written)
    sync_files(folder)  # a copy that `SOURCES_FILE` names is complete, also after a power cut
    write_text_atomically(folder / SOURCES_FILE, json.dumps({**recorded, **states}, indent=1))


def _read_scaled(path: Path, scaling: InfraredScaling) -> images.Gray:
    image, header = load_image(path)
    if header.bits <= 8 or image.mode not in images.DEEP_MODES:
        raise UserError(
            f"{path}: {header.bits} bits per channel, mode {image.mode}; data.infrared_scaling is "
            "for infrared images with one channel of more than 8 bits, and for all of a data set. "
            "Leave the option out, or convert the images to one format"
        )
    try:
        return scale_to_8_bits(np.asarray(image), scaling)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _read_state(path: Path) -> SourceState:
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def _read_source_states(folder: Path) -> Mapping[str, SourceState]:
    """Read the state of each scaled file; empty if `SOURCES_FILE` is missing or damaged."""
    try:
        recorded = read_json(folder / SOURCES_FILE)
    except UserError:
        return {}
    return recorded if isinstance(recorded, dict) else {}
