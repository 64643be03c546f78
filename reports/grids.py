"""Tables as they are read: texts in rows and columns, the same on the page and in a terminal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """One row as it is read.

    Attributes:
        remark: Behind the name, smaller: what kind of source, how many seeds.
        cells: (text, rank) per column; empty if the source has no record at all.
    """

    label: str
    remark: str
    cells: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Grid:
    """One table as it is read.

    Attributes:
        file: Where its numbers are, relative to the report.
        rows: One per source.
        differences: One per fused source, preceded by which single sensor is better.
        better: Per column which way is better, ``higher`` or ``lower``.
        slices: Whether its columns are parts of the test images (conditions).
    """

    title: str
    caption: str
    file: str
    heads: tuple[tuple[str, str], ...]  # (title, note)
    rows: tuple[Printed, ...]
    differences: tuple[Printed, ...]
    notes: tuple[str, ...]
    sums_up: bool  # the last column is set apart
    better: tuple[str, ...] = ()
    slices: bool = False

    @property
    def tex(self) -> str:
        """Where the same table is for a paper."""
        return f"{self.file.removesuffix('.csv')}.tex"
