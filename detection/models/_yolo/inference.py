"""Asks a trained network for boxes.

Images are fitted into the training size, long side first, and padded to the network's stride, as
ultralytics does for validation and prediction; boxes come back in pixels of the original image.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import images, progress
from bench.boxes import Boxes, make
from bench.examples import Examples
from detection.models._yolo import library, network
from detection.models._yolo.options import Options, Predict

STRIDE = 32
BATCH = 16
GREY = 114  # what ultralytics pads with


def predict(
    folder: Path, test: Examples, options: Options, predict: Predict, *, device: str
) -> dict[str, Boxes]:
    """Boxes with scores for every image of ``test``, surest first.

    Args:
        folder: What `training.train` left behind.
        test: The images to look at; labels are not looked at.
        options: What the network was trained with.
        predict: See `Predict`.
        device: Where to compute.
    """
    import torch

    library.bring_in(folder.parent)
    found: dict[str, Boxes] = {}
    with library.repeatable(), torch.inference_mode():
        model = network.load(folder).to(device)
        title = f"predict {test.split.dataset}-{test.split.name}"
        for group in _groups(test, title):
            shown = [fitted(image, options.image_size) for _, image in group]
            stacked = np.stack(shown).transpose(0, 3, 1, 2)
            batch = torch.from_numpy(np.ascontiguousarray(stacked)).to(device).float() / 255
            for (key, image), rows in zip(group, _boxes(model(batch), predict), strict=True):
                found[key] = _in_pixels(rows, image.shape[:2], options.image_size)
    return found


def fitted(image: images.Color, side: int) -> images.Color:
    """The image scaled so that its long side is ``side``, padded evenly to the stride with grey."""
    import cv2

    height, width = image.shape[:2]
    scale, inner, outer = _geometry((height, width), side)
    if scale != 1:
        resized = cv2.resize(image, inner[::-1], interpolation=cv2.INTER_LINEAR)
        image = np.asarray(resized, np.uint8)
    top, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    padded = np.full((*outer, 3), GREY, np.uint8)
    padded[top : top + inner[0], left : left + inner[1]] = image
    return padded


def _geometry(shape: tuple[int, ...], side: int) -> tuple[float, tuple[int, int], tuple[int, int]]:
    """Scale, and (height, width) after scaling and after padding."""
    scale = side / max(shape)
    height, width = (max(1, round(length * scale)) for length in shape)
    outer = (-(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE)
    return scale, (height, width), outer


def _groups(test: Examples, title: str) -> Iterator[list[tuple[str, images.Color]]]:
    """Up to BATCH images of one size at a time, with their keys."""
    by_size: dict[tuple[int, int], list[str]] = {}
    for pair in test.split.pairs:
        by_size.setdefault(images.size(test.images[pair.key]), []).append(pair.key)
    keys = [k[i : i + BATCH] for k in by_size.values() for i in range(0, len(k), BATCH)]
    for some in progress.each(keys, title):
        yield [(key, images.read_color(test.images[key])) for key in some]


def _boxes(output: Any, predict: Predict) -> list[NDArray[np.float64]]:
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


def _in_pixels(rows: NDArray[np.float64], shape: tuple[int, ...], side: int) -> Boxes:
    """Rows of the fitted image as boxes of the original, clipped to it."""
    height, width = shape
    _, inner, outer = _geometry(shape, side)
    top, left = (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
    corners = rows[:, :4] - [left, top, left, top]
    corners *= [width / inner[1], height / inner[0], width / inner[1], height / inner[0]]
    corners = corners.clip(0, [width, height, width, height]).round(3)
    whole = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return make(corners[whole], rows[whole, 5].astype(np.int64), rows[whole, 4].round(6))
