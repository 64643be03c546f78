"""Writing of YOLO label files: one row per true box, class id, center and size as fractions."""

import numpy as np

from fusebench.data.box_labels.relative_boxes import to_relative_rows
from fusebench.data.boxes import Boxes, make_boxes
from fusebench.data.pairs import Pair
from fusebench.errors import UserError

Row = tuple[int, float, float, float, float]


def build_rows(pair: Pair) -> list[Row]:
    """Return distinct (class id, center x, center y, width, height), as fractions of the image.

    Edges beyond the image are clipped. Ignored boxes are left out, because ultralytics has none.

    Raises:
        UserError: If the pair has no boxes, or a box has no area within the image.
    """
    width, height = pair.size
    boxes: Boxes | None = pair.boxes
    if boxes is None:
        raise UserError(f"{pair.key}: has no boxes; this data set cannot train a detector")
    boxes = boxes.drop_ignored()
    corners = np.clip(boxes.corners, 0, [width, height, width, height])
    if (corners[:, 2:] <= corners[:, :2]).any():
        raise UserError(f"{pair.key}: a box has no area within the {width}x{height} image")
    rows = to_relative_rows(make_boxes(corners, boxes.class_ids), pair.size)
    return list(dict.fromkeys((int(class_id), *edges) for class_id, *edges in rows.tolist()))


def format_label_file(pair: Pair) -> str:
    """Return the text of the label file of a pair; empty if it has no object.

    Nine significant digits keep every float32.

    Raises:
        UserError: See `build_rows`.
    """
    return "".join(f"{i} {x:.9g} {y:.9g} {w:.9g} {h:.9g}\n" for i, x, y, w, h in build_rows(pair))
