"""Scaling of infrared images of more than 8 bits to 8 bits, by a named rule.

The scaled images are copies below the data folder, see
`fusebench.data.image_files.derived_copies`. The rule stands in the protocol, as a note of the
split.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusebench.data import images
from fusebench.data.image_files.derived_copies import write_copies
from fusebench.data.image_files.reader import load_image
from fusebench.data.pairs import Split
from fusebench.errors import UserError

NOTE_NAME = "infrared scaling"


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
    sources = {pair.key: pair.infrared for pair in split.pairs}
    copies = write_copies(
        sources,
        root,
        f"{split.dataset}-{scaling.rule}",
        scaling.model_dump(mode="json"),
        lambda path: _read_scaled(path, scaling),
    )
    pairs = tuple(replace(pair, infrared=copies[pair.key]) for pair in split.pairs)
    note = (NOTE_NAME, describe_scaling(scaling))
    return replace(split, pairs=pairs, notes=(*split.notes, note))


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
