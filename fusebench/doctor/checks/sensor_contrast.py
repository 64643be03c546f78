"""Labels that fit one sensor only: contrast of each box in infrared and in visible.

The contrast of a box is the 95th minus the 5th percentile of the smoothed luminance inside it,
with a margin that contains the object's outline. Where it is near zero, nothing can be seen in the
box, neither the object nor its outline, whatever the detector.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Gray
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Corners,
    Finding,
    Item,
    Picture,
    Section,
    Table,
    format_count,
)

SMOOTHING = 1.5  # pixels; removes the noise of dark images
MARGIN = 0.1  # of the box's sides, at least `MIN_MARGIN`
MIN_MARGIN = 2.0  # pixels
# Gray levels of 255. Below this, people who look at boxes of MSRS and M3FD see no object.
LOW_CONTRAST = 20.0
# Contrast in one sensor relative to the other. Both conditions together name boxes at night and in
# smoke (visible), and parked cars, lamps and bicycles (infrared); see docs/doctor.md.
MIN_RATIO = 5.0
MIN_SIDE = 6.0  # pixels; the percentiles of smaller boxes are not certain
WARNING_SHARE = 0.05  # of the boxes of a class


@dataclass(frozen=True)
class BoxContrast:
    """Contrast of one box.

    Attributes:
        key: Key of the pair.
        class_id: Class of the box.
        corners: Left, top, right, bottom in pixels.
        infrared: Gray levels.
        visible: Gray levels.
    """

    key: str
    class_id: int
    corners: Corners
    infrared: float
    visible: float

    @property
    def sensor(self) -> str:
        """The only sensor in which the box has contrast; empty if both or none have."""
        low, high = sorted((self.infrared, self.visible))
        if low >= LOW_CONTRAST or high < MIN_RATIO * low or high < LOW_CONTRAST:
            return ""
        return "infrared" if self.infrared > self.visible else "visible"

    @property
    def is_measurable(self) -> bool:
        """Whether the box is large enough."""
        left, top, right, bottom = self.corners
        return min(right - left, bottom - top) >= MIN_SIDE


def measure_box_contrast(image: Gray, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure the contrast inside boxes.

    Args:
        image: Luminance, uint8 (H, W).
        corners: Left, top, right, bottom in pixels, (N, 4).

    Returns:
        Gray levels, (N,), 0 to 255.
    """
    import cv2

    contrasts = np.zeros(len(corners))
    if not len(corners):
        return contrasts
    smooth = cv2.GaussianBlur(image, (0, 0), SMOOTHING)
    height, width = image.shape
    sides = np.stack([corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]], axis=1)
    margins = np.maximum(MARGIN * sides, MIN_MARGIN)
    limits = np.array([width, height])
    starts = np.floor(corners[:, :2] - margins).clip(0, limits - 1).astype(int)
    ends = np.ceil(corners[:, 2:] + margins).clip(starts + 1, limits).astype(int)
    for i, ((left, top), (right, bottom)) in enumerate(zip(starts, ends, strict=True)):
        low, high = np.percentile(smooth[top:bottom, left:right], [5, 95])
        contrasts[i] = high - low
    return contrasts


def check_sensor_contrast(
    boxes: Sequence[BoxContrast], classes: Sequence[str], conditions: Mapping[str, str]
) -> Section:
    """Find boxes with contrast in one sensor only.

    Args:
        boxes: Contrast of every box.
        classes: Class names in the order of their ids.
        conditions: Condition per key; empty if unknown.
    """
    measured = [box for box in boxes if box.is_measurable]
    findings = []
    for sensor, other in (("infrared", "visible"), ("visible", "infrared")):
        single = [box for box in measured if box.sensor == sensor]
        if single:
            findings.append(_build_finding(sensor, other, single, measured, classes))
    empty = [box for box in measured if max(box.infrared, box.visible) < LOW_CONTRAST]
    if empty:
        findings.append(_build_empty_finding(empty, measured, classes))
    return Section(
        "sensor_contrast",
        "Labels that fit one sensor only",
        "Contrast of a box: 95th minus 5th percentile of the smoothed luminance inside it, in gray "
        f"levels of 255. A box fits one sensor only if its contrast is below {LOW_CONTRAST:g} "
        f"levels in one sensor and at least {MIN_RATIO:g} times that in the other. It says that "
        "nothing can be seen there, not that the label is wrong: a person at night is there in "
        "infrared. Contrast in a box may also come from what lies behind the object, so the "
        "shares are lower limits. Boxes with a side below "
        f"{MIN_SIDE:g} px are left out ({len(boxes) - len(measured):,}).",
        tuple(findings),
        (_build_table(measured, classes, conditions),) if measured else (),
    )


def _build_finding(
    sensor: str,
    other: str,
    single: Sequence[BoxContrast],
    measured: Sequence[BoxContrast],
    classes: Sequence[str],
) -> Finding:
    totals = Counter(box.class_id for box in measured)
    counts = Counter(box.class_id for box in single)
    shares = {i: counts[i] / totals[i] for i in counts}
    worst = max(shares.values())
    by_class = ", ".join(
        f"{classes[i]} {100 * shares[i]:.1f} %" for i in sorted(shares, key=lambda i: -shares[i])
    )
    ordered = sorted(single, key=lambda box: _get_ratio(box))
    return Finding(
        "warning" if worst >= WARNING_SHARE else "note",
        f"{format_count(len(single), len(measured), 'boxes')} can be seen in {sensor} only "
        f"({by_class})",
        f"A detector that is trained on {other} images is told to find what is not there, and "
        f"misses these boxes in the test: compare {other} and fused images with this in mind. "
        "Report the classes and conditions apart.",
        tuple(_build_item(box, classes) for box in ordered),
        tuple(_build_picture(box, classes) for box in _select_pictures(ordered)),
    )


def _build_empty_finding(
    empty: Sequence[BoxContrast], measured: Sequence[BoxContrast], classes: Sequence[str]
) -> Finding:
    ordered = sorted(empty, key=lambda box: box.infrared + box.visible)
    return Finding(
        "warning",
        f"{format_count(len(empty), len(measured), 'boxes')} show nothing in either sensor",
        "Look at the pictures: labels of another image, or of objects that only the annotator's "
        "enhanced images showed? Correct or delete them.",
        tuple(_build_item(box, classes) for box in ordered),
        tuple(_build_picture(box, classes) for box in _select_pictures(ordered)),
    )


def _select_pictures(ordered: Sequence[BoxContrast]) -> list[BoxContrast]:
    """Select the worst boxes, at first one of each image."""
    worst_of_image = list({box.key: box for box in reversed(ordered)}.values())[::-1]
    others = [box for box in ordered if box not in worst_of_image]
    return [*worst_of_image, *others][:PICTURE_COUNT]


def _get_ratio(box: BoxContrast) -> float:
    low, high = sorted((box.infrared, box.visible))
    return low / max(high, 1e-9)


def _build_item(box: BoxContrast, classes: Sequence[str]) -> Item:
    corners = ", ".join(f"{value:.0f}" for value in box.corners)
    return Item(
        box.key,
        f"{classes[box.class_id]} ({corners}): infrared {box.infrared:.0f}, "
        f"visible {box.visible:.0f}",
    )


def _build_picture(box: BoxContrast, classes: Sequence[str]) -> Picture:
    caption = (
        f"{box.key}, {classes[box.class_id]}: infrared {box.infrared:.0f}, "
        f"visible {box.visible:.0f} levels"
    )
    return Picture("box", box.key, caption, box=box.corners)


def _build_table(
    measured: Sequence[BoxContrast], classes: Sequence[str], conditions: Mapping[str, str]
) -> Table:
    groups: dict[tuple[str, str], list[BoxContrast]] = {}
    for box in measured:
        groups.setdefault((classes[box.class_id], conditions.get(box.key, "")), []).append(box)
    has_conditions = any(condition for _, condition in groups)
    rows = []
    for (name, condition), boxes in sorted(groups.items()):
        sensors = Counter(box.sensor for box in boxes)
        label = f"{name}, {condition or 'unknown'}" if has_conditions else name
        rows.append(
            (
                label,
                f"{len(boxes):,}",
                f"{np.median([box.infrared for box in boxes]):.0f}",
                f"{np.median([box.visible for box in boxes]):.0f}",
                f"{100 * sensors['infrared'] / len(boxes):.1f} %",
                f"{100 * sensors['visible'] / len(boxes):.1f} %",
            )
        )
    headers = ("class", "boxes", "median infrared", "median visible", "infrared only")
    return Table("Contrast of boxes, gray levels", (*headers, "visible only"), tuple(rows))
