"""Attributes of one pair: light, contrast in both sensors, objects, and registration.

Objects are the true boxes; with a label map, connected regions of one class that cover at most
`MAX_REGION_SHARE` of the image (larger ones are background, as road and sky). Numbers are of the
pair alone, so that they do not depend on any fusion method or model. Occlusion and the time between
both exposures are in no label format that is read here; the overlap of boxes stands for the former.

Sources: contrast as the standard deviation of the luminance (Peli, "Contrast in complex images",
J. Opt. Soc. Am. A 7(10), 1990); the shift as in `fusebench.doctor.checks.shift_estimation`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.data.images import Gray, LabelMap
from fusebench.doctor.checks import borders, shift_estimation

VERSION = 1  # of the numbers
MAX_REGION_SHARE = 0.05  # of the image; larger regions of a label map are no objects
MIN_REGION_PIXELS = 16  # smaller regions of a label map are no objects
SURROUNDINGS = 0.5  # width of an object's surroundings, of its sides
MIN_MARGIN = 2.0  # pixels


@dataclass(frozen=True)
class Attribute:
    """Name and unit of an attribute as printed."""

    title: str
    unit: str


ATTRIBUTES: Mapping[str, Attribute] = {
    "visible_brightness": Attribute("visible brightness", "gray levels"),
    "visible_contrast": Attribute("visible contrast", "gray levels"),
    "thermal_contrast": Attribute("infrared contrast", "gray levels"),
    "visible_object_contrast": Attribute("contrast of objects, visible", "gray levels"),
    "thermal_object_contrast": Attribute("contrast of objects, infrared", "gray levels"),
    "object_size": Attribute("object size", "pixels"),
    "object_count": Attribute("number of objects", ""),
    "object_overlap": Attribute("overlap of objects", "share"),
    "shift": Attribute("registration shift", "pixels"),
}


def measure_attributes(
    infrared: Gray, visible: Gray, corners: NDArray[np.float64]
) -> dict[str, float | None]:
    """Measure the attributes of a pair.

    Args:
        infrared: uint8 (H, W).
        visible: Luminance, uint8 (H, W).
        corners: Objects, float64 (N, 4): left, top, right, bottom in pixels.

    Returns:
        Name, as in `ATTRIBUTES`, to value. None where it is undefined: attributes of objects
        without any, the shift where the images have too few common edges.
    """
    sides = corners[:, 2:] - corners[:, :2]
    has_objects = len(corners) > 0
    return {
        "visible_brightness": float(visible.mean()),
        "visible_contrast": float(visible.std()),
        "thermal_contrast": float(infrared.std()),
        "visible_object_contrast": measure_object_contrast(visible, corners),
        "thermal_object_contrast": measure_object_contrast(infrared, corners),
        "object_size": float(np.median(np.sqrt(sides.prod(axis=1)))) if has_objects else None,
        "object_count": float(len(corners)),
        "object_overlap": measure_overlap(corners),
        "shift": measure_shift_length(infrared, visible),
    }


def measure_object_contrast(image: Gray, corners: NDArray[np.float64]) -> float | None:
    """Measure how far objects are from their surroundings, mean over the objects.

        | mean inside the box - mean of the surroundings |

    The surroundings are the box enlarged by `SURROUNDINGS` of its sides to each side, without the
    box itself.

    Returns:
        Gray levels, 0 to 255; None without an object that has both pixels and surroundings.
    """
    height, width = image.shape
    sums = np.zeros((height + 1, width + 1))  # integral image
    sums[1:, 1:] = image.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    sides = corners[:, 2:] - corners[:, :2]
    margins = np.maximum(SURROUNDINGS * sides, MIN_MARGIN)
    inner = _to_pixels(corners, width, height)
    outer = _to_pixels(
        np.hstack([corners[:, :2] - margins, corners[:, 2:] + margins]), width, height
    )
    (inner_sum, inner_area), (outer_sum, outer_area) = (
        _sum_boxes(sums, inner),
        _sum_boxes(sums, outer),
    )
    is_measurable = (inner_area > 0) & (outer_area > inner_area)
    if not is_measurable.any():
        return None
    inside = inner_sum[is_measurable] / inner_area[is_measurable]
    around = (outer_sum - inner_sum)[is_measurable] / (outer_area - inner_area)[is_measurable]
    return float(np.abs(inside - around).mean())


def measure_overlap(corners: NDArray[np.float64]) -> float | None:
    """Measure the share of an object's box that the box of another object covers.

    Returns:
        Mean over the objects of the largest share, 0 to 1; None without objects.
    """
    if len(corners) == 0:
        return None
    starts = np.maximum(corners[:, None, :2], corners[None, :, :2])
    ends = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    common = (ends - starts).clip(0).prod(axis=2)
    np.fill_diagonal(common, 0)
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    return float((common.max(axis=1) / areas).mean())


def measure_shift_length(infrared: Gray, visible: Gray) -> float | None:
    """Measure the length of the registration shift in pixels; None where it is not certain."""
    first, second = borders.find_content(infrared), borders.find_content(visible)
    content = (
        *(max(a, b) for a, b in zip(first[:2], second[:2], strict=True)),
        *(min(a, b) for a, b in zip(first[2:], second[2:], strict=True)),
    )
    left, top, right, bottom = content
    shift = shift_estimation.measure_shift(infrared, visible, (left, top, right, bottom))
    if shift is None or not shift.is_certain:
        return None
    return float(shift.length * infrared.shape[1] / shift_estimation.WIDTH)


def select_objects(boxes: Boxes) -> NDArray[np.float64]:
    """Select the boxes that count, float64 (N, 4)."""
    return boxes.corners[~boxes.ignored]


def find_regions(label_map: LabelMap, is_unlabeled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Find the objects of a label map: bounding boxes of its small connected regions.

    Args:
        label_map: Class ids, uint8 (H, W).
        is_unlabeled: bool (H, W).

    Returns:
        float64 (N, 4).
    """
    from scipy import ndimage

    corners = []
    for class_id in np.unique(label_map[~is_unlabeled]):
        regions, _ = ndimage.label((label_map == class_id) & ~is_unlabeled)
        sizes = np.bincount(regions.ravel())
        for number, (rows, columns) in enumerate(ndimage.find_objects(regions), start=1):
            if MIN_REGION_PIXELS <= sizes[number] <= MAX_REGION_SHARE * label_map.size:
                corners.append((columns.start, rows.start, columns.stop, rows.stop))
    return np.array(corners, np.float64).reshape(-1, 4)


def _to_pixels(corners: NDArray[np.float64], width: int, height: int) -> NDArray[np.int64]:
    limits = np.array([width, height, width, height])
    return np.rint(corners).clip(0, limits).astype(np.int64)


def _sum_boxes(
    sums: NDArray[np.float64], boxes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of the pixels of each box, from the integral image, and its area."""
    left, top, right, bottom = boxes.T
    totals = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    areas = ((right - left) * (bottom - top)).astype(np.float64)
    return totals, areas
