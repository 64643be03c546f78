"""Class ids of colored label images: by the colors of the data set's classes, or by palette index.

A program that makes PNG files smaller (or ``quantize``) keeps every color of a palette image and
renumbers the palette: its indices are then no class ids. So an index is an id only where it cannot
have been renumbered. The rules, in this order, for the palette entries that pixels use:

1. Every color is the color of another class of the data set: the class decides, not the index.
2. Two entries have one color: the index is the id, because no such program keeps two equal entries
   (refused if the other entries are colors of classes in another order).
3. Every color is gray, (v, v, v): v is the id, whatever the index; it may be 255, unlabeled. If
   only black and white occur and white has another index than 255, the id of white is not certain.
4. The colors are those of PASCAL VOC in their usual order: the index is the id.
5. Anything else is refused.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Color, LabelMap
from fusebench.data.label_images.voc_palette import build_voc_palette
from fusebench.errors import UserError

RGB = tuple[int, int, int]
ColorIds = Mapping[RGB, int]  # color of each class to its id

HOW_TO_SAVE = (
    "save the class ids as 8-bit gray PNG without scaling, with NumPy and Pillow: "
    "Image.fromarray(ids.astype('uint8')).save(name)"
)
HOW_TO_SAVE_INDICES = (
    "if the palette indices are the ids, save them alone: "
    "Image.fromarray(numpy.array(Image.open(name))).save(name) (for predictions, palette: indices "
    "does the same)"
)
WHITE = 255


def read_palette_ids(
    indices: NDArray[np.uint8], palette: Color, color_ids: ColorIds | None, path: Path
) -> LabelMap:
    """Find the class ids of a palette image by the rules of the module.

    Args:
        indices: Index of every pixel, (H, W).
        palette: RGB, uint8 (N, 3).
        color_ids: Colors of the data set's classes; None if it has none.
        path: The file, for messages.

    Raises:
        UserError: If the ids are not certain.
    """
    used = np.unique(indices)
    if used[-1] >= len(palette):
        raise UserError(
            f"{path}: a pixel has palette index {used[-1]}, but the palette ends at "
            f"{len(palette) - 1}; {HOW_TO_SAVE_INDICES}"
        )
    colors = [_to_tuple(color) for color in palette[used]]
    are_of_classes = color_ids is not None and all(color in color_ids for color in colors)
    if len(set(colors)) < len(colors):
        if not are_of_classes or _are_in_order(colors, used.tolist(), color_ids or {}):
            return indices
        raise _build_palette_error(colors, used.tolist(), color_ids, path)
    if color_ids is not None and are_of_classes:
        ids = [color_ids[color] for color in colors]
    elif all(red == green == blue for red, green, blue in colors):
        ids = _read_gray_ids([color[0] for color in colors], used.tolist(), path)
    elif (palette[used] == build_voc_palette()[used]).all():
        return indices
    else:
        raise _build_palette_error(colors, used.tolist(), color_ids, path)
    table = np.zeros(256, np.uint8)
    table[used] = ids
    labels: LabelMap = table[indices]
    return labels


def read_color_ids(pixels: Color, color_ids: ColorIds | None, path: Path) -> LabelMap:
    """Read the class ids of a color image whose colors are all those of classes.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        color_ids: Colors of the data set's classes; None if it has none.
        path: The file, for messages.

    Raises:
        UserError: If a color is that of no class.
    """
    if color_ids is None:
        raise UserError(
            f"{path}: expected one channel of class ids, got mode RGB with colors, and the data "
            f"set's classes have no known colors; {HOW_TO_SAVE}"
        )
    packed_ids = {_pack(color): i for color, i in color_ids.items()}
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    packed = red << 16 | green << 8 | blue
    present, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    unknown = [i for i, color in enumerate(present) if int(color) not in packed_ids]
    if unknown:
        most_frequent = max(unknown, key=lambda i: counts[i])
        raise UserError(
            f"{path}: {sum(counts[unknown])} pixels in {len(unknown)} colors of no class (most "
            f"often RGB {_unpack(int(present[most_frequent]))}); "
            f"{_describe_cause([_unpack(int(color)) for color in present], color_ids)}"
        )
    table = np.array([packed_ids[int(color)] for color in present], np.uint8)
    labels: LabelMap = table[inverse.reshape(pixels.shape[:2])]
    return labels


def _are_in_order(colors: list[RGB], indices: list[int], color_ids: ColorIds) -> bool:
    """Return whether every color that occurs once has the index of its class."""
    return all(
        color_ids[color] == index
        for color, index in zip(colors, indices, strict=True)
        if colors.count(color) == 1
    )


def _read_gray_ids(values: list[int], indices: list[int], path: Path) -> list[int]:
    """Return the ids of a gray palette: its gray values."""
    if set(values) <= {0, WHITE} and WHITE in values and values != indices:
        raise UserError(
            f"{path}: has a palette of black and white only, with white at index "
            f"{indices[values.index(WHITE)]}: id {indices[values.index(WHITE)]}, or 255 for "
            f"unlabeled? {HOW_TO_SAVE[0].upper()}{HOW_TO_SAVE[1:]}"
        )
    return values


def _build_palette_error(
    colors: list[RGB], indices: list[int], color_ids: ColorIds | None, path: Path
) -> UserError:
    unknown = [
        (index, color)
        for index, color in zip(indices, colors, strict=True)
        if color not in (color_ids or {})
    ]
    index, color = (unknown or [(indices[0], colors[0])])[0]
    known = "the data set's classes have no known colors"
    if color_ids is not None:
        known = f"{len(unknown)} of {len(colors)} colors are of no class of the data set"
        if _has_swapped_channels(colors, color_ids):
            known = "the colors are the data set's with red and blue swapped"
    return UserError(
        f"{path}: is a palette image, and it is not certain that its indices are class ids, "
        f"because programs that make PNG files smaller renumber palettes (index {index} is RGB "
        f"{color}; {known}); {HOW_TO_SAVE_INDICES}"
    )


def _describe_cause(present: list[RGB], color_ids: ColorIds) -> str:
    """Say what kind of color image it may be, and what to do."""
    if _has_swapped_channels(present, color_ids):
        return (
            "red and blue are in the other order: save it as RGB (for predictions, set palette to "
            "fmb or fmb_swapped)"
        )
    if sum(color in color_ids for color in present) > 1:
        return "it was probably saved with loss or resized; save it without loss"
    return f"is it a label image (the folder Label, not color)? {HOW_TO_SAVE}"


def _has_swapped_channels(colors: list[RGB], color_ids: ColorIds) -> bool:
    return all(color[::-1] in color_ids for color in colors)


def _to_tuple(color: NDArray[np.uint8]) -> RGB:
    red, green, blue = (int(value) for value in color)
    return red, green, blue


def _pack(color: RGB) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _unpack(packed: int) -> RGB:
    return packed >> 16 & 255, packed >> 8 & 255, packed & 255
