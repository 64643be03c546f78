"""True boxes as data sets store them: Pascal VOC files and YOLO text files."""

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from defusedxml import DefusedXmlException, ElementTree

from fusebench.data.boxes import Boxes, make_boxes
from fusebench.errors import UserError

CLIP_TOLERANCE_PIXELS = 1.0  # pixels a YOLO box may stick out: six decimals of a rounded edge
VOC_EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_voc_labels(path: Path, classes: Sequence[str], size: tuple[int, int]) -> Boxes:
    """True boxes of a Pascal VOC file, coordinates as they are written there.

    Args:
        path: The ``.xml`` file.
        classes: Class names; a box's class is the position of its name.
        size: (width, height) of the image itself.

    Raises:
        UserError: If the file is not XML, was made for another image size, or has an object of
            an unknown class or with edges that are missing, swapped or outside the image.
    """
    root = _parse_voc_xml(path)
    made_for = tuple(root.findtext(f"size/{side}", "").strip() for side in ("width", "height"))
    if all(made_for) and made_for not in (("0", "0"), (str(size[0]), str(size[1]))):
        raise UserError(
            f"{path}: made for an image of {'x'.join(made_for)}, but the image is "
            f"{size[0]}x{size[1]}; use the images and labels of the same release"
        )
    corners, ids = [], []
    for position, item in enumerate(root.iter("object"), 1):
        where = f"{path}: object {position}"
        name = item.findtext("name", "").strip()
        if name not in classes:
            raise UserError(f"{where}: class {name!r} is none of {', '.join(classes)}")
        written = {edge.tag: edge.text or "" for edge in item.iterfind("bndbox/*")}
        edges = [parse_float(written.get(tag, "")) for tag in VOC_EDGES]
        if not (0 <= edges[0] < edges[2] <= size[0] and 0 <= edges[1] < edges[3] <= size[1]):
            found = ", ".join(f"{tag} {edge:g}" for tag, edge in zip(VOC_EDGES, edges, strict=True))
            raise UserError(
                f"{where} ({name}): {found}; expected 0 <= xmin < xmax <= {size[0]} and "
                f"0 <= ymin < ymax <= {size[1]}; correct or delete this object"
            )
        corners.append(edges)
        ids.append(list(classes).index(name))
    return make_boxes(corners, ids)


def read_yolo_labels(path: Path, order: Sequence[int], size: tuple[int, int]) -> Boxes:
    """True boxes of a YOLO text file: ``id cx cy width height`` per line, shares of the image.

    An empty file is an image without objects. Edges up to `CLIP_TOLERANCE_PIXELS` outside are clipped.

    Args:
        path: The ``.txt`` file.
        order: Class of each id in the file: id ``i`` means class ``order[i]``.
        size: (width, height) of the image.

    Raises:
        UserError: Naming the line that has not five numbers, an unknown id, no area, or a box
            that lies outside the image.
    """
    corners, ids = [], []
    for position, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        index, edges = _parse_yolo_line(f"{path}: line {position}", line, len(order), size)
        ids.append(order[index])
        corners.append(edges)
    return make_boxes(corners, ids)


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        UserError: If the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror})") from None
    except UnicodeDecodeError as fault:
        raise UserError(f"{path}: not UTF-8 text (byte {fault.start}); save it as UTF-8") from None


def _parse_voc_xml(path: Path) -> Element:
    try:
        content = path.read_bytes()
        # Entities need a document type (<!) and odd encodings a declaration (<?): a file with
        # neither cannot attack, and the parser without guards is five times as fast.
        plain = not any(mark in content for mark in (b"<!", b"<?", b"\0"))
        root = (fromstring if plain else ElementTree.fromstring)(content)
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror})") from None
    except DefusedXmlException:
        raise UserError(f"{path}: has entity definitions; an annotation needs none") from None
    except (ParseError, ValueError, LookupError) as fault:
        raise UserError(f"{path}: not XML ({fault}); replace the file") from None
    if root.tag != "annotation":
        raise UserError(f"{path}: not a VOC file: its outermost element is not <annotation>")
    return root


def _parse_yolo_line(
    where: str, line: str, classes: int, size: tuple[int, int]
) -> tuple[int, list[float]]:
    values = [parse_float(word) for word in line.split()]
    if len(values) != 5 or not all(map(math.isfinite, values)):
        raise UserError(f"{where}: expected 'id cx cy width height', got {line.strip()!r}")
    if values[0] not in range(classes):
        raise UserError(f"{where}: class id {line.split()[0]} is not in 0..{classes - 1}")
    edges = []
    for center, extent, side in ((values[1], values[3], size[0]), (values[2], values[4], size[1])):
        low, high = (center - extent / 2) * side, (center + extent / 2) * side
        if low < -CLIP_TOLERANCE_PIXELS or high > side + CLIP_TOLERANCE_PIXELS:
            raise UserError(
                f"{where}: the box runs from {low:.1f} to {high:.1f}, outside 0..{side} pixels; "
                "values are shares of the image, between 0 and 1"
            )
        edges.append((max(low, 0.0), min(high, float(side))))
    (left, right), (top, bottom) = edges
    if not (left < right and top < bottom):
        raise UserError(f"{where}: the box has no area: {line.strip()!r}")
    return int(values[0]), [left, top, right, bottom]


def parse_float(word: str) -> float:
    """The number a word stands for, NaN if it stands for none."""
    try:
        return float(word)
    except ValueError:
        return math.nan
