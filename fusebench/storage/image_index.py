"""Index of the test images of a record: ``images.csv`` in its folder, one row per image.

``sequence`` is the sequence an image belongs to, the unit of resampling, and ``condition`` its
condition; both are empty where they are not known.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.runtime import command_name

FILE_NAME = "images.csv"
HEADER = ("key", "sequence", "condition")
VERSION = 1  # of the files beside a record from which statistics are computed


@dataclass(frozen=True)
class ImageIndex:
    """Test images of a record, sorted by key.

    Attributes:
        keys: Key of each image.
        sequences: Sequence of each image; an image of unknown sequence is a sequence of its own,
            named after its key.
        conditions: Condition of each image; None if unknown.
    """

    keys: tuple[str, ...]
    sequences: tuple[str, ...]
    conditions: tuple[str | None, ...]


def write_image_index(folder: Path, split: Split) -> None:
    """Write the image index of a split into the folder of a record."""
    with (folder / FILE_NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows((pair.key, pair.sequence, pair.condition or "") for pair in split.pairs)


def read_image_index(folder: Path) -> ImageIndex:
    """Read what `write_image_index` wrote.

    Raises:
        UserError: If the file is missing or has another format.
    """
    path = folder / FILE_NAME
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        if tuple(header) != HEADER or any(len(row) != len(HEADER) for row in rows):
            raise ValueError(f"expected the columns {', '.join(HEADER)}")
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(
            f"{path}: cannot be read ({error}); {command_name.format_repair_advice(path.parent)}"
        ) from None
    return ImageIndex(
        tuple(key for key, _, _ in rows),
        tuple(sequence or key for key, sequence, _ in rows),
        tuple(condition or None for _, _, condition in rows),
    )
