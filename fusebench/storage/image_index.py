"""Which images a record was measured on: `images.csv` in its folder, a row per test image.

``group`` is the sequence an image belongs to, the unit of resampling, and ``scene`` its condition;
both are empty where they are not known.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.pairs import Split
from fusebench.errors import UserError

FILE_NAME = "images.csv"
HEADER = ("key", "sequence", "condition")
VERSION = 1  # of the files beside a record from which statistics are made


@dataclass(frozen=True)
class ImageIndex:
    """The images of a record, sorted by key.

    Attributes:
        groups: Per image; an image without one is a group of its own, named by its key.
        scenes: Per image; None where not known.
    """

    keys: tuple[str, ...]
    sequences: tuple[str, ...]
    conditions: tuple[str | None, ...]


def write_image_index(folder: Path, split: Split) -> None:
    """Write `FILE_NAME` into the folder of a record."""
    with (folder / FILE_NAME).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        rows.writerows((pair.key, pair.sequence, pair.condition or "") for pair in split.pairs)


def read_image_index(folder: Path) -> ImageIndex:
    """What `write_image_index` wrote.

    Raises:
        UserError: If it is not there or not of that form.
    """
    path = folder / FILE_NAME
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        if tuple(head) != HEADER or any(len(row) != len(HEADER) for row in rows):
            raise ValueError(f"expected the columns {', '.join(HEADER)}")
    except (OSError, ValueError) as fault:
        raise UserError(
            f"{path}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return ImageIndex(
        tuple(key for key, _, _ in rows),
        tuple(group or key for key, group, _ in rows),
        tuple(scene or None for _, _, scene in rows),
    )
