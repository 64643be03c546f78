"""Label maps and their errors as transparent PNG images, and counts of pixels, from arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.data import label_maps
from fusebench.data.images import LabelMap
from reports.figures import overlays

COUNT_COLUMNS = ("class", "truth", "predicted", "true_positives", "gained", "lost")
COMPRESSION = 6  # of zlib; 9 takes twice the time for 2 % less
RIGHT, WRONG, UNLABELED = 0, 1, 2  # values of an image of errors


def write_label_image(file: Path, labels: LabelMap, palette: NDArray[np.uint8]) -> None:
    """Write a label map in the colors of its classes; pixels without a class are transparent.

    Args:
        file: PNG file; its folder is created.
        labels: Class ids, uint8 (H, W); ids without a color are transparent.
        palette: Color of every class, uint8 (C, 3).
    """
    count = len(palette)
    bounded = np.minimum(labels, count).astype(np.uint8)
    alpha = [255] * count + [0]
    _write_palette_image(file, bounded, [*palette.ravel().tolist(), 0, 0, 0], alpha)


def write_error_image(
    file: Path, is_wrong: NDArray[np.bool_], is_unlabeled: NDArray[np.bool_]
) -> None:
    """Write wrong pixels in orange; unlabeled ones are black, the others transparent.

    Args:
        file: PNG file; its folder is created.
        is_wrong: Pixels whose predicted class differs from the true class, (H, W).
        is_unlabeled: Pixels without a true class, (H, W).
    """
    values = np.where(is_unlabeled, UNLABELED, np.where(is_wrong, WRONG, RIGHT)).astype(np.uint8)
    colors = [0, 0, 0, *overlays.WRONG_PIXEL_COLOR, *overlays.UNLABELED_PIXEL_COLOR]
    _write_palette_image(file, values, colors, [0, 255, 255])


def count_pixels(
    truth: LabelMap,
    predicted: Sequence[LabelMap],
    sensors: Sequence[int],
    classes: Sequence[str],
) -> list[list[int]]:
    """Count the pixels of every class for every source on one pair.

    Args:
        truth: True class ids, (H, W).
        predicted: Predicted class ids of every source, (H, W) each.
        sensors: Indices of the single sensors among the sources.
        classes: Class names in the order of their ids.

    Returns:
        Per source the values of `COUNT_COLUMNS`, class after class, without classes that neither
        the truth nor the prediction has. ``gained``: true positives of the source where every
        sensor is wrong; ``lost``: pixels where a sensor is right and the source is wrong. Unlabeled
        pixels count as predicted only.
    """
    count = len(classes)
    is_unlabeled = label_maps.find_unlabeled(truth, classes)
    are_right = [(labels == truth) & ~is_unlabeled for labels in predicted]
    sensor_right = np.zeros(truth.shape, np.bool_)
    for sensor in sensors:
        sensor_right |= are_right[sensor]
    # per pixel: true class (or `count`), whether a sensor is right, whether the source is right
    codes = 4 * np.where(is_unlabeled, count, truth).astype(np.int64) + 2 * sensor_right
    rows = []
    for labels, is_right in zip(predicted, are_right, strict=True):
        outcomes = np.bincount((codes + is_right).ravel(), minlength=4 * count + 4)
        by_class = outcomes.reshape(-1, 2, 2)[:count]  # class, sensor right, source right
        columns = np.column_stack(
            [
                np.arange(count),
                by_class.sum(axis=(1, 2)),
                np.bincount(labels.ravel(), minlength=count)[:count],
                by_class[:, :, 1].sum(axis=1),
                by_class[:, 0, 1],
                by_class[:, 1, 0],
            ]
        )
        rows.append(columns[columns[:, 1:3].any(axis=1)].ravel().tolist())
    return rows


def _write_palette_image(
    file: Path, values: NDArray[np.uint8], colors: list[int], alpha: list[int]
) -> None:
    """Write a PNG with a palette: values (H, W), colors as R, G, B, ..., and alpha per color."""
    image = Image.fromarray(values)
    image.putpalette(colors)
    bits = next(bits for bits in (1, 2, 4, 8) if len(alpha) <= 2**bits)
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file, format="PNG", bits=bits, transparency=bytes(alpha), compress_level=COMPRESSION)
