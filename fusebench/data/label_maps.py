"""Reading and checking of label maps; an unknown id would otherwise silently count for no class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data.fmb_palette import map_colors_to_ids
from fusebench.data.image_files.reader import read_header
from fusebench.data.images import LabelMap
from fusebench.data.label_images.opening import open_label_image
from fusebench.data.label_images.reading import read_label_image
from fusebench.errors import UserError

IGNORE_INDEX = 255  # id of an unlabeled pixel: losses and scores leave it out
UNLABELED_NAMES = ("unlabelled", "unlabeled")  # names of a class 0 of unlabeled pixels


def has_unlabeled_class(classes: Sequence[str]) -> bool:
    """Return whether class 0 is the class of unlabeled pixels, as in FMB."""
    return classes[0].lower() in UNLABELED_NAMES


def find_unlabeled(truth: LabelMap, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Return which pixels of a true label map are unlabeled, (H, W)."""
    unlabeled: NDArray[np.bool_] = truth == IGNORE_INDEX
    return unlabeled | (truth == 0) if has_unlabeled_class(classes) else unlabeled


def read_label_map(
    path: Path, classes: Sequence[str], *, may_be_unlabeled: bool = True
) -> LabelMap:
    """Read the class id of every pixel.

    The value `IGNORE_INDEX` marks an unlabeled pixel. It becomes class 0 if that is the class of
    unlabeled pixels, and stays otherwise.

    Args:
        path: Image of class ids, see `fusebench.data.label_images`.
        classes: Class names in the order of their ids.
        may_be_unlabeled: False for predictions: every pixel needs a class.

    Returns:
        uint8 (H, W), all below ``len(classes)`` or equal to `IGNORE_INDEX`.

    Raises:
        UserError: If the file is no label image or has an id without a class.
    """
    stored_ids = read_stored_ids(path, classes)
    return convert_stored_ids(stored_ids, classes, path, may_be_unlabeled=may_be_unlabeled)


def read_stored_ids(path: Path, classes: Sequence[str]) -> LabelMap:
    """Read a label image as it is stored, uint8 (H, W): any id, 255 too.

    Raises:
        UserError: If the file is no label image.
    """
    return read_label_image(path, map_colors_to_ids(classes))


def differ_from_values(path: Path, classes: Sequence[str]) -> bool:
    """Return whether the ids of a label image are not the values that its file stores.

    That is so for 1-bit images (0 and 1, where Pillow gives 0 and 255), for palettes that are read
    by color, and for images that are turned for display. Earlier versions took the stored values,
    so their results must not be used again. Most images are told by their header.
    """
    try:
        header = read_header(path)
        if header.mode == "P" and not header.is_turned:
            values = np.asarray(open_label_image(path)[0])
            return not np.array_equal(read_stored_ids(path, classes), values)
        return header.mode == "1" or header.is_turned
    except UserError:  # whoever reads the image reports it
        return False


def convert_stored_ids(
    stored_ids: LabelMap, classes: Sequence[str], path: Path, *, may_be_unlabeled: bool = True
) -> LabelMap:
    """Check the ids of a file and replace 255 by class 0 if that is the class of unlabeled pixels.

    Args:
        stored_ids: See `read_stored_ids`; changed in place.
        classes: Class names in the order of their ids.
        path: The file, for messages.
        may_be_unlabeled: False for predictions: every pixel needs a class.

    Raises:
        UserError: If an id has no class.
    """
    labels = stored_ids
    if has_unlabeled_class(classes):
        labels[labels == IGNORE_INDEX] = 0
    no_class = labels >= len(classes)
    if may_be_unlabeled:
        no_class &= labels != IGNORE_INDEX
    if no_class.any():
        ids, counts = np.unique(labels[no_class], return_counts=True)
        unlabeled = f" or {IGNORE_INDEX}" if may_be_unlabeled else ""
        raise UserError(
            f"{path}: id {ids[0]} ({counts[0]} pixels) has no class; expected "
            f"0..{len(classes) - 1}{unlabeled}. Is this a label map of another data set, or was it "
            "ever saved as JPEG or resized?"
        )
    return labels
