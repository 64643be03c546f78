"""The tables that papers printed, as printed, and what is said of how they were made.

``published/NAME.csv`` holds the numbers: one row per method and metric, one column per class as the
paper heads it, and the mean. A further column that is named like a tag holds for its row alone.
``published/tables.yaml`` holds what all rows of a table share: source, classes, metrics, tags.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.config import yaml_loader
from fusebench.errors import UserError, format_validation_error

TABLES_FOLDER = Path(__file__).parents[1] / "published"
METADATA_FILE = "tables.yaml"
KEY_COLUMNS = ("method", "printed", "metric")
NOT_STATED = "not stated"
ANY_VALUE = "any"  # of a published table: whatever ours is, it changes nothing
CAMERA_IMAGES, SIMULATED_IMAGES = "cameras", "simulated"
COMMON_TAGS = ("kind", "dataset", "images", "protocol", "model", "class set", "split", "metric")
TAGS_BY_KIND = {
    "detection": (*COMMON_TAGS, "ap style"),
    "segmentation": (*COMMON_TAGS, "absent classes"),
}


class TableMetadata(BaseModel):
    """What ``tables.yaml`` says of one table.

    Attributes:
        by_eye: Whether the numbers were read by eye from a picture: a fault may be the reader's.
        classes: Printed column to the data set's class; none if only means are printed.
        metrics: Printed metric to our name of it.
        tags: As in `TAGS_BY_KIND`, but for the metric and the images; see `Row.tags`.
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
        """As a reader finds it."""
        return f"{self.paper}, {self.table}"


@dataclass(frozen=True)
class PublishedRow:
    """One method's numbers in one metric.

    Attributes:
        method: Name by which it is the same method in every table.
        printed: Name as printed.
        cells: Printed column to number as printed, None where the table has none.
        by_class: The same by the data set's classes.
        tags: How it was made, see `TAGS_BY_KIND`.
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
    """One table; ``name`` is its file's."""

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
    """Every table that the sidecar lists.

    Raises:
        UserError: If the sidecar or a table is damaged.
    """
    path = folder / METADATA_FILE
    document = yaml_loader.read_yaml(path)
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a mapping from the names of tables to their facts")
    found = []
    for name, said in document.items():
        try:
            head = TableMetadata.model_validate(said)
        except ValidationError as fault:
            raise UserError(format_validation_error(f"{path}: {name}", fault)) from None
        tags = _build_tags(head, f"{path}: {name}")
        found.append(
            PublishedTable(name, head, tuple(_read_rows(folder / f"{name}.csv", head, tags)))
        )
    return tuple(found)


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file by column.

    Raises:
        UserError: If it cannot be read, or a line has more or fewer cells than the first.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file, restkey="", restval=None))
    except (OSError, UnicodeDecodeError) as fault:
        raise UserError(f"{path}: cannot be read: {fault}") from None
    for number, line in enumerate(found, start=2):
        if "" in line or None in line.values():
            raise UserError(f"{path}: line {number}: expected as many cells as in line 1")
    return found


def find_tag_differences(
    ours: Mapping[str, str], theirs: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """The tags that do not agree, as (ours, theirs); nothing if rows belong side by side.

    What is not stated does not agree with anything, itself included: nobody knows whether it is
    the same. Nor do simulated images, whatever the other side says.
    """
    found = {}
    for tag in dict.fromkeys([*theirs, *ours]):
        mine, other = ours.get(tag, NOT_STATED), theirs.get(tag, NOT_STATED)
        same = mine.casefold() == other.casefold() and mine not in (NOT_STATED, SIMULATED_IMAGES)
        if not same and not (other == ANY_VALUE and mine != SIMULATED_IMAGES):
            found[tag] = (mine, other)
    return found


def parse_number(text: str, where: str) -> Decimal:
    """A number with the decimals it was printed with.

    Raises:
        UserError: If it is none.
    """
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite():
        raise UserError(f"{where}: {text!r} is no number; a cell is empty where none is printed")
    return found


def format_class_set(classes: Iterable[str]) -> str:
    """Classes as a tag, whatever their order."""
    return ", ".join(sorted(each.casefold() for each in classes))


def _build_tags(head: TableMetadata, where: str) -> dict[str, str]:
    """The tags of a table's rows, the metric apart."""
    known = TAGS_BY_KIND.get(head.tags.get("kind", ""))
    if known is None:
        raise UserError(f"{where}: tags.kind: expected {' or '.join(TAGS_BY_KIND)}")
    tags = {"images": CAMERA_IMAGES} | head.tags
    if head.classes and "class set" not in tags:
        tags["class set"] = format_class_set(head.classes.values())
    wrong = sorted(set(tags) ^ (set(known) - {"metric"}))
    if wrong:
        raise UserError(
            f"{where}: tags: {', '.join(wrong)} missing or unknown; expected "
            f"{', '.join(known)}, {NOT_STATED!r} where the source is silent"
        )
    return tags


def _read_rows(path: Path, head: TableMetadata, tags: Mapping[str, str]) -> list[PublishedRow]:
    found = []
    for number, line in enumerate(read_csv_rows(path), start=2):
        where = f"{path}: line {number}"
        expected = {*KEY_COLUMNS, *head.classes, "mean"}
        wrong = (expected - set(line)) | (set(line) - expected - set(tags) - {"remark"})
        if wrong or line["metric"] not in head.metrics:
            raise UserError(
                f"{where}: columns or metric do not fit {METADATA_FILE}: "
                f"{', '.join(sorted(wrong)) or line['metric']}"
            )
        own = {tag: line[tag] for tag in tags if tag in line}
        cells = {name: _parse_cell(line[name], where) for name in head.classes}
        found.append(
            PublishedRow(
                line["method"],
                line["printed"],
                line["metric"],
                cells,
                {head.classes[name]: cell for name, cell in cells.items()},
                _parse_cell(line["mean"], where),
                {**tags, **own, "metric": head.metrics[line["metric"]]},
                line.get("remark", ""),
            )
        )
    return found


def _parse_cell(text: str, where: str) -> Decimal | None:
    return parse_number(text, where) if text else None
