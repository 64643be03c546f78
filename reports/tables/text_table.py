"""Tables of formatted texts, the same on the page, in Markdown, LaTeX and the terminal."""

from dataclasses import dataclass

from reports.tables.comparison import BETTER_SINGLE_SENSOR

BY_CONDITION, ERRORS = "by-condition", "error-types"


@dataclass(frozen=True)
class TextRow:
    """One row of a text table.

    Attributes:
        label: Name of the row.
        remark: Printed smaller behind the name: kind of source, number of seeds.
        cells: (text, rank) per column; empty if the source has no record.
        uncertainty_texts: Interval or test result per column; empty without statistics.
        absence_label: Printed in every column in place of cells.
        letters: Groups of sources that are not shown to differ, beside the name; empty without.
    """

    label: str
    remark: str
    cells: tuple[tuple[str, int], ...]
    uncertainty_texts: tuple[str, ...] = ()
    absence_label: str = ""
    letters: str = ""


@dataclass(frozen=True)
class TextTable:
    """One table as printed.

    Attributes:
        title: Printed above the table.
        caption: Unit and direction.
        csv_file: File with its numbers, relative to the report.
        headers: (title, subtitle) per column.
        rows: One per source.
        difference_rows: One per fused source, preceded by the better single sensors.
        notes: Printed below the table.
        has_mean_column: Whether the last column is set apart as the mean.
        better_directions: ``higher`` or ``lower`` per column.
        subsection: `BY_CONDITION`, `ERRORS`, or empty for the comparison.
        header_groups: Titles above the headers, each with its number of columns.
        baseline_name: Baseline of the differences: the better or only single sensor.
        row_title: What the rows are, above their names.
    """

    title: str
    caption: str
    csv_file: str
    headers: tuple[tuple[str, str], ...]
    rows: tuple[TextRow, ...]
    difference_rows: tuple[TextRow, ...]
    notes: tuple[str, ...]
    has_mean_column: bool
    better_directions: tuple[str, ...] = ()
    subsection: str = ""
    header_groups: tuple[tuple[str, int], ...] = ()
    baseline_name: str = BETTER_SINGLE_SENSOR
    row_title: str = "source"

    @property
    def tex_file(self) -> str:
        """File with the table in LaTeX, relative to the report."""
        return f"{self.csv_file.removesuffix('.csv')}.tex"

    @property
    def short_headers(self) -> tuple[tuple[str, str], ...]:
        """Headers without the words of the title above them."""
        group_names = [name for name, count in self.header_groups for _ in range(count)]
        if not group_names:
            return self.headers
        return tuple(
            (title.removeprefix(f"{group} ").removesuffix(f" {group}"), subtitle)
            for (title, subtitle), group in zip(self.headers, group_names, strict=True)
        )
