"""Images of a sensor that looks into another direction than the other sensor of the pair."""

import numpy as np
from numpy.typing import NDArray


def shift_image(image: NDArray[np.uint8], right: int, down: int) -> NDArray[np.uint8]:
    """Shift the content of an image by whole pixels; the border pixels are repeated behind it.

    Args:
        image: uint8, (H, W) or (H, W, 3).
        right: Pixels to the right; negative: to the left.
        down: Pixels down; negative: up.
    """
    height, width = image.shape[:2]
    rows = (np.arange(height) - down).clip(0, height - 1)
    columns = (np.arange(width) - right).clip(0, width - 1)
    shifted: NDArray[np.uint8] = image[rows[:, None], columns]
    return shifted


def rotate_image(image: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Rotate the content of an image about its center, bilinear; the border is repeated outside.

    Args:
        image: uint8, (H, W) or (H, W, 3).
        degrees: Counterclockwise as seen on the screen.
    """
    import cv2

    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    rotated = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(rotated, np.uint8)
