"""Conversion of label images with other ids, or colors, to class ids.

The converted label images are 8-bit gray files of class ids, see
`fusebench.data.image_files.derived_copies`.

The ids of a palette image are its indices, if all files have the same color for the index of a
class: a program that makes PNG files smaller renumbers each palette in its own way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.data.image_files.derived_copies import write_copies
from fusebench.data.images import LabelMap
from fusebench.data.label_images.colors import RGB
from fusebench.data.label_images.opening import open_label_image
from fusebench.data.label_images.reading import read_colored_label_image, read_label_image
from fusebench.data.pairs import Split, build_columns
from fusebench.errors import UserError

NOTE_NAME = "label maps"
Palette = dict[int, tuple[RGB, Path]]  # id in the files to its color and the first file


@dataclass(frozen=True)
class LabelConversion:
    """How the values of label images become class ids; one of the two is empty.

    Attributes:
        ids: Id in the files to class id; 255 is unlabeled.
        colors: RGB color in the files to class id; 255 is unlabeled.
    """

    ids: Mapping[int, int] = field(default_factory=dict)
    colors: Mapping[RGB, int] = field(default_factory=dict)

    @property
    def rule(self) -> dict[str, Any]:
        """The conversion, JSON-ready."""
        return {"ids": sorted(self.ids.items()), "colors": sorted(self.colors.items())}


def convert_label_maps(split: Split, conversion: LabelConversion | None, root: Path) -> Split:
    """Replace the label maps of a split by files of class ids; those that are missing are written.

    Args:
        split: Pairs with label maps.
        conversion: How to convert them; None returns the split as it is.
        root: The data folder, where the copies are written.

    Raises:
        UserError: If a label map cannot be read, or has an id or a color that is not known.
    """
    if conversion is None:
        return split
    columns = build_columns(split.pairs)
    palette: Palette = {}
    sources = {
        key: Path(file)
        for key, file in zip(columns.keys, columns.label_maps, strict=True)
        if file is not None
    }
    copies = write_copies(
        sources,
        root,
        f"{split.dataset}-labels",
        conversion.rule,
        lambda path: read_converted(path, conversion, palette),
    )
    label_maps = tuple(str(copies[key]) if key in copies else None for key in columns.keys)
    kind = "colors" if conversion.colors else "ids"
    note = (NOTE_NAME, f"{kind} of the files were converted to class ids, as the task says")
    return replace(split, pairs=replace(columns, label_maps=label_maps), notes=(*split.notes, note))


def read_converted(
    path: Path, conversion: LabelConversion, palette: Palette | None = None
) -> LabelMap:
    """Read a label image as class ids, uint8 (H, W); 255 is unlabeled.

    Args:
        path: The label image.
        conversion: How to convert it.
        palette: Colors of the ids in the files read so far; updated. None: nothing is compared.

    Raises:
        UserError: If it is no label image, has an id or a color that is not known, or is a palette
            image in which an id has another color than in an earlier one.
    """
    if conversion.colors:
        return read_colored_label_image(path, conversion.colors)
    if palette is not None:
        _check_palette(path, conversion, palette)
    file_ids = read_label_image(path, trust_indices=True)
    present = np.unique(file_ids)
    unknown = [int(value) for value in present if int(value) not in conversion.ids]
    if unknown:
        count = int((file_ids == unknown[0]).sum())
        raise UserError(
            f"{path}: id {unknown[0]} ({count} pixels) is not in label_maps.ids "
            f"({', '.join(map(str, sorted(conversion.ids)))}); add it with the name of its class, "
            "or null for unlabeled"
        )
    table = np.zeros(256, np.uint8)
    for value, class_id in conversion.ids.items():
        table[value] = class_id
    class_ids: LabelMap = table[file_ids]
    return class_ids


def _check_palette(path: Path, conversion: LabelConversion, palette: Palette) -> None:
    if open_label_image(path, header_only=True)[0].mode != "P":
        return
    image, _ = open_label_image(path)
    entries = list(zip(*[iter(image.getpalette("RGB") or [])] * 3, strict=False))
    for index in conversion.ids:
        if index >= len(entries):
            continue
        color, other = palette.setdefault(index, (entries[index], path))
        if color != entries[index]:
            raise UserError(
                f"{path}: palette index {index} is RGB {entries[index]}, but {color} in {other}: "
                "indices that a program has renumbered are no ids. Name the classes by their "
                "colors: label_maps.colors in place of ids"
            )
