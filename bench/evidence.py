"""Which images a record was measured on: `images.csv` in its folder, a row per test image.

``group`` is the sequence an image belongs to, the unit of resampling, and ``scene`` its condition;
both are empty where they are not known.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.pairs import Split

NAME = "images.csv"
HEAD = ("key", "group", "scene")
VERSION = 1  # of the files beside a record from which statistics are made


@dataclass(frozen=True)
class Listed:
    """The images of a record, sorted by key.

    Attributes:
        groups: Per image; an image without one is a group of its own, named by its key.
        scenes: Per image; None where not known.
    """

    keys: tuple[str, ...]
    groups: tuple[str, ...]
    scenes: tuple[str | None, ...]


def write(folder: Path, split: Split) -> None:
    """Write `NAME` into the folder of a record."""
    with (folder / NAME).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEAD)
        rows.writerows((pair.key, pair.group, pair.scene or "") for pair in split.pairs)


def read(folder: Path) -> Listed:
    """What `write` wrote.

    Raises:
        BenchError: If it is not there or not of that form.
    """
    path = folder / NAME
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        if tuple(head) != HEAD or any(len(row) != len(HEAD) for row in rows):
            raise ValueError(f"expected the columns {', '.join(HEAD)}")
    except (OSError, ValueError) as fault:
        raise BenchError(
            f"{path}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return Listed(
        tuple(key for key, _, _ in rows),
        tuple(group or key for key, group, _ in rows),
        tuple(scene or None for _, _, scene in rows),
    )
