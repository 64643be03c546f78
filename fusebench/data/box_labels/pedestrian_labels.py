"""Labels of pedestrian benchmarks with heights and occlusion: what counts, and what is ignored.

Two forms of file are read. Text files of Dollar's toolbox, as Caltech and KAIST have them, with
``% bbGt version=3`` and rows of ``name x y width height occlusion xv yv wv hv ignore angle``; and
VOC files whose objects have ``occlusion``, and a ``bndbox`` with ``x``, ``y``, ``w`` and ``h`` or
with ``xmin``, ``ymin``, ``xmax`` and ``ymax``. Coordinates are taken as written.

Source of the subsets: Hwang et al., "Multispectral pedestrian detection: benchmark dataset and
baseline", CVPR 2015, and its evaluation code.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from fusebench.data.box_labels.label_notes import BoxLabels, build_labels
from fusebench.data.box_labels.upright_hulls import Edges, clip_to_image
from fusebench.data.box_labels.voc_xml import parse_voc_xml
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError, format_value
from fusebench.runtime.reading.text_files import parse_float, read_text

PERSON = "person"
IGNORED_NAMES = ("people", "person?", "person?a", "cyclist")
OCCLUSIONS = (0, 1, 2)  # none, partial, heavy
BBGT_COLUMNS = (5, 6, 10, 11, 12)  # numbers of columns of the versions, and short rows


@dataclass(frozen=True)
class PedestrianLabel:
    """One labeled object.

    Attributes:
        name: ``person`` or one of `IGNORED_NAMES`.
        edges: left, top, right, bottom in pixels; may reach beyond the image.
        occlusion: 0 (none), 1 (partial) or 2 (heavy).
        is_ignored: The file marks it as ignored.
    """

    name: str
    edges: Edges
    occlusion: int
    is_ignored: bool


@dataclass(frozen=True)
class PedestrianSubset:
    """The persons that a benchmark counts; all others are ignored.

    Attributes:
        min_height: Smallest height in pixels.
        max_occlusion: Largest occlusion, see `PedestrianLabel`.
        margin: Smallest distance to the edges of the image, in pixels.
    """

    min_height: float
    max_occlusion: int
    margin: float

    def includes(self, label: PedestrianLabel, size: tuple[int, int]) -> bool:
        """Return whether a person counts.

        Args:
            label: The person.
            size: (width, height) of the image, in pixels.
        """
        left, top, right, bottom = label.edges
        return (
            bottom - top >= self.min_height
            and label.occlusion <= self.max_occlusion
            and min(left, top, size[0] - right, size[1] - bottom) >= self.margin
        )


def read_pedestrian_labels(path: Path | str) -> list[PedestrianLabel]:
    """Read the objects of an ``.xml`` file, or of a bbGt text file.

    Raises:
        UserError: Naming the row or object that has another form.
    """
    if Path(path).suffix.lower() == ".xml":
        objects = parse_voc_xml(path).iter("object")
        return [
            _read_object(element, f"{path}: object {number}")
            for number, element in enumerate(objects, 1)
        ]
    lines = enumerate(read_text(path).splitlines(), 1)
    rows = [(number, line) for number, line in lines if line.strip() and line.strip()[0] != "%"]
    return [_parse_row(line, f"{path}: line {number}") for number, line in rows]


def build_pedestrian_boxes(
    labels: Sequence[PedestrianLabel], size: tuple[int, int], subset: PedestrianSubset | None
) -> BoxLabels:
    """Build the boxes of one image; boxes are clipped to the image.

    Args:
        labels: Its labels.
        size: (width, height) of the image, in pixels.
        subset: The persons that count. None: all.
    """
    counts: Counter[str] = Counter()
    corners, ignored = [], []
    for label in labels:
        edges = clip_to_image(label.edges, size, counts)
        if edges is None:
            continue
        counted = label.name == PERSON and not label.is_ignored
        corners.append(edges)
        ignored.append(not (counted and (subset is None or subset.includes(label, size))))
    return build_labels(make_boxes(corners, [0] * len(corners), ignored=ignored), size, counts)


def _parse_row(line: str, where: str) -> PedestrianLabel:
    name, *texts = line.split()
    values = [parse_float(text) for text in texts]
    if len(values) + 1 not in BBGT_COLUMNS or not all(map(math.isfinite, values)):
        raise UserError(
            f"{where}: expected 'name x y width height occlusion xv yv wv hv ignore angle', got "
            f"{format_value(line.strip())}"
        )
    x, y, width, height, *others = values
    occlusion, *_, is_ignored, angle = [*others, *([0.0] * (7 - len(others)))]
    if angle:
        raise UserError(f"{where}: angle {angle:g}; expected upright boxes with angle 0")
    return _check(name, (x, y, x + width, y + height), occlusion, bool(is_ignored), where)


def _read_object(element: Element, where: str) -> PedestrianLabel:
    box = element.find("bndbox")
    tags = ("x", "y", "w", "h")
    is_corners = box is None or box.find("w") is None
    if is_corners:
        tags = ("xmin", "ymin", "xmax", "ymax")
    texts = ["" if box is None else box.findtext(tag, "").strip() for tag in tags]
    left, top, right, bottom = map(parse_float, texts)
    if not is_corners:
        right, bottom = left + right, top + bottom
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise UserError(f"{where}: expected a bndbox with {', '.join(tags)}, got {texts}")
    occlusion = parse_float(element.findtext("occlusion", "0").strip())
    return _check(
        element.findtext("name", "").strip(), (left, top, right, bottom), occlusion, False, where
    )


def _check(
    name: str, edges: Edges, occlusion: float, is_ignored: bool, where: str
) -> PedestrianLabel:
    known = (PERSON, *IGNORED_NAMES)
    if name.lower() not in known:
        raise UserError(f"{where}: {format_value(name)} is none of {', '.join(known)}; correct it")
    if occlusion not in OCCLUSIONS:
        raise UserError(f"{where}: occlusion {occlusion:g}; expected 0, 1 or 2")
    return PedestrianLabel(name.lower(), edges, int(occlusion), is_ignored)
