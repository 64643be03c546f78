"""Published rows in the report: beside our own where they were made alike, else apart, with why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from reports.literature import published_tables, run_audits
from reports.literature.audit_rows import Finding
from reports.literature.published_tables import (
    CAMERA_IMAGES,
    NOT_STATED,
    SIMULATED_IMAGES,
    PublishedRow,
    PublishedTable,
)
from reports.results import protocol
from reports.results.task_results import TaskResults
from reports.tables import result_text

TagDifferences = Mapping[str, tuple[str, str]]  # tag to (ours, theirs)

COMPARABLE_REASON = "Made as our rows were, as far as the tags say; ours stand above."
STATED_PER_ROW = "as each row says"
YOLOV5_SUFFIX = re.compile(r"_yolov5$")
ABSENT_CLASS_RULES = {"left out of the mean": "skip", "0 in the mean": "zero"}


@dataclass(frozen=True)
class PublishedComparisonRow:
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
    note_numbers: tuple[int, ...] = ()
    is_own_result: bool = False


@dataclass(frozen=True)
class PublishedComparison:
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
    is_comparable: bool
    reason: str
    table_note: str
    headers: tuple[str, ...]
    rows: tuple[PublishedComparisonRow, ...]
    audit_notes: tuple[tuple[str, str], ...]


def compare_with_published(results: TaskResults) -> tuple[PublishedComparison, ...]:
    """The published tables on a task's data set, those that agree with ours first."""
    if not results.records:
        return ()
    tables, found = _read_audited_tables()
    return build_comparisons(results, tables, found)


def build_comparisons(
    results: TaskResults, tables: Iterable[PublishedTable], found: Sequence[Finding]
) -> tuple[PublishedComparison, ...]:
    """The same from given tables and what the audit found in them."""
    made = []
    mine = {metric: build_own_tags(results, metric) for metric in results.columns or [NOT_STATED]}
    for table in tables:
        said = table.metadata.tags
        if (said["kind"], said["dataset"]) != (results.kind, results.dataset):
            continue
        about = [finding for finding in found if finding.table == table.name]
        for rows in table.rows_by_metric.values():
            compared = {row.method: find_closest_metric(mine, row) for row in rows}
            for alike in (True, False):
                chosen = [row for row in rows if alike is not bool(compared[row.method][1])]
                if chosen:
                    made.append(_build_comparison(results, table, chosen, compared, about))
    return tuple(sorted(made, key=lambda part: not part.is_comparable))


def build_own_tags(results: TaskResults, metric: str) -> dict[str, str]:
    """The tags of a task's own rows in one of its metrics."""
    facts = protocol.collect_protocol(results).common_facts
    name = YOLOV5_SUFFIX.sub("", metric)
    tags = {
        "kind": results.kind,
        "dataset": results.dataset,
        "images": SIMULATED_IMAGES if results.is_simulated else CAMERA_IMAGES,
        "protocol": facts.get("protocol", NOT_STATED),
        "model": facts.get("model", NOT_STATED),
        "split": facts.get("split", NOT_STATED),
        "metric": name,
    }
    if results.kind == "detection":
        style = "coco" if name == metric else "yolov5"
        return tags | {
            "class set": published_tables.format_class_set(results.classes),
            "ap style": style,
        }
    absent = facts.get("absent classes", "")
    chosen = facts.get("class set", NOT_STATED).partition(" (")[0]
    return tags | {
        "class set": chosen,
        "absent classes": ABSENT_CLASS_RULES.get(absent, NOT_STATED),
    }


def find_closest_metric(
    mine: Mapping[str, Mapping[str, str]], row: PublishedRow
) -> tuple[str, TagDifferences]:
    """Which of our metrics, by their tags, differs least from a published row, and in which."""
    compared = {
        metric: published_tables.find_tag_differences(tags, row.tags)
        for metric, tags in mine.items()
    }
    metric = min(compared, key=lambda name: len(compared[name]))
    return metric, compared[metric]


def format_reason(apart: TagDifferences) -> str:
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
def _read_audited_tables() -> tuple[tuple[PublishedTable, ...], tuple[Finding, ...]]:
    tables = published_tables.read_tables()
    return tables, tuple(run_audits.collect_findings(tables))


def _build_comparison(
    results: TaskResults,
    table: PublishedTable,
    rows: Sequence[PublishedRow],
    compared: Mapping[str, tuple[str, TagDifferences]],
    found: Sequence[Finding],
) -> PublishedComparison:
    """Rows of one metric that all agree with ours, or all do not."""
    metric, first = compared[rows[0].method]
    shared = _find_common_differences([compared[row.method][1] for row in rows])
    mine = [f for f in found if f.metric in ("", rows[0].metric)]
    numbered = [f for f in mine if f.method in {row.method for row in rows}]
    lines = [_build_published_row(row, numbered, compared[row.method][1], shared) for row in rows]
    if not first:
        lines = [*_build_own_rows(results, metric, rows), *lines]
    eye = " (read by eye)" if table.metadata.by_eye else ""
    return PublishedComparison(
        table=table.name,
        metric=rows[0].metric,
        classes=tuple(rows[0].by_class),
        title=f"{table.metadata.title}: {rows[0].metric}{eye}",
        is_comparable=not first,
        reason=format_reason(shared) if first else COMPARABLE_REASON,
        table_note=table.metadata.note,
        headers=(*rows[0].cells, "mean"),
        rows=tuple(lines),
        audit_notes=(
            *((str(i), f.message) for i, f in enumerate(numbered, start=1)),
            *(("", f.message) for f in mine if not f.method),
        ),
    )


def _find_common_differences(rows: Sequence[TagDifferences]) -> dict[str, tuple[str, str]]:
    """The tags in which every row differs from ours, and how if they all differ alike."""
    found = {}
    for tag, (mine, other) in rows[0].items():
        others = {row[tag][1] for row in rows if tag in row}
        if all(tag in row for row in rows) and (len(others) == 1 or NOT_STATED not in others):
            found[tag] = (mine, other if len(others) == 1 else STATED_PER_ROW)
    return found


def _build_published_row(
    row: PublishedRow, numbered: Sequence[Finding], apart: TagDifferences, shared: TagDifferences
) -> PublishedComparisonRow:
    """A published row; what only it has otherwise than ours stands in its remark."""
    cells = tuple(_format_cell(cell) for cell in (*row.cells.values(), row.mean))
    marks = tuple(i for i, f in enumerate(numbered, start=1) if f.method == row.method)
    own = [f"{tag}: {pair[1]}" for tag, pair in apart.items() if shared.get(tag) != pair]
    remark = "; ".join([*own, *([row.remark] if row.remark else [])])
    return PublishedComparisonRow(row.method, remark, cells, row.tags, marks)


def _build_own_rows(
    results: TaskResults, metric: str, rows: Sequence[PublishedRow]
) -> list[PublishedComparisonRow]:
    """Our sources in the published columns, scale and decimals."""
    shown = [n for row in rows for n in (*row.cells.values(), row.mean) if n is not None]
    scale = 100 if any(number > 1 for number in shown) else 1
    decimals = max((-int(number.as_tuple().exponent) for number in shown), default=1)
    names = {name.casefold(): name for name in results.classes}
    tags = build_own_tags(results, metric)
    found = []
    for row in results.sources:
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
        cells = tuple(_format_mean(column, scale, decimals) for column in zip(*scores, strict=True))
        found.append(
            PublishedComparisonRow(row.source_name, "this report", cells, tags, is_own_result=True)
        )
    return found


def _format_mean(scores: Sequence[float | None], scale: int, decimals: int) -> str:
    known = [score for score in scores if score is not None]
    return f"{sum(known) / len(known) * scale:.{decimals}f}" if known else result_text.UNDEFINED


def _format_cell(cell: Decimal | None) -> str:
    return result_text.UNDEFINED if cell is None else str(cell)
