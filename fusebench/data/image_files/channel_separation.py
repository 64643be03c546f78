"""Infrared and visible images out of files of four channels: R, G, B, and infrared as alpha.

MFNet is published in this form. The two images are copies below the data folder, see
`fusebench.data.image_files.derived_copies`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fusebench.data.image_files.derived_copies import write_copies
from fusebench.data.image_files.reader import load_image
from fusebench.data.images import Color, Gray
from fusebench.data.pairs import Split, build_columns
from fusebench.errors import UserError

NOTE = (
    "four channels",
    "the alpha channel of each file is the infrared image, R, G, B the visible",
)
EXPECTED = "expected four channels of 8 bits: R, G, B, and the infrared image as alpha"


def separate_channels(split: Split, root: Path) -> Split:
    """Replace the files of four channels by one copy per sensor; missing copies are written.

    Args:
        split: Pairs whose infrared and visible image are one file of four channels.
        root: The data folder, where the copies are written.

    Returns:
        The split with the copies, and a note.

    Raises:
        UserError: If a file has not four channels, or its alpha channel is constant, or a copy
            cannot be written.
    """
    columns = build_columns(split.pairs)
    files = zip(columns.keys, columns.infrared, columns.visible, strict=True)
    copies = separate_files(list(files), split.dataset, root)
    pairs = replace(
        columns,
        infrared=tuple(infrared for _, infrared, _ in copies),
        visible=tuple(visible for _, _, visible in copies),
    )
    return replace(split, pairs=pairs, notes=(*split.notes, NOTE))


def separate_files(
    files: Sequence[tuple[str, str, str]], dataset: str, root: Path
) -> list[tuple[str, str, str]]:
    """Return one copy per sensor of files of four channels; missing copies are written.

    Args:
        files: (key, infrared file, visible file), where both are one file of four channels.
        dataset: Name of the data set.
        root: The data folder, where the copies are written.

    Returns:
        (key, infrared copy, visible copy), in the same order.

    Raises:
        UserError: As `separate_channels`.
    """
    sources = {key: Path(file) for key, _, file in files}
    infrared = write_copies(
        sources, root, f"{dataset}-infrared", {"channels": "alpha"}, _read_infrared
    )
    visible = write_copies(sources, root, f"{dataset}-visible", {"channels": "RGB"}, _read_visible)
    return [(key, str(infrared[key]), str(visible[key])) for key in sources]


def _read_infrared(path: Path) -> Gray:
    return np.ascontiguousarray(_read_four_channels(path)[..., 3])


def _read_visible(path: Path) -> Color:
    return np.ascontiguousarray(_read_four_channels(path)[..., :3])


def _read_four_channels(path: Path) -> Color:
    """Read a file as uint8 (H, W, 4)."""
    image, header = load_image(path)
    if image.mode != "RGBA" or header.bits != 8:
        raise UserError(
            f"{path}: mode {image.mode}, {header.bits} bits per channel; {EXPECTED}. If the "
            "sensors are separate files, name their folders rgb and thermal"
        )
    pixels: Color = np.array(image, np.uint8)
    if (pixels[..., 3] == pixels[0, 0, 3]).all():
        raise UserError(
            f"{path}: the alpha channel is {pixels[0, 0, 3]} everywhere, so there is no infrared "
            f"image in it; {EXPECTED}. Unpack the original again: programs that edit images drop "
            "the alpha channel"
        )
    return pixels
