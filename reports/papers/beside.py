"""Published rows in the report: beside our own where they were made alike, else apart, with why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from reports.papers import audits, published
from reports.papers.audit_rows import Finding
from reports.papers.published import CAMERAS, NOT_STATED, SIMULATED, Published, Row
from reports.records import protocol
from reports.records.results import Results
from reports.scores import wording

Apart = Mapping[str, tuple[str, str]]  # tag to (ours, theirs)

ALIKE = "Made as our rows were, as far as the tags say; ours stand above."
EACH = "as each row says"
OTHER_STYLE = re.compile(r"_yolov5$")
ABSENT = {"left out of the mean": "skip", "0 in the mean": "zero"}


@dataclass(frozen=True)
class Line:
    """One row as it is read.

    Attributes:
        tags: How it was made, see `published.TAGS`.
        marks: Numbers of the notes about it.
        ours: Whether it is one of this report's sources.
    """

    label: str
    remark: str
    cells: tuple[str, ...]
    tags: Mapping[str, str]
    marks: tuple[int, ...] = ()
    ours: bool = False


@dataclass(frozen=True)
class Part:
    """Published rows that were made alike, in one metric.

    Attributes:
        table: Name of the published table.
        metric: As it is printed there.
        classes: What the data set calls the columns, but for the last, the mean.
        alike: Whether they were made as our rows were, which then stand above them.
        reason: Why they stand apart; or on what they agree.
        about: What else is known of the table.
        notes: What the audit found: (number of the note or nothing, words).
    """

    table: str
    metric: str
    classes: tuple[str, ...]
    title: str
    alike: bool
    reason: str
    about: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[tuple[str, str], ...]


def of(results: Results) -> tuple[Part, ...]:
    """The published tables on a task's data set, those that agree with ours first."""
    if not results.records:
        return ()
    tables, found = _audited()
    return parts(results, tables, found)


def parts(
    results: Results, tables: Iterable[Published], found: Sequence[Finding]
) -> tuple[Part, ...]:
    """The same from given tables and what the audit found in them."""
    made = []
    mine = {metric: ours(results, metric) for metric in results.columns or [NOT_STATED]}
    for table in tables:
        said = table.head.tags
        if (said["kind"], said["dataset"]) != (results.kind, results.dataset):
            continue
        about = [finding for finding in found if finding.table == table.name]
        for rows in table.by_metric.values():
            compared = {row.method: nearest(mine, row) for row in rows}
            for alike in (True, False):
                chosen = [row for row in rows if alike is not bool(compared[row.method][1])]
                if chosen:
                    made.append(_part(results, table, chosen, compared, about))
    return tuple(sorted(made, key=lambda part: not part.alike))


def ours(results: Results, metric: str) -> dict[str, str]:
    """The tags of a task's own rows in one of its metrics."""
    facts = protocol.of(results).common
    name = OTHER_STYLE.sub("", metric)
    tags = {
        "kind": results.kind,
        "dataset": results.dataset,
        "images": SIMULATED if results.simulated else CAMERAS,
        "protocol": facts.get("protocol", NOT_STATED),
        "model": facts.get("model", NOT_STATED),
        "split": facts.get("split", NOT_STATED),
        "metric": name,
    }
    if results.kind == "detection":
        style = "coco" if name == metric else "yolov5"
        return tags | {"class set": published.class_set(results.classes), "ap style": style}
    absent = facts.get("absent classes", "")
    chosen = facts.get("class set", NOT_STATED).partition(" (")[0]
    return tags | {"class set": chosen, "absent classes": ABSENT.get(absent, NOT_STATED)}


def nearest(mine: Mapping[str, Mapping[str, str]], row: Row) -> tuple[str, Apart]:
    """Which of our metrics, by their tags, differs least from a published row, and in which."""
    compared = {metric: published.differing(tags, row.tags) for metric, tags in mine.items()}
    metric = min(compared, key=lambda name: len(compared[name]))
    return metric, compared[metric]


def why(apart: Apart) -> str:
    """The tags that do not agree, in words."""
    stated = {tag: pair for tag, pair in apart.items() if NOT_STATED not in pair}
    said = []
    if stated:
        words = [f"{tag}: {mine} here, {other} there" for tag, (mine, other) in stated.items()]
        said.append(f"Not beside our rows, because they were made otherwise. {'; '.join(words)}.")
    elif apart:
        said.append("Not beside our rows, because nobody can tell whether they were made alike.")
    else:
        said.append("Not beside our rows, for what each row says.")
    silent = [tag for tag, (_, other) in apart.items() if other == NOT_STATED]
    if silent:
        said.append(f"Not stated there: {', '.join(silent)}.")
    unknown = [tag for tag, (mine, other) in apart.items() if mine == NOT_STATED != other]
    if unknown:
        said.append(f"Not the same in all of our rows, or not recorded: {', '.join(unknown)}.")
    return " ".join(said)


@cache
def _audited() -> tuple[tuple[Published, ...], tuple[Finding, ...]]:
    tables = published.read()
    return tables, tuple(audits.findings(tables))


def _part(
    results: Results,
    table: Published,
    rows: Sequence[Row],
    compared: Mapping[str, tuple[str, Apart]],
    found: Sequence[Finding],
) -> Part:
    """Rows of one metric that all agree with ours, or all do not."""
    metric, first = compared[rows[0].method]
    shared = _shared([compared[row.method][1] for row in rows])
    mine = [f for f in found if f.metric in ("", rows[0].metric)]
    numbered = [f for f in mine if f.method in {row.method for row in rows}]
    lines = [_theirs(row, numbered, compared[row.method][1], shared) for row in rows]
    if not first:
        lines = [*_own(results, metric, rows), *lines]
    eye = " (read by eye)" if table.head.by_eye else ""
    return Part(
        table=table.name,
        metric=rows[0].metric,
        classes=tuple(rows[0].by_class),
        title=f"{table.head.title}: {rows[0].metric}{eye}",
        alike=not first,
        reason=why(shared) if first else ALIKE,
        about=table.head.note,
        heads=(*rows[0].cells, "mean"),
        lines=tuple(lines),
        notes=(
            *((str(i), f.said) for i, f in enumerate(numbered, start=1)),
            *(("", f.said) for f in mine if not f.method),
        ),
    )


def _shared(rows: Sequence[Apart]) -> dict[str, tuple[str, str]]:
    """The tags in which every row differs from ours, and how if they all differ alike."""
    found = {}
    for tag, (mine, other) in rows[0].items():
        others = {row[tag][1] for row in rows if tag in row}
        if all(tag in row for row in rows) and (len(others) == 1 or NOT_STATED not in others):
            found[tag] = (mine, other if len(others) == 1 else EACH)
    return found


def _theirs(row: Row, numbered: Sequence[Finding], apart: Apart, shared: Apart) -> Line:
    """A published row; what only it has otherwise than ours stands in its remark."""
    cells = tuple(_text(cell) for cell in (*row.cells.values(), row.mean))
    marks = tuple(i for i, f in enumerate(numbered, start=1) if f.method == row.method)
    own = [f"{tag}: {pair[1]}" for tag, pair in apart.items() if shared.get(tag) != pair]
    remark = "; ".join([*own, *([row.remark] if row.remark else [])])
    return Line(row.method, remark, cells, row.tags, marks)


def _own(results: Results, metric: str, rows: Sequence[Row]) -> list[Line]:
    """Our sources in the published columns, scale and decimals."""
    shown = [n for row in rows for n in (*row.cells.values(), row.mean) if n is not None]
    scale = 100 if any(number > 1 for number in shown) else 1
    decimals = max((-int(number.as_tuple().exponent) for number in shown), default=1)
    names = {name.casefold(): name for name in results.classes}
    tags = ours(results, metric)
    found = []
    for row in results.rows:
        if not row.records:
            continue
        scores = [
            [
                *(
                    record.by_class.get(names.get(each.casefold(), ""), {}).get(metric)
                    for each in rows[0].by_class
                ),
                record.values.get(metric),
            ]
            for record in row.records
        ]
        cells = tuple(_average(column, scale, decimals) for column in zip(*scores, strict=True))
        found.append(Line(row.source, "this report", cells, tags, ours=True))
    return found


def _average(scores: Sequence[float | None], scale: int, decimals: int) -> str:
    known = [score for score in scores if score is not None]
    return f"{sum(known) / len(known) * scale:.{decimals}f}" if known else wording.UNDEFINED


def _text(cell: Decimal | None) -> str:
    return wording.UNDEFINED if cell is None else str(cell)
