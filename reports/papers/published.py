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

from bench import yaml_files
from bench.errors import BenchError, lines

FOLDER = Path(__file__).parents[1] / "published"
SIDECAR = "tables.yaml"
COLUMNS = ("method", "printed", "metric")
NOT_STATED = "not stated"
ANY = "any"  # of a published table: whatever ours is, it changes nothing
CAMERAS, SIMULATED = "cameras", "simulated"
SHARED = ("kind", "dataset", "images", "protocol", "model", "class set", "split", "metric")
TAGS = {"detection": (*SHARED, "ap style"), "segmentation": (*SHARED, "absent classes")}


class Head(BaseModel):
    """What ``tables.yaml`` says of one table.

    Attributes:
        by_eye: Whether the numbers were read by eye from a picture: a fault may be the reader's.
        classes: Printed column to the data set's class; none if only means are printed.
        metrics: Printed metric to our name of it.
        tags: As in `TAGS`, but for the metric and the images; see `Row.tags`.
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
class Row:
    """One method's numbers in one metric.

    Attributes:
        method: Name by which it is the same method in every table.
        printed: Name as printed.
        cells: Printed column to number as printed, None where the table has none.
        by_class: The same by the data set's classes.
        tags: How it was made, see `TAGS`.
    """

    method: str
    printed: str
    metric: str
    cells: Mapping[str, Decimal | None]
    by_class: Mapping[str, Decimal | None]
    mean: Decimal | None
    tags: Mapping[str, str]
    remark: str = ""


@dataclass(frozen=True)
class Published:
    """One table; ``name`` is its file's."""

    name: str
    head: Head
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def by_metric(self) -> dict[str, tuple[Row, ...]]:
        """The rows of each printed metric, in the order of the file."""
        return {
            metric: tuple(row for row in self.rows if row.metric == metric)
            for metric in self.head.metrics
        }


def read(folder: Path = FOLDER) -> tuple[Published, ...]:
    """Every table that the sidecar lists.

    Raises:
        BenchError: If the sidecar or a table is damaged.
    """
    path = folder / SIDECAR
    document = yaml_files.read(path)
    if not isinstance(document, dict):
        raise BenchError(f"{path}: expected a mapping from the names of tables to their facts")
    found = []
    for name, said in document.items():
        try:
            head = Head.model_validate(said)
        except ValidationError as fault:
            raise BenchError(lines(f"{path}: {name}", fault)) from None
        tags = _tags(head, f"{path}: {name}")
        found.append(Published(name, head, tuple(_rows(folder / f"{name}.csv", head, tags))))
    return tuple(found)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file by column.

    Raises:
        BenchError: If it cannot be read, or a line has more or fewer cells than the first.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file, restkey="", restval=None))
    except (OSError, UnicodeDecodeError) as fault:
        raise BenchError(f"{path}: cannot be read: {fault}") from None
    for number, line in enumerate(found, start=2):
        if "" in line or None in line.values():
            raise BenchError(f"{path}: line {number}: expected as many cells as in line 1")
    return found


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The tags that do not agree, as (ours, theirs); nothing if rows belong side by side.

    What is not stated does not agree with anything, itself included: nobody knows whether it is
    the same. Nor do simulated images, whatever the other side says.
    """
    found = {}
    for tag in dict.fromkeys([*theirs, *ours]):
        mine, other = ours.get(tag, NOT_STATED), theirs.get(tag, NOT_STATED)
        same = mine.casefold() == other.casefold() and mine not in (NOT_STATED, SIMULATED)
        if not same and not (other == ANY and mine != SIMULATED):
            found[tag] = (mine, other)
    return found


def number(text: str, where: str) -> Decimal:
    """A number with the decimals it was printed with.

    Raises:
        BenchError: If it is none.
    """
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite():
        raise BenchError(f"{where}: {text!r} is no number; a cell is empty where none is printed")
    return found


def class_set(classes: Iterable[str]) -> str:
    """Classes as a tag, whatever their order."""
    return ", ".join(sorted(each.casefold() for each in classes))


def _tags(head: Head, where: str) -> dict[str, str]:
    """The tags of a table's rows, the metric apart."""
    known = TAGS.get(head.tags.get("kind", ""))
    if known is None:
        raise BenchError(f"{where}: tags.kind: expected {' or '.join(TAGS)}")
    tags = {"images": CAMERAS} | head.tags
    if head.classes and "class set" not in tags:
        tags["class set"] = class_set(head.classes.values())
    wrong = sorted(set(tags) ^ (set(known) - {"metric"}))
    if wrong:
        raise BenchError(
            f"{where}: tags: {', '.join(wrong)} missing or unknown; expected "
            f"{', '.join(known)}, {NOT_STATED!r} where the source is silent"
        )
    return tags


def _rows(path: Path, head: Head, tags: Mapping[str, str]) -> list[Row]:
    found = []
    for number, line in enumerate(rows_of(path), start=2):
        where = f"{path}: line {number}"
        expected = {*COLUMNS, *head.classes, "mean"}
        wrong = (expected - set(line)) | (set(line) - expected - set(tags) - {"remark"})
        if wrong or line["metric"] not in head.metrics:
            raise BenchError(
                f"{where}: columns or metric do not fit {SIDECAR}: "
                f"{', '.join(sorted(wrong)) or line['metric']}"
            )
        own = {tag: line[tag] for tag in tags if tag in line}
        cells = {name: _cell(line[name], where) for name in head.classes}
        found.append(
            Row(
                line["method"],
                line["printed"],
                line["metric"],
                cells,
                {head.classes[name]: cell for name, cell in cells.items()},
                _cell(line["mean"], where),
                {**tags, **own, "metric": head.metrics[line["metric"]]},
                line.get("remark", ""),
            )
        )
    return found


def _cell(text: str, where: str) -> Decimal | None:
    return number(text, where) if text else None
