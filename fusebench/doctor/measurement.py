"""Measurement of one pair: what the checks need to know of its pixels; runs in worker processes."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images
from fusebench.data.image_files.reader import read_header
from fusebench.data.images import Color, Gray
from fusebench.data.label_images.conversion import LabelConversion
from fusebench.doctor import pixel_reading
from fusebench.doctor.checks import (
    borders,
    illumination,
    perceptual_hash,
    sensor_contrast,
    shift_estimation,
)
from fusebench.doctor.checks.borders import Content
from fusebench.doctor.checks.shift_estimation import Shift
from fusebench.errors import UserError

VERSION = 1  # of the kept measurements: higher where a measurement changes
DIGEST_BYTES = 16


@dataclass(frozen=True)
class ImageFacts:
    """What was measured in one image.

    Attributes:
        fault: Why it cannot be read; empty if it can. Then only the header's facts are there.
        format: ``PNG``, ``JPEG``, ...
        mode: Pillow's mode.
        bits: Bits per channel.
        orientation: EXIF orientation, see `ImageHeader`.
        size: (width, height) in pixels, as displayed.
        color: Mean difference between the largest and smallest channel, gray levels.
        digest: Digest of the pixels, the same for gray and RGB with equal channels.
        hash: Difference hash, 16 hexadecimal digits, see `perceptual_hash`.
        brightness: See `illumination.measure_brightness`.
        content: Rectangle within black margins, see `borders`.
    """

    fault: str = ""
    format: str = ""
    mode: str = ""
    bits: int = 0
    orientation: int = 0
    size: tuple[int, int] = (0, 0)
    color: float = 0.0
    digest: str = ""
    hash: str = ""
    brightness: tuple[float, float, float] = (0.0, 0.0, 0.0)
    content: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class PairFacts:
    """What was measured in one pair.

    Attributes:
        infrared: Facts of the infrared image.
        visible: Facts of the visible image.
        shift: Shift between both; None if it cannot be measured.
        contrasts: Contrast of each box in infrared and visible, see `sensor_contrast`.
        label_pixels: Number of pixels of each stored id of the label map; None without one.
        label_size: (width, height) of the label map.
        label_fault: Why the label map cannot be read; empty if it can.
    """

    infrared: ImageFacts
    visible: ImageFacts
    shift: Shift | None = None
    contrasts: tuple[tuple[float, float], ...] = ()
    label_pixels: Mapping[int, int] | None = None
    label_size: tuple[int, int] = (0, 0)
    label_fault: str = ""

    def to_document(self) -> dict[str, Any]:
        """Convert to values of JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "PairFacts":
        """Convert back from values of JSON.

        Raises:
            KeyError: If a value is missing; TypeError or ValueError if one has another type.
        """
        infrared, visible = (
            ImageFacts(
                **{
                    **document[sensor],
                    "size": tuple(document[sensor]["size"]),
                    "brightness": tuple(document[sensor]["brightness"]),
                    "content": tuple(document[sensor]["content"]),
                }
            )
            for sensor in ("infrared", "visible")
        )
        shift, pixels = document["shift"], document["label_pixels"]
        return cls(
            infrared,
            visible,
            None if shift is None else Shift(**shift),
            tuple((float(first), float(second)) for first, second in document["contrasts"]),
            None if pixels is None else {int(i): int(count) for i, count in pixels.items()},
            tuple(document["label_size"]),
            str(document["label_fault"]),
        )


@dataclass(frozen=True)
class PairJob:
    """What a worker process measures.

    Attributes:
        key: Key of the pair.
        infrared: Path of the infrared image.
        visible: Path of the visible image.
        label_map: Path of the label map, or None.
        corners: Boxes, float64 (N, 4), see `fusebench.data.boxes.Boxes`.
        classes: Class names, for the colors of label maps.
        label_conversion: How the values of label images become class ids; None: they are.
    """

    key: str
    infrared: str
    visible: str
    label_map: str | None
    corners: NDArray[np.float64]
    classes: tuple[str, ...]
    label_conversion: LabelConversion | None = None


def measure_pair(job: PairJob) -> PairFacts:
    """Measure a pair; files that cannot be read are facts, not errors."""
    infrared, infrared_gray = _measure_image(Path(job.infrared), may_be_deep=True)
    visible, visible_gray = _measure_image(Path(job.visible), may_be_deep=False)
    shift, contrasts = None, np.zeros((0, 2))
    if (
        infrared_gray is not None
        and visible_gray is not None
        and infrared_gray.shape == visible_gray.shape
    ):
        shift = shift_estimation.measure_shift(
            infrared_gray, visible_gray, _intersect(infrared.content, visible.content)
        )
        contrasts = np.column_stack(
            [
                sensor_contrast.measure_box_contrast(gray, job.corners)
                for gray in (infrared_gray, visible_gray)
            ]
        )
    pixels, label_size, label_fault = _count_label_pixels(job)
    pairs = tuple((first, second) for first, second in contrasts.round(2).tolist())
    return PairFacts(infrared, visible, shift, pairs, pixels, label_size, label_fault)


def _measure_image(path: Path, *, may_be_deep: bool) -> tuple[ImageFacts, Gray | None]:
    """Return the facts of an image and its luminance; None if it cannot be read."""
    facts = ImageFacts()
    try:
        header = read_header(path)
        facts = ImageFacts(
            "", header.format, header.mode, header.bits, header.orientation, header.size
        )
        is_deep = header.bits > 8 and may_be_deep and header.mode in images.DEEP_MODES
        gray = pixel_reading.read_gray_for_display(path) if is_deep else None
        color = None if is_deep else images.read_color(path)
    except UserError as error:
        return dataclasses.replace(facts, fault=str(error)), None
    difference = 0.0
    if color is not None:
        gray, difference = _split_color(color)
    assert gray is not None
    is_gray = color is None or difference == 0.0
    facts = dataclasses.replace(
        facts,
        color=round(difference, 3),
        digest=_compute_digest(gray if is_gray or color is None else color),
        hash=perceptual_hash.compute_difference_hash(shift_estimation.reduce_image(gray)),
        brightness=illumination.measure_brightness(gray),
        content=borders.find_content(gray),
    )
    return facts, gray


def _split_color(color: Color) -> tuple[Gray, float]:
    """Return the luminance of an image and the mean difference between its channels."""
    import cv2

    red, green, blue = cv2.split(color)
    largest = cv2.max(cv2.max(red, green), blue)
    smallest = cv2.min(cv2.min(red, green), blue)
    gray: Gray = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    return gray, float(cv2.mean(cv2.subtract(largest, smallest))[0])


def _intersect(first: Content, second: Content) -> Content:
    left, top = max(first[0], second[0]), max(first[1], second[1])
    return left, top, min(first[2], second[2]), min(first[3], second[3])


def _compute_digest(pixels: NDArray[np.uint8]) -> str:
    content = hashlib.blake2b(str(pixels.shape).encode(), digest_size=DIGEST_BYTES)
    content.update(np.ascontiguousarray(pixels).data)
    return content.hexdigest()


def _count_label_pixels(job: PairJob) -> tuple[dict[int, int] | None, tuple[int, int], str]:
    """Return the pixels per stored id, the size of the label map, and why it cannot be read."""
    if job.label_map is None:
        return None, (0, 0), ""
    try:
        stored_ids = pixel_reading.read_label_ids(
            Path(job.label_map), job.classes, job.label_conversion
        )
    except UserError as error:
        return None, (0, 0), str(error)
    counts = np.bincount(stored_ids.ravel(), minlength=256)
    height, width = stored_ids.shape
    return {int(i): int(counts[i]) for i in np.flatnonzero(counts)}, (width, height), ""
