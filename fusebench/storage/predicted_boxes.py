"""Predicted boxes in the store: one COCO document per run, ``predictions.json``."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fusebench.data.boxes import Boxes, from_coco, to_coco
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.runtime import atomic_write, command_name
from fusebench.runtime.reading.json_files import read_json

FILE_NAME = "predictions.json"


def write_predicted_boxes(folder: Path, boxes: Mapping[str, Boxes], split: Split) -> None:
    """Write the boxes of the images of a split.

    Raises:
        UserError: If an edge or a score is not finite, for example after a diverged training.
    """
    for key, predicted in boxes.items():
        if not (np.isfinite(predicted.corners).all() and np.isfinite(predicted.scores).all()):
            raise UserError(
                f"{split.dataset}/{split.name}: image {key}: the model predicted a box that is not "
                "finite; if training diverged, lower the learning rate"
            )
    document = to_coco(boxes, split.classes, {pair.key: pair.size for pair in split.pairs})
    atomic_write.write_text_atomically(folder / FILE_NAME, json.dumps(document))


def read_predicted_boxes(folder: Path, split: Split) -> dict[str, Boxes]:
    """Read the predicted boxes by key.

    Raises:
        UserError: If the file is damaged; names it and the command that repairs it.
    """
    path = folder / FILE_NAME
    try:
        if not path.exists():
            raise UserError(f"{path}: no such file")
        document = read_json(path)
        if not isinstance(document, dict):
            raise UserError(f"{path}: no COCO document")
        boxes = from_coco(document, split.classes, split.keys)
        missing = next((key for key in split.keys if key not in boxes), None)
        if missing is not None:
            raise UserError(f"{path}: lacks image {missing!r}")
        if any(len(predicted.scores) != len(predicted) for predicted in boxes.values()):
            raise UserError(f"{path}: boxes without a score")
    except UserError as error:
        reason = str(error).removeprefix(f"{path}: ")
        advice = command_name.format_repair_advice(folder)
        raise UserError(f"{path}: damaged ({reason}); {advice}") from None
    return boxes
