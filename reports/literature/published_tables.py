"""Published tables: the printed numbers and, as far as stated, the protocol behind them.

``published/NAME.csv`` has the numbers: one row per method and metric, one column per class with the
paper's header, and the mean. A further column that has the name of a tag applies to its row only.
``published/tables.yaml`` has the metadata of each table: source, classes, metrics, tags.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.errors import UserError, format_validation_error
from fusebench.runtime.reading.text_files import read_text
from fusebench.runtime.reading.yaml_text import read_yaml

TABLES_FOLDER = Path(__file__).parents[1] / "published"
METADATA_FILE = "tables.yaml"
MAX_BYTES = 10_000_000  # of a table
KEY_COLUMNS = ("method", "printed", "metric")
NOT_STATED = "not stated"
ANY_VALUE = "any"  # of a published table: agrees with every value of ours
CAMERA_IMAGES, SIMULATED_IMAGES = "cameras", "simulated"
COMMON_TAGS = ("kind", "dataset", "images", "protocol", "model", "class set", "split", "metric")
TAGS_BY_KIND = {
    "detection": (*COMMON_TAGS, "ap style"),
    "segmentation": (*COMMON_TAGS, "absent classes"),
}


class TableMetadata(BaseModel):
    """Metadata of one table, an entry of ``tables.yaml``.

    Attributes:
        paper: Name of the paper.
        table: Number of the table in the paper.
        by_eye: Whether the numbers were read by eye from an image: an error may be the reader's.
        note: Printed below the table.
        classes: Printed column to the data set's class; empty if only means are printed.
        metrics: Printed metric to our name of it.
        tags: As in `TAGS_BY_KIND`, without metric and images; see `PublishedRow.tags`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: str
    table: str
    by_eye: bool
    note: str = ""
    classes: dict[str, str]
    metrics: dict[str, str]
    tags: dict[str, str]

    @property
    def title(self) -> str:
        """Paper and table."""
        return f"{self.paper}, {self.table}"


@dataclass(frozen=True)
class PublishedRow:
    """Numbers of one method in one metric.

    Attributes:
        method: Name of the method, the same in every table.
        printed_name: Name as printed.
        metric: Name as printed.
        cells: Printed column to number as printed; None where the table has none.
        by_class: The same by the data set's classes.
        mean: As printed.
        tags: How the numbers were made, see `TAGS_BY_KIND`.
        remark: About this row.
    """

    method: str
    printed_name: str
    metric: str
    cells: Mapping[str, Decimal | None]
    by_class: Mapping[str, Decimal | None]
    mean: Decimal | None
    tags: Mapping[str, str]
    remark: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """One table; ``name`` is that of its CSV file without the suffix."""

    name: str
    metadata: TableMetadata
    rows: tuple[PublishedRow, ...] = field(repr=False)

    @property
    def rows_by_metric(self) -> dict[str, tuple[PublishedRow, ...]]:
        """The rows of each printed metric, in the order of the file."""
        return {
            metric: tuple(row for row in self.rows if row.metric == metric)
            for metric in self.metadata.metrics
        }


def read_tables(folder: Path = TABLES_FOLDER) -> tuple[PublishedTable, ...]:
    """Read every table that `METADATA_FILE` lists.

    Raises:
        UserError: If a file cannot be read or has errors.
    """
    path = folder / METADATA_FILE
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a mapping from the names of tables to their metadata")
    tables = []
    for name, entry in document.items():
        try:
            metadata = TableMetadata.model_validate(entry)
        except ValidationError as error:
            raise UserError(format_validation_error(f"{path}: {name}", error)) from None
        tags = _build_tags(metadata, f"{path}: {name}")
        rows = _read_rows(folder / f"{name}.csv", metadata, tags)
        tables.append(PublishedTable(name, metadata, tuple(rows)))
    return tuple(tables)


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file, {column: cell}.

    Raises:
        UserError: If it cannot be read, or a line has more or fewer cells than the first.
    """
    try:
        text = io.StringIO(read_text(path, MAX_BYTES), newline="")
        rows = list(csv.DictReader(text, restkey="", restval=None))
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read as CSV: {error}") from None
    for number, row in enumerate(rows, start=2):
        if "" in row or None in row.values():
            raise UserError(f"{path}: line {number}: expected as many cells as in line 1")
    return rows


def find_tag_differences(
    ours: Mapping[str, str], published: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Find the tags that differ; the rows are comparable if there are none.

    "Not stated" differs from every value, including itself, because equality cannot be verified.
    Simulated images also differ from every value.

    Returns:
        Tag to (our value, published value).
    """
    differences = {}
    for tag in dict.fromkeys([*published, *ours]):
        our_value = ours.get(tag, NOT_STATED)
        published_value = published.get(tag, NOT_STATED)
        is_same = our_value.casefold() == published_value.casefold() and our_value not in (
            NOT_STATED,
            SIMULATED_IMAGES,
        )
        accepts_any = published_value == ANY_VALUE and our_value != SIMULATED_IMAGES
        if not is_same and not accepts_any:
            differences[tag] = (our_value, published_value)
    return differences


def parse_number(text: str, context: str) -> Decimal:
    """Parse a number, keeping its printed decimals.

    Args:
        text: The number.
        context: File and line, for the error message.

    Raises:
        UserError: If it is not a finite number.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise UserError(
            f"{context}: {text!r} is not a number; leave the cell empty where none is printed"
        )
    return number


def format_class_set(classes: Iterable[str]) -> str:
    """Format a set of classes as a tag that does not depend on their order."""
    return ", ".join(sorted(name.casefold() for name in classes))


def _build_tags(metadata: TableMetadata, context: str) -> dict[str, str]:
    """Build the tags that all rows of a table share, without the metric."""
    expected = TAGS_BY_KIND.get(metadata.tags.get("kind", ""))
    if expected is None:
        raise UserError(f"{context}: tags.kind: expected {' or '.join(TAGS_BY_KIND)}")
    tags = {"images": CAMERA_IMAGES} | metadata.tags
    if metadata.classes and "class set" not in tags:
        tags["class set"] = format_class_set(metadata.classes.values())
    wrong = sorted(set(tags) ^ (set(expected) - {"metric"}))
    if wrong:
        raise UserError(
            f"{context}: tags: {', '.join(wrong)} missing or unknown; expected "
            f"{', '.join(expected)}, {NOT_STATED!r} where the source does not state it"
        )
    return tags


def _read_rows(path: Path, metadata: TableMetadata, tags: Mapping[str, str]) -> list[PublishedRow]:
    rows = []
    for number, line in enumerate(read_csv_rows(path), start=2):
        context = f"{path}: line {number}"
        expected = {*KEY_COLUMNS, *metadata.classes, "mean"}
        wrong = (expected - set(line)) | (set(line) - expected - set(tags) - {"remark"})
        if wrong or line["metric"] not in metadata.metrics:
            raise UserError(
                f"{context}: columns or metric do not match {METADATA_FILE}: "
                f"{', '.join(sorted(wrong)) or line['metric']}"
            )
        row_tags = {tag: line[tag] for tag in tags if tag in line}
        cells = {name: _parse_cell(line[name], context) for name in metadata.classes}
        rows.append(
            PublishedRow(
                method=line["method"],
                printed_name=line["printed"],
                metric=line["metric"],
                cells=cells,
                by_class={metadata.classes[name]: cell for name, cell in cells.items()},
                mean=_parse_cell(line["mean"], context),
                tags={**tags, **row_tags, "metric": metadata.metrics[line["metric"]]},
                remark=line.get("remark", ""),
            )
        )
    return rows


def _parse_cell(text: str, context: str) -> Decimal | None:
    return parse_number(text, context) if text else None
