"""From records to tables as papers print them: sources x classes, conditions or metrics."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from fusebench.storage.records import Column, Record, Scores
from reports.results import protocol
from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import TaskResults
from reports.tables.comparison import (
    ColumnHeader,
    OptionalScores,
    ScoreTable,
    SourceComparison,
    TableCell,
    build_table,
)
from reports.tables.significance import add_significance

BY_CONDITION_SUFFIX = "-by-condition"  # how the names of such tables end
ERROR_SUFFIX = " error"  # and those of metrics that say what a kind of error costs
COLUMN_SUFFIXES = (  # of a column in a wide table
    *("", " sd", " low", " high"),
    *(" difference", " difference low", " difference high"),
    *(" p", " p Holm", " verdict"),
)


def build_class_table(results: TaskResults, metric: str, scene: str | None = None) -> ScoreTable:
    """Sources x classes, and the means over classes, of one metric; in one condition or in all."""
    column = results.columns[metric]

    def pick(record: Record) -> OptionalScores:
        part = record if scene is None else record.by_condition.get(scene)
        if part is None:
            return [None] * (len(headings) + 1)
        per_class = [part.by_class.get(name, {}).get(metric) for name in results.classes]
        fewer = [part.subset_means.get(words, {}).get(metric) for words in others]
        return [*per_class, *fewer, part.values.get(metric)]

    others = results.other_means
    headings = [
        replace(build_header(column, name), score_key=ScoreKey(scene, name, metric))
        for name in results.classes
    ]
    headings += [
        replace(
            build_header(column, f"{column.mean_title} {words}"),
            score_key=ScoreKey(scene, words, metric),
        )
        for words in others
    ]
    where = "" if scene is None else f", {scene}"
    title = f"{column.title} by class{where}" if results.classes else f"{column.mean_title}{where}"
    name = metric if scene is None else f"{metric}-{scene}"
    last = replace(build_header(column), score_key=ScoreKey(scene, None, metric))
    last = replace(last, is_repeated=scene is not None)  # it stands in the table by condition
    return add_significance(
        build_table(results, name, title, [*headings, last], pick), results.bootstrap
    )


def build_condition_table(results: TaskResults, metric: str) -> ScoreTable:
    """Sources x conditions of one metric's mean over classes."""
    column = results.columns[metric]
    counts = {name: _format_image_count(results, name) for name in results.conditions}
    headings = [
        replace(
            build_header(column, name),
            subtitle=counts[name],
            score_key=ScoreKey(name, None, metric),
        )
        for name in results.conditions
    ]

    def pick(record: Record) -> OptionalScores:
        parts: list[Scores | None] = [record.by_condition.get(name) for name in results.conditions]
        return [part.values.get(metric) if part else None for part in [*parts, record]]

    last = replace(
        build_header(column, "all"), is_mean=True, score_key=ScoreKey(None, None, metric)
    )
    last = replace(last, is_repeated=True)
    title = f"{column.mean_title} by condition"
    built = build_table(results, f"{metric}{BY_CONDITION_SUFFIX}", title, [*headings, last], pick)
    return add_significance(built, results.bootstrap)


def build_means_table(results: TaskResults, family: str = "") -> ScoreTable:
    """Sources x metrics: the means over classes (or images) of the main metrics or of a family."""
    columns = {name: c for name, c in results.columns.items() if c.family == family}
    headings = [
        replace(
            build_header(column, column.mean_title),
            score_key=ScoreKey(None, None, metric),
            is_repeated=bool(results.classes) and not family,
        )
        for metric, column in columns.items()
    ]

    def pick(record: Record) -> OptionalScores:
        return [record.values.get(metric) for metric in columns]

    name, title = (family, f"{family}, means") if family else ("means", "All metrics, means")
    return add_significance(build_table(results, name, title, headings, pick), results.bootstrap)


def list_error_families(results: TaskResults) -> list[str]:
    """The families of metrics that say what kinds of error cost."""
    return list(
        dict.fromkeys(
            column.family
            for name, column in results.columns.items()
            if column.family and name.endswith(ERROR_SUFFIX)
        )
    )


def build_error_table(results: TaskResults, family: str, name: str) -> ScoreTable:
    """Sources x kinds of error: what each costs one class."""
    columns = {metric: c for metric, c in results.columns.items() if c.family == family}
    headings = [
        replace(build_header(column, column.mean_title), score_key=ScoreKey(None, name, metric))
        for metric, column in columns.items()
    ]

    def pick(record: Record) -> OptionalScores:
        return [record.by_class.get(name, {}).get(metric) for metric in columns]

    return build_table(results, f"{family}-{name}", f"{family}, {name}", headings, pick)


def build_convention_table(results: TaskResults, metric: str) -> ScoreTable:
    """Sources x ways of taking one metric's mean: as others take it, and as this report does."""
    column = results.columns[metric]
    headings = [
        replace(build_header(column, name), score_key=ScoreKey(None, name, metric))
        for name in results.conventions
    ]

    def pick(record: Record) -> OptionalScores:
        others = [record.by_convention.get(name, {}).get(metric) for name in results.conventions]
        return [*others, record.values.get(metric)]

    title = f"{column.mean_title} as others take it: class set, and absent classes skipped or zero"
    return build_table(
        results, f"{metric}-conventions", title, [*headings, build_header(column)], pick
    )


def build_empty_table(results: TaskResults) -> ScoreTable:
    """The sources alone: nothing has been measured yet."""
    return build_table(
        results, "missing", "Nothing measured yet", [ColumnHeader("result")], lambda _: [None]
    )


def build_wide_dataframe(table: ScoreTable) -> pd.DataFrame:
    """The same numbers for a spreadsheet: mean and standard deviation per column, scaled.

    ``n`` is the number of seeds. A source without records has only its name and the word missing
    or failed. Where there are intervals: ``low`` and ``high`` of the score; of the difference its
    ends, its p-value, that adjusted for all comparisons of the table (``p Holm``), and the verdict.
    """
    rows = []
    titles = _number_duplicate_titles([heading.title for heading in table.headers])
    for line in table.rows:
        cells: dict[str, object] = {
            "source": line.source_results.source_name,
            "n": len(line.source_results.records)
            if line.cells
            else line.source_results.absence_label,
        }
        for title, heading, entry in zip(titles, table.headers, line.cells, strict=False):
            cells |= _build_score_columns(title, heading, entry)
        for title, heading, gap in zip(titles, table.headers, line.differences, strict=False):
            cells[f"{title} difference"] = _scale_score(gap, heading)
        for title, heading, sure in zip(titles, table.headers, line.comparisons, strict=False):
            cells |= _build_comparison_columns(title, heading, sure) if sure else {}
        if line.source_results.records:
            made = protocol.list_facts(line.source_results.records[0])
            cells["protocol"] = "; ".join(f"{name}: {said}" for name, said in made.items())
        rows.append(cells)
    order = [f"{title}{part}" for title in titles for part in COLUMN_SUFFIXES]
    found = pd.DataFrame(rows)
    return found[["source", "n", *(name for name in [*order, "protocol"] if name in found)]]


def _build_score_columns(title: str, heading: ColumnHeader, entry: TableCell) -> dict[str, object]:
    cells: dict[str, object] = {
        title: _scale_score(entry.mean, heading),
        f"{title} sd": _scale_score(entry.standard_deviation, heading),
    }
    if entry.estimate:
        cells[f"{title} low"] = _scale_score(entry.estimate.low, heading)
        cells[f"{title} high"] = _scale_score(entry.estimate.high, heading)
    return cells


def _build_comparison_columns(
    title: str, heading: ColumnHeader, compared: SourceComparison
) -> dict[str, object]:
    return {
        f"{title} difference low": _scale_score(compared.estimate.low, heading),
        f"{title} difference high": _scale_score(compared.estimate.high, heading),
        f"{title} p": round(compared.estimate.p_value, 6),
        f"{title} p Holm": round(compared.adjusted_p_value, 6),
        f"{title} verdict": compared.verdict,
    }


def _number_duplicate_titles(titles: Sequence[str]) -> list[str]:
    """The titles, numbered where two columns of the sheet would have the same name."""
    taken = {"source", "n", "protocol"}
    found = []
    for title in titles:
        name, number = title, 1
        while taken & {f"{name}{part}" for part in COLUMN_SUFFIXES}:
            number += 1
            name = f"{title} ({number})"
        taken |= {f"{name}{part}" for part in COLUMN_SUFFIXES}
        found.append(name)
    return found


def build_header(column: Column, title: str | None = None, *, decimals: int = 1) -> ColumnHeader:
    """How a metric is headed; without a title the mean; points with so many decimals."""
    points = column.is_fraction and not column.unit
    return ColumnHeader(
        title=column.mean_title if title is None else title,
        scale=100.0 if points else 1.0,
        decimals=decimals if points else 3,
        better=column.better,
        subtitle=column.unit,
        is_mean=title is None,
    )


def _scale_score(score: float | None, heading: ColumnHeader) -> float | None:
    return None if score is None else round(score * heading.scale, 6)


def _format_image_count(results: TaskResults, scene: str) -> str:
    """How many images a condition has, in words; nothing if the records disagree or do not say."""
    parts = [record.by_condition.get(scene) for record in results.records]
    counts = {part.counts.get("images") for part in parts if part}
    number = counts.pop() if len(counts) == 1 else None
    return "" if number is None else f"{number} image{'' if number == 1 else 's'}"
