"""Pixels of images and label maps for the doctor: also those that the programs refuse."""

from pathlib import Path

import numpy as np

from fusebench.data import images, label_maps
from fusebench.data.image_files.infrared_scaling import PercentileScaling, scale_to_8_bits
from fusebench.data.image_files.reader import load_image, read_header
from fusebench.data.images import Gray, LabelMap
from fusebench.data.label_images.conversion import LabelConversion, read_converted
from fusebench.errors import UserError


def read_gray_for_display(path: Path) -> Gray:
    """Read an image as gray, uint8 (H, W); more than 8 bits are scaled by percentiles.

    Raises:
        UserError: If it cannot be read.
    """
    if read_header(path).bits <= 8:
        return images.read_gray(path)
    image, _ = load_image(path)
    try:
        return scale_to_8_bits(np.asarray(image), PercentileScaling(rule="percentile"))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def read_label_ids(
    path: Path, classes: tuple[str, ...], conversion: LabelConversion | None
) -> LabelMap:
    """Read a label image as ids, uint8 (H, W): any id, 255 too.

    Raises:
        UserError: If it is no label image, or has a value that the conversion does not know.
    """
    if conversion is not None:
        return read_converted(path, conversion)
    return label_maps.read_stored_ids(path, classes)
