"""Prediction of boxes with a trained YOLOv5 network.

Images are resized so that the long side has the training size, and padded to the network's stride,
as ultralytics does for validation and prediction. Boxes are returned in pixels of the original
image.
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
from fusebench.runtime.loading import prefetch, training_batches

STRIDE = 32
BATCH_SIZE = 16
PADDING_GRAY = 114  # ultralytics' padding value


@dataclass(frozen=True)
class InputShape:
    """How images are resized for the network.

    Attributes:
        side: Side of the square that they fit into, in pixels.
        is_stretched: Whether they fill the square regardless of their aspect ratio.
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
    """Predict boxes with scores for every image of ``test``, in falling score.

    Args:
        folder: Folder of the network (see `network.save_network`).
        test: The images; their labels are not used.
        shape: How images are resized, best as in training.
        predict: See `Predict`.
        device: Torch device.
        columns: For each class of ``test`` the network's class that is mapped to it, -1 for none;
            the network's other classes are dropped before non-maximum suppression. None: the
            same classes.

    Returns:
        Boxes by key, in pixels of the original image.
    """
    import torch

    ultralytics_import.import_ultralytics(folder.parent)
    boxes: dict[str, Boxes] = {}
    with ultralytics_import.use_deterministic_algorithms(), torch.inference_mode():
        model = network.load_network(folder).to(device)
        title = f"predict {test.split.dataset}-{test.split.name}"
        threads = training_batches.count_workers(device)
        for batch in _iterate_batches(test, shape, title, threads):
            inputs = np.stack([image for _, _, image in batch])
            channels_first = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
            tensor = torch.from_numpy(channels_first).to(device).float() / 255
            output = model(tensor)[0]  # (images, 4 sides and a score per class, candidates)
            detections = _suppress_non_maxima(_select_class_scores(output, columns), predict)
            for (key, size, _), rows in zip(batch, detections, strict=True):
                mapped = _map_to_dataset_classes(rows, columns)
                boxes[key] = _convert_to_original_pixels(mapped, size, shape)
    return boxes


def resize_and_pad(image: NDArray[np.uint8], shape: InputShape) -> NDArray[np.uint8]:
    """Resize an image so that its long side fits, and pad it evenly to the stride with gray.

    Args:
        image: uint8 (H, W, channels).
        shape: If it is stretched, the image is resized to the square without padding.

    Returns:
        uint8 (H', W', channels), both sides multiples of the stride unless stretched.
    """
    import cv2

    height, width = image.shape[:2]
    resized_size, padded_size = _compute_resized_and_padded_size((height, width), shape)
    if resized_size != (height, width):
        resized = cv2.resize(image, resized_size[::-1], interpolation=cv2.INTER_LINEAR)
        image = np.asarray(resized, np.uint8)
    top, left = _compute_padding(resized_size, padded_size)
    padded = np.full((*padded_size, image.shape[2]), PADDING_GRAY, np.uint8)
    padded[top : top + resized_size[0], left : left + resized_size[1]] = image
    return padded


def _compute_resized_and_padded_size(
    size: tuple[int, ...], shape: InputShape
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (height, width) after resizing, and after padding."""
    if shape.is_stretched:
        return (shape.side, shape.side), (shape.side, shape.side)
    scale = shape.side / max(size)
    height, width = (max(1, round(length * scale)) for length in size)
    return (height, width), (-(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE)


def _compute_padding(resized: tuple[int, int], padded: tuple[int, int]) -> tuple[int, int]:
    """Return the pixels padded at the top and at the left."""
    return (padded[0] - resized[0]) // 2, (padded[1] - resized[1]) // 2


def _iterate_batches(
    test: LabeledImages, shape: InputShape, title: str, threads: int
) -> Iterator[list[tuple[str, tuple[int, int], NDArray[np.uint8]]]]:
    """Yield up to `BATCH_SIZE` images of one size at a time: key, (height, width), resized image.

    One image at a time is held in its original size; with threads, one per thread, and they
    prepare the next batches meanwhile.
    """
    by_size: dict[tuple[int, int], list[str]] = {}
    for pair in test.split.pairs:
        by_size.setdefault(images.read_image_size(test.images[pair.key]), []).append(pair.key)
    batches = [
        ((height, width), keys[i : i + BATCH_SIZE])
        for (width, height), keys in by_size.items()
        for i in range(0, len(keys), BATCH_SIZE)
    ]

    def load(
        batch: tuple[tuple[int, int], list[str]],
    ) -> list[tuple[str, tuple[int, int], NDArray[np.uint8]]]:
        size, keys = batch
        return [(key, size, resize_and_pad(test.read(key), shape)) for key in keys]

    loaded = prefetch.map_ahead(load, batches, threads)
    for _ in progress.track_progress(batches, title):
        yield next(loaded)


def _suppress_non_maxima(output: Any, predict: Predict) -> list[NDArray[np.float64]]:
    """Return rows of (left, top, right, bottom, score, class) per image, in resized pixels."""
    from ultralytics.utils.nms import non_max_suppression

    detections = non_max_suppression(
        output,
        conf_thres=predict.confidence,
        iou_thres=predict.nms_iou,
        max_det=predict.max_detections,
        multi_label=True,  # as in ultralytics' own validation: a box may have two classes
        max_time_img=1e6,  # a time limit would drop the remaining images
    )
    return [rows.double().cpu().numpy() for rows in detections]


def _select_class_scores(output: Any, columns: Sequence[int] | None) -> Any:
    """Return the output with the scores of the mapped classes alone."""
    if columns is None:
        return output
    return output[:, [0, 1, 2, 3, *(4 + column for column in columns if column >= 0)]]


def _map_to_dataset_classes(
    rows: NDArray[np.float64], columns: Sequence[int] | None
) -> NDArray[np.float64]:
    """Replace the index of a selected column by the class of the data set."""
    if columns is None:
        return rows
    classes = np.array([i for i, column in enumerate(columns) if column >= 0])
    return np.column_stack([rows[:, :5], classes[rows[:, 5].astype(int)]])


def _convert_to_original_pixels(
    rows: NDArray[np.float64], size: tuple[int, ...], shape: InputShape
) -> Boxes:
    """Convert rows in resized pixels to boxes of the original image, clipped to it."""
    height, width = size
    resized_size, padded_size = _compute_resized_and_padded_size(size, shape)
    top, left = _compute_padding(resized_size, padded_size)
    # remove the padding, undo the resizing, clip
    corners = rows[:, :4] - [left, top, left, top]
    scale_x, scale_y = width / resized_size[1], height / resized_size[0]
    corners *= [scale_x, scale_y, scale_x, scale_y]
    corners = corners.clip(0, [width, height, width, height]).round(3)
    has_area = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    return make_boxes(
        corners[has_area], rows[has_area, 5].astype(np.int64), rows[has_area, 4].round(6)
    )
