"""Asks a trained network for boxes.

Images are fitted into the training size, long side first, and padded to the network's stride, as
ultralytics does for validation and prediction; boxes come back in pixels of the original image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.models.yolov5 import network, ultralytics_import
from detection.models.yolov5.options import Predict
from fusebench.data import images
from fusebench.data.boxes import Boxes, make_boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.runtime import progress

STRIDE = 32
BATCH_SIZE = 16
PADDING_GRAY = 114  # what ultralytics pads with


@dataclass(frozen=True)
class InputShape:
    """How images are made to fit the network.

    Attributes:
        side: Of the square, in pixels.
        stretched: They fill it, whatever their proportions.
    """

    side: int
    is_stretched: bool = False


def predict_boxes(
    folder: Path,
    test: LabeledImages,
    shape: InputShape,
    predict: Predict,
    *,
    device: str,
    columns: Sequence[int] | None = None,
) -> dict[str, Boxes]:
    """Boxes with scores for every image of ``test``, surest first.

    Args:
        folder: Where the network is (see `network.save`).
        test: The images to look at; labels are not looked at.
        shape: How images are fitted, best as in training.
        predict: See `NoisePredictor`.
        device: Where to compute.
        columns: For each class of ``test`` the network's class that finds it, -1 for none; the
            network's other classes are dropped before boxes are chosen. None: the same classes.
    """
    import torch

    ultralytics_import.import_ultralytics(folder.parent)
    found: dict[str, Boxes] = {}
    with ultralytics_import.use_deterministic_algorithms(), torch.inference_mode():
        model = network.load_network(folder).to(device)
        title = f"predict {test.split.dataset}-{test.split.name}"
        for group in _iterate_batches(test, title):
            shown = [resize_and_pad(image, shape) for _, image in group]
            stacked = np.stack(shown).transpose(0, 3, 1, 2)
            batch = torch.from_numpy(np.ascontiguousarray(stacked)).to(device).float() / 255
            output = model(batch)[0]  # (images, 4 sides and a score per class, candidates)
            for (key, image), rows in zip(
                group,
                _suppress_non_maxima(_select_class_scores(output, columns), predict),
                strict=True,
            ):
                found[key] = _convert_to_original_pixels(
                    _map_to_dataset_classes(rows, columns), image.shape[:2], shape
                )
    return found


def resize_and_pad(image: images.Color, shape: InputShape) -> images.Color:
    """The image scaled so that its long side fits, padded evenly to the stride with gray.

    Or scaled to the square, where ``shape`` says so.
    """
    import cv2

    height, width = image.shape[:2]
    inner, outer = _compute_resized_and_padded_size((height, width), shape)
    if inner != (height, width):
        resized = cv2.resize(image, inner[::-1], interpolation=cv2.INTER_LINEAR)
        image = np.asarray(resized, np.uint8)
    top, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    padded = np.full((*outer, 3), PADDING_GRAY, np.uint8)
    padded[top : top + inner[0], left : left + inner[1]] = image
    return padded


def _compute_resized_and_padded_size(
    size: tuple[int, ...], shape: InputShape
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) after scaling and after padding."""
    if shape.is_stretched:
        return (shape.side, shape.side), (shape.side, shape.side)
    scale = shape.side / max(size)
    height, width = (max(1, round(length * scale)) for length in size)
    return (height, width), (-(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE)


def _iterate_batches(test: LabeledImages, title: str) -> Iterator[list[tuple[str, images.Color]]]:
    """Up to BATCH images of one size at a time, with their keys."""
    by_size: dict[tuple[int, int], list[str]] = {}
    for pair in test.split.pairs:
        by_size.setdefault(images.read_image_size(test.images[pair.key]), []).append(pair.key)
    keys = [k[i : i + BATCH_SIZE] for k in by_size.values() for i in range(0, len(k), BATCH_SIZE)]
    for some in progress.track_progress(keys, title):
        yield [(key, images.read_color(test.images[key])) for key in some]


def _suppress_non_maxima(output: Any, predict: Predict) -> list[NDArray[np.float64]]:
    """Rows of (left, top, right, bottom, score, class) per image, in pixels of the fitted image."""
    from ultralytics.utils.nms import non_max_suppression

    kept = non_max_suppression(
        output,
        conf_thres=predict.confidence,
        iou_thres=predict.nms_iou,
        max_det=predict.max_detections,
        multi_label=True,  # as in ultralytics' own validation: a box may have two classes
        max_time_img=1e6,  # it would otherwise drop the remaining images when it takes too long
    )
    return [rows.double().cpu().numpy() for rows in kept]


def _select_class_scores(output: Any, columns: Sequence[int] | None) -> Any:
    """The output with the scores of the chosen classes alone."""
    if columns is None:
        return output
    return output[:, [0, 1, 2, 3, *(4 + column for column in columns if column >= 0)]]


def _map_to_dataset_classes(
    rows: NDArray[np.float64], columns: Sequence[int] | None
) -> NDArray[np.float64]:
    """Rows whose class is a chosen column, with the class of the data set instead."""
    if columns is None:
        return rows
    classes = np.array([i for i, column in enumerate(columns) if column >= 0])
    return np.column_stack([rows[:, :5], classes[rows[:, 5].astype(int)]])


def _convert_to_original_pixels(
    rows: NDArray[np.float64], size: tuple[int, ...], shape: InputShape
) -> Boxes:
    """Rows of the fitted image as boxes of the original, clipped to it."""
    height, width = size
    inner, outer = _compute_resized_and_padded_size(size, shape)
    top, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    corners = rows[:, :4] - [left, top, left, top]
    corners *= [width / inner[1], height / inner[0], width / inner[1], height / inner[0]]
    corners = corners.clip(0, [width, height, width, height]).round(3)
    whole = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return make_boxes(corners[whole], rows[whole, 5].astype(np.int64), rows[whole, 4].round(6))
