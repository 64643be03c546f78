"""Tables as they are read: texts in rows and columns, the same on the page and in a terminal."""

from dataclasses import dataclass

from reports.tables.comparison import BETTER_SINGLE_SENSOR

BY_CONDITION, ERRORS = "by-condition", "error-types"


@dataclass(frozen=True)
class TextRow:
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
    uncertainty_texts: tuple[str, ...] = ()
    absence_label: str = ""


@dataclass(frozen=True)
class TextTable:
    """One table as it is read.

    Attributes:
        file: Where its numbers are, relative to the report.
        rows: One per source.
        differences: One per fused source, preceded by which single sensor is better.
        better: Per column which way is better, ``higher`` or ``lower``.
        part: Which part of a chapter it belongs to: `BY_CONDITION`, `ERRORS`, or the comparison.
        versus: What the differences are to.
        groups: What stands above the heads, and above how many of them.
    """

    title: str
    caption: str
    csv_file: str
    headers: tuple[tuple[str, str], ...]  # (title, note)
    rows: tuple[TextRow, ...]
    difference_rows: tuple[TextRow, ...]
    notes: tuple[str, ...]
    has_mean_column: bool  # the last column is set apart
    better_directions: tuple[str, ...] = ()
    subsection: str = ""
    header_groups: tuple[tuple[str, int], ...] = ()
    baseline_name: str = BETTER_SINGLE_SENSOR

    @property
    def tex_file(self) -> str:
        """Where the same table is for a paper."""
        return f"{self.csv_file.removesuffix('.csv')}.tex"

    @property
    def short_headers(self) -> tuple[tuple[str, str], ...]:
        """The heads without the words that stand above them."""
        above = [name for name, count in self.header_groups for _ in range(count)]
        if not above:
            return self.headers
        return tuple(
            (title.removeprefix(f"{name} ").removesuffix(f" {name}"), note)
            for (title, note), name in zip(self.headers, above, strict=True)
        )
