"""Upright boxes around oriented ones, and around what lies partly outside the image."""

import math
from collections import Counter
from xml.etree.ElementTree import Element

from fusebench.data.box_labels import label_notes
from fusebench.runtime.reading.text_files import parse_float

Edges = tuple[float, float, float, float]  # left, top, right, bottom in pixels
BOX_TAGS = ("xmin", "ymin", "xmax", "ymax")
ROTATED_TAGS = ("cx", "cy", "w", "h", "angle")  # angle in radians
MIN_CLIPPED_PIXELS = 0.1  # less is rounding and not worth a note


def read_upright_hull(
    element: Element, size: tuple[int, int], counts: Counter[str]
) -> Edges | None:
    """Return the upright hull of the box of a VOC object, clipped to the image.

    The box is a ``polygon`` (``x1``, ``y1`` to ``x4``, ``y4``), a ``robndbox`` (center, width,
    height and angle in radians) or an upright ``bndbox``.

    Args:
        element: The ``object``.
        size: (width, height) of the image, in pixels.
        counts: Gets the numbers of hulls, of clipped and of unusable boxes, see
            `label_notes.NOTES`.

    Returns:
        None if there is no such box, or none with an area in the image.
    """
    points = _read_corners(element)
    if not points or not all(map(math.isfinite, (value for point in points for value in point))):
        counts[label_notes.UNUSABLE] += 1
        return None
    columns, rows = [x for x, _ in points], [y for _, y in points]
    hull = clip_to_image((min(columns), min(rows), max(columns), max(rows)), size, counts)
    counts[label_notes.HULL] += hull is not None and len(points) > 2
    return hull


def clip_to_image(edges: Edges, size: tuple[int, int], counts: Counter[str]) -> Edges | None:
    """Clip a box to the image, however far it reaches beyond it.

    Args:
        edges: left, top, right, bottom in pixels; finite.
        size: (width, height) of the image, in pixels.
        counts: Gets the numbers of clipped and of unusable boxes, see `label_notes.NOTES`.

    Returns:
        None if the box has no area in the image.
    """
    left, top, right, bottom = edges
    width, height = map(float, size)
    clipped = max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height)
    if not (clipped[0] < clipped[2] and clipped[1] < clipped[3]):
        counts[label_notes.UNUSABLE] += 1
        return None
    overhang = max(-left, -top, right - width, bottom - height)
    counts[label_notes.CLIPPED] += overhang > MIN_CLIPPED_PIXELS
    return clipped


def _read_corners(element: Element) -> list[tuple[float, float]]:
    """Return the corners of the box of an object; empty if it has none."""
    polygon = element.find("polygon")
    if polygon is not None:
        return [(_read(polygon, f"x{i}"), _read(polygon, f"y{i}")) for i in range(1, 5)]
    rotated = element.find("robndbox")
    if rotated is not None:
        x, y, width, height, angle = (_read(rotated, tag) for tag in ROTATED_TAGS)
        cosine, sine = math.cos(angle), math.sin(angle)
        offsets = [(a * width / 2, b * height / 2) for a in (-1, 1) for b in (-1, 1)]
        return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in offsets]
    box = element.find("bndbox")
    if box is None:
        return []
    left, top, right, bottom = (_read(box, tag) for tag in BOX_TAGS)
    return [(left, top), (right, bottom)]  # upright: two corners


def _read(element: Element, tag: str) -> float:
    return parse_float(element.findtext(tag, "").strip())
