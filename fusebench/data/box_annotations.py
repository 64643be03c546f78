"""Readers of ground-truth boxes: Pascal VOC XML files and YOLO text files.

In both, a box that is given twice is one object, and a box that reaches slightly beyond the edge is
clipped to the image.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.etree.ElementTree import Element

from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels, build_labels
from fusebench.data.box_labels.upright_hulls import (
    MIN_CLIPPED_PIXELS,
    Edges,
    read_upright_hull,
)
from fusebench.data.box_labels.voc_xml import parse_voc_xml
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError, format_value, shorten
from fusebench.runtime.reading.text_files import parse_float, read_text

# How far a box may reach beyond the image: a pixel, because some tools count from 1, or 1 % of the
# side, ultralytics' tolerance.
TOLERANCE_PIXELS = 1.0
TOLERANCE_FRACTION = 0.01
VOC_EDGES = ("xmin", "ymin", "xmax", "ymax")
OTHER_SHAPES = ("polygon", "robndbox", "rotated_bndbox", "segmentation")


def read_voc_labels(
    path: Path | str,
    classes: Sequence[str],
    size: tuple[int, int],
    rename: Mapping[str, str | None] = MappingProxyType({}),
    *,
    use_hulls: bool = False,
) -> BoxLabels:
    """Read the boxes of a Pascal VOC file; coordinates are taken as written.

    Objects that are marked as deleted are left out.

    Args:
        path: The ``.xml`` file.
        classes: Class names; the class id of a box is the index of its name.
        size: (width, height) of the image, in pixels.
        rename: Name in the file to the name of its class; None: its boxes are left out.
        use_hulls: Oriented boxes become their upright hulls, clipped to the image, and objects
            without a usable box are left out.

    Raises:
        UserError: If the file is not XML, belongs to an image of another size, or has an object
            of an unknown class, without one bndbox, or with edges that are missing, swapped or far
            outside the image.
    """
    root = parse_voc_xml(path)
    _check_declared_size(path, root, size)
    counts: Counter[str] = Counter()
    corners, ids = [], []
    for number, element in enumerate(root.iter("object"), 1):
        if _is_marked(element, "deleted"):
            counts[label_notes.DELETED] += 1
            continue
        written_name = element.findtext("name", "").strip()
        name = rename.get(written_name, written_name)
        if name is None:
            counts[label_notes.LEFT_OUT] += 1
            continue
        if name not in classes:
            raise UserError(f"{path}: object {number}: {_describe_unknown_class(name, classes)}")
        try:
            read = read_upright_hull if use_hulls else _read_voc_edges
            edges = read(element, size, counts)
        except ValueError as error:
            raise UserError(f"{path}: object {number} ({name}): {error}") from None
        if edges is None:
            continue
        if _is_marked(element, "difficult"):
            counts[label_notes.DIFFICULT] += 1
        corners.append(edges)
        ids.append(classes.index(name))
    return build_labels(make_boxes(corners, ids), size, counts)


def read_yolo_labels(
    path: Path | str, class_order: Sequence[int | None], size: tuple[int, int]
) -> BoxLabels:
    """Read the boxes of a YOLO text file.

    Each line is ``id cx cy width height``, relative to the image size. An empty file
    means an image without objects.

    Args:
        path: The ``.txt`` file.
        class_order: Class id of each id in the file: id ``i`` means class ``class_order[i]``.
            None: its boxes are left out.
        size: (width, height) of the image, in pixels.

    Raises:
        UserError: Naming the line that does not have five numbers, or has an unknown id, a box
            without area or a box far outside the image.
    """
    counts: Counter[str] = Counter()
    corners, ids = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        file_id, edges = _parse_yolo_line(where, line, len(class_order), size, counts)
        class_id = class_order[file_id]
        if class_id is None:
            counts[label_notes.LEFT_OUT] += 1
            continue
        corners.append(edges)
        ids.append(class_id)
    return build_labels(make_boxes(corners, ids), size, counts)


def fit_to_image(edges: Edges, size: tuple[int, int], counts: Counter[str]) -> Edges | None:
    """Clip a box to the image, and count it if that is more than rounding.

    Args:
        edges: left, top, right, bottom in pixels.
        size: (width, height) of the image, in pixels.
        counts: Gets the count of clipped boxes, see `label_notes.NOTES`.

    Returns:
        None if the box has no area in the image, reaches beyond the image by more than the
        tolerance, or is not finite.
    """
    left, top, right, bottom = edges
    width, height = map(float, size)
    if 0 <= left < right <= width and 0 <= top < bottom <= height:
        return edges
    overhangs = (max(-left, right - width), max(-top, bottom - height))
    is_near = all(map(math.isfinite, edges)) and all(
        overhang <= max(TOLERANCE_PIXELS, TOLERANCE_FRACTION * side)
        for overhang, side in zip(overhangs, size, strict=True)
    )
    clipped = max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height)
    if not (is_near and clipped[0] < clipped[2] and clipped[1] < clipped[3]):
        return None
    counts[label_notes.CLIPPED] += max(overhangs) > MIN_CLIPPED_PIXELS
    return clipped


def _check_declared_size(path: Path | str, root: Element, size: tuple[int, int]) -> None:
    """Raise if a VOC file states the size of another image; 0 and no size are no statements."""
    stated = root.find("size")
    if stated is None:
        return
    texts = [stated.findtext(side, "").strip() for side in ("width", "height")]
    declared = tuple(map(parse_float, texts))
    if not all(texts) or declared in ((0, 0), size):
        return
    is_turned = declared == size[::-1]
    raise UserError(
        f"{path}: made for an image of {shorten('x'.join(texts))}, but the image is "
        f"{size[0]}x{size[1]}; "
        + (
            "has the image been turned, or its EXIF orientation removed? Use"
            if is_turned
            else "use"
        )
        + " the images and labels of the same release"
    )


def _describe_unknown_class(name: str, classes: Sequence[str]) -> str:
    similar = [known for known in classes if known.lower() == name.lower()]
    return f"class {format_value(name)} is none of {', '.join(classes)}; " + (
        f"write {similar[0]!r}" if similar else "correct or delete this object"
    )


def _is_marked(element: Element, flag: str) -> bool:
    text = element.findtext(flag)
    return text is not None and text.strip().lower() in ("1", "true", "yes")


def _read_voc_edges(element: Element, size: tuple[int, int], counts: Counter[str]) -> Edges:
    """Read the box of an object.

    Raises:
        ValueError: If there is not one box, or its edges are missing, swapped or far outside.
    """
    boxes = element.findall("bndbox")
    if len(boxes) != 1:
        shapes = [tag for tag in OTHER_SHAPES if element.find(tag) is not None]
        content = f"a {shapes[0]} and no bndbox" if shapes else f"{len(boxes)} bndbox"
        raise ValueError(
            f"has {content}, expected one upright box per object; "
            + (
                "write the box around it as bndbox (data set pairs: oriented_boxes: upright_hulls)"
                if shapes
                else "correct or delete this object"
            )
        )
    texts = {edge.tag: (edge.text or "").strip() for edge in boxes[0]}
    if len(texts) < len(boxes[0]):
        (tag, _), *_ = Counter(edge.tag for edge in boxes[0]).most_common()
        raise ValueError(f"has {tag} twice; correct or delete this object")
    left, top, right, bottom = [parse_float(texts.get(tag, "")) for tag in VOC_EDGES]
    edges = fit_to_image((left, top, right, bottom), size, counts)
    if edges is None:
        raise ValueError(_describe_voc_edges(texts, size))
    return edges


def _describe_voc_edges(texts: Mapping[str, str], size: tuple[int, int]) -> str:
    given = ", ".join(f"{tag} {shorten(texts.get(tag, ''))}" for tag in VOC_EDGES)
    return (
        f"{given}; expected 0 <= xmin < xmax <= {size[0]} and 0 <= ymin < ymax <= {size[1]}"
        + (", with decimal points" if any("," in text for text in texts.values()) else "")
        + "; correct or delete this object"
    )


def _parse_yolo_line(
    where: str, line: str, class_count: int, size: tuple[int, int], counts: Counter[str]
) -> tuple[int, Edges]:
    """Return the id of a line and its box in pixels."""
    values = [parse_float(text) for text in line.split()]
    if len(values) != 5 or not all(map(math.isfinite, values)):
        raise UserError(
            f"{where}: expected 'id cx cy width height', got {format_value(line.strip())}"
            + _explain_yolo_line(line, values)
        )
    file_id, center_x, center_y, width, height = values
    if file_id not in range(class_count):
        raise UserError(
            f"{where}: class id {shorten(line.split()[0])} is not in 0..{class_count - 1}"
        )
    # Center and extent, relative to the image, to edges in pixels.
    edges = (
        (center_x - width / 2) * size[0],
        (center_y - height / 2) * size[1],
        (center_x + width / 2) * size[0],
        (center_y + height / 2) * size[1],
    )
    if not (width > 0 and height > 0):
        raise UserError(
            f"{where}: the box has no area: {format_value(line.strip())}; delete the line"
        )
    fitted = fit_to_image(edges, size, counts)
    if fitted is None:
        left, top, right, bottom = edges
        raise UserError(
            f"{where}: the box runs from ({left:.1f}, {top:.1f}) to ({right:.1f}, {bottom:.1f}), "
            f"outside 0..{size[0]} and 0..{size[1]} pixels; expected values relative to the image "
            "size, between 0 and 1; correct or delete the line"
        )
    return int(file_id), fitted


def _explain_yolo_line(line: str, values: Sequence[float]) -> str:
    """Say what a line could be that is no box; empty if unknown."""
    if "," in line:
        return "; separate the numbers by spaces"
    if not all(map(math.isfinite, values)):
        return "; every value must be a number, the first the id of a class"
    if len(values) == 6:
        return "; delete the sixth number if it is a confidence"
    if len(values) >= 7 and len(values) % 2:
        return "; convert a polygon to the upright box around it"
    return ""
