"""Tables as they are read: texts in rows and columns, the same on the page and in a terminal."""

from dataclasses import dataclass

from reports.scores.comparison import BETTER_SINGLE

SLICES, ERRORS = "slices", "errors"


@dataclass(frozen=True)
class Printed:
    """One row as it is read.

    Attributes:
        remark: Behind the name, smaller: what kind of source, how many seeds.
        cells: (text, rank) per column; empty if the source has no record at all.
        sure: Per column how sure its number is, in words; empty where nothing is known.
        absence: What stands in every column instead of cells.
    """

    label: str
    remark: str
    cells: tuple[tuple[str, int], ...]
    sure: tuple[str, ...] = ()
    absence: str = ""


@dataclass(frozen=True)
class Grid:
    """One table as it is read.

    Attributes:
        file: Where its numbers are, relative to the report.
        rows: One per source.
        differences: One per fused source, preceded by which single sensor is better.
        better: Per column which way is better, ``higher`` or ``lower``.
        part: Which part of a chapter it belongs to: `SLICES`, `ERRORS`, or the comparison.
        versus: What the differences are to.
        groups: What stands above the heads, and above how many of them.
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
    part: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    versus: str = BETTER_SINGLE

    @property
    def tex(self) -> str:
        """Where the same table is for a paper."""
        return f"{self.file.removesuffix('.csv')}.tex"

    @property
    def under(self) -> tuple[tuple[str, str], ...]:
        """The heads without the words that stand above them."""
        above = [name for name, count in self.groups for _ in range(count)]
        if not above:
            return self.heads
        return tuple(
            (title.removeprefix(f"{name} ").removesuffix(f" {name}"), note)
            for (title, note), name in zip(self.heads, above, strict=True)
        )
