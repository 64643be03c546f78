"""Published results in the report: below ours if comparable, else separate with the reason."""

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
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import result_text

TagDifferences = Mapping[str, tuple[str, str]]  # tag to (our value, published value)

COMPARABLE_REASON = "The protocol tags agree with ours; our rows are first."
STATED_PER_ROW = "as each row states"
YOLOV5_SUFFIX = re.compile(r"_yolov5$")
ABSENT_CLASS_RULES = {"left out of the mean": "skip", "0 in the mean": "zero"}


@dataclass(frozen=True)
class PublishedComparisonRow:
    """One row as text.

    Attributes:
        label: Name of the method or source.
        remark: About this row, e.g. tags in which it differs from the others.
        cells: Scores with the printed decimals.
        tags: How it was made, see `published_tables.TAGS_BY_KIND`.
        note_numbers: Numbers of the audit notes about it.
        is_own_result: Whether it is a source of this report.
    """

    label: str
    remark: str
    cells: tuple[str, ...]
    tags: Mapping[str, str]
    note_numbers: tuple[int, ...] = ()
    is_own_result: bool = False


@dataclass(frozen=True)
class PublishedComparison:
    """Published rows of one metric that are all comparable with ours, or all not.

    Attributes:
        table: Name of the published table.
        metric: As printed there.
        classes: The data set's names of the columns, without the last one, the mean.
        title: Paper, table and metric.
        is_comparable: Whether the tags agree with ours; our rows are then included.
        reason: Why the rows are comparable or not.
        table_note: Note of the published table.
        headers: Of the columns, as printed.
        rows: Ours first.
        audit_notes: (number of the note or empty, message) of the audit's findings.
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
    """Compare a task with all published tables on its data set, comparable ones first."""
    if not results.records:
        return ()
    tables, findings = _read_audited_tables()
    return build_comparisons(results, tables, findings)


def build_comparisons(
    results: TaskResults, tables: Iterable[PublishedTable], findings: Sequence[Finding]
) -> tuple[PublishedComparison, ...]:
    """Compare a task with given tables.

    Args:
        results: Records of the task.
        tables: Published tables; those on other data sets or of another kind are left out.
        findings: Findings of the audit in these tables.
    """
    comparisons = []
    own_tags = {
        metric: build_own_tags(results, metric) for metric in results.columns or [NOT_STATED]
    }
    for table in tables:
        tags = table.metadata.tags
        if (tags["kind"], tags["dataset"]) != (results.kind, results.dataset):
            continue
        table_findings = [finding for finding in findings if finding.table == table.name]
        for rows in table.rows_by_metric.values():
            closest = {row.method: find_closest_metric(own_tags, row) for row in rows}
            comparable = [row for row in rows if not closest[row.method][1]]
            others = [row for row in rows if closest[row.method][1]]
            comparisons += [
                _build_comparison(results, table, group, closest, table_findings)
                for group in (comparable, others)
                if group
            ]
    return tuple(sorted(comparisons, key=lambda comparison: not comparison.is_comparable))


def build_own_tags(results: TaskResults, metric: str) -> dict[str, str]:
    """Build the tags of a task's own rows in one of its metrics."""
    facts = protocol.collect_protocol(results).common_facts
    metric_name = YOLOV5_SUFFIX.sub("", metric)
    tags = {
        "kind": results.kind,
        "dataset": results.dataset,
        "images": SIMULATED_IMAGES if results.is_simulated else CAMERA_IMAGES,
        "protocol": facts.get("protocol", NOT_STATED),
        "model": facts.get("model", NOT_STATED),
        "split": facts.get("split", NOT_STATED),
        "metric": metric_name,
    }
    if results.kind == "detection":
        return tags | {
            "class set": published_tables.format_class_set(results.classes),
            "ap style": "coco" if metric_name == metric else "yolov5",
        }
    absent_classes = facts.get("absent classes", "")
    return tags | {
        "class set": facts.get("class set", NOT_STATED).partition(" (")[0],
        "absent classes": ABSENT_CLASS_RULES.get(absent_classes, NOT_STATED),
    }


def find_closest_metric(
    own_tags: Mapping[str, Mapping[str, str]], row: PublishedRow
) -> tuple[str, TagDifferences]:
    """Find our metric whose tags differ least from a published row's.

    Args:
        own_tags: Metric to tags, see `build_own_tags`.
        row: The published row.

    Returns:
        Metric, and the tags in which it differs.
    """
    differences = {
        metric: published_tables.find_tag_differences(tags, row.tags)
        for metric, tags in own_tags.items()
    }
    metric = min(differences, key=lambda name: len(differences[name]))
    return metric, differences[metric]


def format_reason(differences: TagDifferences) -> str:
    """Explain why rows are not comparable: the tags that differ or are not stated."""
    stated = {tag: values for tag, values in differences.items() if NOT_STATED not in values}
    sentences = []
    if stated:
        parts = [
            f"{tag}: {ours} here, {published} there" for tag, (ours, published) in stated.items()
        ]
        sentences.append(f"Not comparable with our rows: the protocol differs. {'; '.join(parts)}.")
    elif differences:
        sentences.append(
            "Comparability with our rows is unknown: the protocol is not fully stated."
        )
    else:
        sentences.append("Not comparable with our rows, for the reason stated in each row.")
    not_stated = [tag for tag, (_, published) in differences.items() if published == NOT_STATED]
    if not_stated:
        sentences.append(f"Not stated there: {', '.join(not_stated)}.")
    unknown = [
        tag
        for tag, (ours, published) in differences.items()
        if ours == NOT_STATED and published != NOT_STATED
    ]
    if unknown:
        sentences.append(f"Different among our own rows, or not recorded: {', '.join(unknown)}.")
    return " ".join(sentences)


@cache
def _read_audited_tables() -> tuple[tuple[PublishedTable, ...], tuple[Finding, ...]]:
    tables = published_tables.read_tables()
    return tables, tuple(run_audits.collect_findings(tables))


def _build_comparison(
    results: TaskResults,
    table: PublishedTable,
    rows: Sequence[PublishedRow],
    closest: Mapping[str, tuple[str, TagDifferences]],
    findings: Sequence[Finding],
) -> PublishedComparison:
    """Build the comparison with rows of one metric.

    Args:
        results: Records of the task.
        table: The published table.
        rows: Rows of one metric that are all comparable, or all not.
        closest: Method to our closest metric and the differences, see `find_closest_metric`.
        findings: Findings of the audit in the table.
    """
    metric, first_differences = closest[rows[0].method]
    is_comparable = not first_differences
    common = _find_common_differences([closest[row.method][1] for row in rows])
    # findings about rows get numbers, those about the whole table do not
    methods = {row.method for row in rows}
    metric_findings = [f for f in findings if f.metric in ("", rows[0].metric)]
    numbered = [finding for finding in metric_findings if finding.method in methods]
    comparison_rows = [
        _build_published_row(row, numbered, closest[row.method][1], common) for row in rows
    ]
    if is_comparable:
        comparison_rows = [*_build_own_rows(results, metric, rows), *comparison_rows]
    by_eye = " (read by eye)" if table.metadata.by_eye else ""
    return PublishedComparison(
        table=table.name,
        metric=rows[0].metric,
        classes=tuple(rows[0].by_class),
        title=f"{table.metadata.title}: {rows[0].metric}{by_eye}",
        is_comparable=is_comparable,
        reason=COMPARABLE_REASON if is_comparable else format_reason(common),
        table_note=table.metadata.note,
        headers=(*rows[0].cells, "mean"),
        rows=tuple(comparison_rows),
        audit_notes=(
            *((str(number), finding.message) for number, finding in enumerate(numbered, start=1)),
            *(("", finding.message) for finding in metric_findings if not finding.method),
        ),
    )


def _find_common_differences(differences: Sequence[TagDifferences]) -> dict[str, tuple[str, str]]:
    """Find the tags in which every row differs from ours.

    The published value is `STATED_PER_ROW` if the rows differ among themselves.
    """
    common = {}
    for tag, (ours, published) in differences[0].items():
        values = {row[tag][1] for row in differences if tag in row}
        is_in_all = all(tag in row for row in differences)
        if is_in_all and (len(values) == 1 or NOT_STATED not in values):
            common[tag] = (ours, published if len(values) == 1 else STATED_PER_ROW)
    return common


def _build_published_row(
    row: PublishedRow,
    numbered: Sequence[Finding],
    differences: TagDifferences,
    common: TagDifferences,
) -> PublishedComparisonRow:
    """Build a published row; differences that only this row has become its remark."""
    cells = tuple(_format_cell(cell) for cell in (*row.cells.values(), row.mean))
    note_numbers = tuple(
        number for number, finding in enumerate(numbered, start=1) if finding.method == row.method
    )
    own_differences = [
        f"{tag}: {values[1]}" for tag, values in differences.items() if common.get(tag) != values
    ]
    remark = "; ".join([*own_differences, *([row.remark] if row.remark else [])])
    return PublishedComparisonRow(row.method, remark, cells, row.tags, note_numbers)


def _build_own_rows(
    results: TaskResults, metric: str, rows: Sequence[PublishedRow]
) -> list[PublishedComparisonRow]:
    """Build the rows of our sources in the columns, scale and decimals of the published rows."""
    printed = [
        number for row in rows for number in (*row.cells.values(), row.mean) if number is not None
    ]
    scale = 100 if any(number > 1 for number in printed) else 1
    decimals = max((-int(number.as_tuple().exponent) for number in printed), default=1)
    own_names = {name.casefold(): name for name in results.classes}
    classes = [own_names.get(name.casefold(), "") for name in rows[0].by_class]
    tags = build_own_tags(results, metric)
    return [
        PublishedComparisonRow(
            source.source_name,
            "this report",
            tuple(
                _format_mean(scores, scale, decimals)
                for scores in _collect_scores(source, metric, classes)
            ),
            tags,
            is_own_result=True,
        )
        for source in results.sources
        if source.records
    ]


def _collect_scores(
    source: SourceResults, metric: str, classes: Sequence[str]
) -> list[list[float | None]]:
    """Collect one list of seed scores per class, and one for the mean over classes."""
    by_class = [
        [record.by_class.get(name, {}).get(metric) for record in source.records] for name in classes
    ]
    return [*by_class, [record.values.get(metric) for record in source.records]]


def _format_mean(scores: Sequence[float | None], scale: int, decimals: int) -> str:
    defined = [score for score in scores if score is not None]
    if not defined:
        return result_text.UNDEFINED
    return f"{sum(defined) / len(defined) * scale:.{decimals}f}"


def _format_cell(cell: Decimal | None) -> str:
    return result_text.UNDEFINED if cell is None else str(cell)
