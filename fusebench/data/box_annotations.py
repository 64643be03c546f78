"""Readers of ground-truth boxes: Pascal VOC XML files and YOLO text files."""

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from defusedxml import DefusedXmlException, ElementTree

from fusebench.data.boxes import Boxes, make_boxes
from fusebench.errors import UserError
from fusebench.runtime.regular_file import require_regular_file
from fusebench.runtime.text_files import parse_float, read_text

# How far a YOLO box may lie outside the image: its edges are rounded to six decimals.
CLIP_TOLERANCE_PIXELS = 1.0
VOC_EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_voc_labels(path: Path, classes: Sequence[str], size: tuple[int, int]) -> Boxes:
    """Read the boxes of a Pascal VOC file; coordinates are taken as written.

    Args:
        path: The ``.xml`` file.
        classes: Class names; the class id of a box is the index of its name.
        size: (width, height) of the image, in pixels.

    Raises:
        UserError: If the file is not XML, belongs to an image of another size, or has an object
            of an unknown class or with edges that are missing, swapped or outside the image.
    """
    root = _parse_voc_xml(path)
    declared = tuple(root.findtext(f"size/{side}", "").strip() for side in ("width", "height"))
    if all(declared) and declared not in (("0", "0"), (str(size[0]), str(size[1]))):
        raise UserError(
            f"{path}: made for an image of {'x'.join(declared)}, but the image is "
            f"{size[0]}x{size[1]}; use the images and labels of the same release"
        )
    corners, ids = [], []
    for number, element in enumerate(root.iter("object"), 1):
        where = f"{path}: object {number}"
        name = element.findtext("name", "").strip()
        if name not in classes:
            raise UserError(f"{where}: class {name!r} is none of {', '.join(classes)}")
        texts = {edge.tag: edge.text or "" for edge in element.iterfind("bndbox/*")}
        edges = [parse_float(texts.get(tag, "")) for tag in VOC_EDGES]
        if not (0 <= edges[0] < edges[2] <= size[0] and 0 <= edges[1] < edges[3] <= size[1]):
            given = ", ".join(f"{tag} {edge:g}" for tag, edge in zip(VOC_EDGES, edges, strict=True))
            raise UserError(
                f"{where} ({name}): {given}; expected 0 <= xmin < xmax <= {size[0]} and "
                f"0 <= ymin < ymax <= {size[1]}; correct or delete this object"
            )
        corners.append(edges)
        ids.append(list(classes).index(name))
    return make_boxes(corners, ids)


def read_yolo_labels(path: Path, class_order: Sequence[int], size: tuple[int, int]) -> Boxes:
    """Read the boxes of a YOLO text file.

    Each line is ``id cx cy width height``, relative to the image size. An empty file
    means an image without objects. Edges up to `CLIP_TOLERANCE_PIXELS` outside are clipped.

    Args:
        path: The ``.txt`` file.
        class_order: Class id of each id in the file: id ``i`` means class ``class_order[i]``.
        size: (width, height) of the image, in pixels.

    Raises:
        UserError: Naming the line that does not have five numbers, or has an unknown id, a box
            without area or a box outside the image.
    """
    corners, ids = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        file_id, edges = _parse_yolo_line(f"{path}: line {number}", line, len(class_order), size)
        ids.append(class_order[file_id])
        corners.append(edges)
    return make_boxes(corners, ids)


def _parse_voc_xml(path: Path) -> Element:
    try:
        require_regular_file(path)
        content = path.read_bytes()
        # Entities need a document type (<!) and unusual encodings a declaration (<?). A file with
        # neither cannot attack, and the parser without guards is five times as fast.
        is_safe = not any(mark in content for mark in (b"<!", b"<?", b"\0"))
        root = (fromstring if is_safe else ElementTree.fromstring)(content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except DefusedXmlException:
        raise UserError(f"{path}: has entity definitions; an annotation needs none") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: not XML ({error}); replace the file") from None
    if root.tag != "annotation":
        raise UserError(f"{path}: not a VOC file: its root element is not <annotation>")
    return root


def _parse_yolo_line(
    where: str, line: str, class_count: int, size: tuple[int, int]
) -> tuple[int, list[float]]:
    """Return the id of a line and its box: left, top, right, bottom in pixels."""
    values = [parse_float(text) for text in line.split()]
    if len(values) != 5 or not all(map(math.isfinite, values)):
        raise UserError(f"{where}: expected 'id cx cy width height', got {line.strip()!r}")
    if values[0] not in range(class_count):
        raise UserError(f"{where}: class id {line.split()[0]} is not in 0..{class_count - 1}")
    edges = []
    # Center and extent, relative to the image, to two edges in pixels: first x, then y.
    for center, extent, side in ((values[1], values[3], size[0]), (values[2], values[4], size[1])):
        low, high = (center - extent / 2) * side, (center + extent / 2) * side
        if low < -CLIP_TOLERANCE_PIXELS or high > side + CLIP_TOLERANCE_PIXELS:
            raise UserError(
                f"{where}: the box runs from {low:.1f} to {high:.1f}, outside 0..{side} pixels; "
                "expected values relative to the image size, between 0 and 1"
            )
        edges.append((max(low, 0.0), min(high, float(side))))
    (left, right), (top, bottom) = edges
    if not (left < right and top < bottom):
        raise UserError(f"{where}: the box has no area: {line.strip()!r}")
    return int(values[0]), [left, top, right, bottom]
