"""From records to tables as papers print them: sources x classes, conditions or metrics."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.records import Column, Record, Slice
from reports.records import protocol
from reports.records.evidence import Quantity
from reports.records.results import Results
from reports.scores.comparison import Comparison, Entry, Heading, Scores, Table, build
from reports.scores.verdicts import judged

BY_CONDITION = "-by-condition"  # how the names of such tables end
ERROR = " error"  # and those of metrics that say what a kind of error costs
PARTS = (  # of a column in a wide table
    *("", " sd", " low", " high"),
    *(" difference", " difference low", " difference high"),
    *(" p", " p Holm", " verdict"),
)


def by_class(results: Results, metric: str, scene: str | None = None) -> Table:
    """Sources x classes, and the means over classes, of one metric; in one condition or in all."""
    column = results.columns[metric]

    def pick(record: Record) -> Scores:
        part = record if scene is None else record.by_scene.get(scene)
        if part is None:
            return [None] * (len(headings) + 1)
        per_class = [part.by_class.get(name, {}).get(metric) for name in results.classes]
        fewer = [part.other_means.get(words, {}).get(metric) for words in others]
        return [*per_class, *fewer, part.values.get(metric)]

    others = results.other_means
    headings = [
        replace(heading(column, name), quantity=Quantity(scene, name, metric))
        for name in results.classes
    ]
    headings += [
        replace(heading(column, f"{column.mean} {words}"), quantity=Quantity(scene, words, metric))
        for words in others
    ]
    where = "" if scene is None else f", {scene}"
    title = f"{column.title} by class{where}" if results.classes else f"{column.mean}{where}"
    name = metric if scene is None else f"{metric}-{scene}"
    last = replace(heading(column), quantity=Quantity(scene, None, metric))
    last = replace(last, repeated=scene is not None)  # it stands in the table by condition
    return judged(build(results, name, title, [*headings, last], pick), results.evidence)


def by_scene(results: Results, metric: str) -> Table:
    """Sources x conditions of one metric's mean over classes."""
    column = results.columns[metric]
    counts = {name: _images(results, name) for name in results.scenes}
    headings = [
        replace(heading(column, name), note=counts[name], quantity=Quantity(name, None, metric))
        for name in results.scenes
    ]

    def pick(record: Record) -> Scores:
        parts: list[Slice | None] = [record.by_scene.get(name) for name in results.scenes]
        return [part.values.get(metric) if part else None for part in [*parts, record]]

    last = replace(heading(column, "all"), is_mean=True, quantity=Quantity(None, None, metric))
    last = replace(last, repeated=True)
    title = f"{column.mean} by condition"
    built = build(results, f"{metric}{BY_CONDITION}", title, [*headings, last], pick)
    return judged(built, results.evidence)


def means(results: Results, family: str = "") -> Table:
    """Sources x metrics: the means over classes (or images) of the main metrics or of a family."""
    columns = {name: c for name, c in results.columns.items() if c.family == family}
    headings = [
        replace(
            heading(column, column.mean),
            quantity=Quantity(None, None, metric),
            repeated=bool(results.classes) and not family,
        )
        for metric, column in columns.items()
    ]

    def pick(record: Record) -> Scores:
        return [record.values.get(metric) for metric in columns]

    name, title = (family, f"{family}, means") if family else ("means", "All metrics, means")
    return judged(build(results, name, title, headings, pick), results.evidence)


def errors(results: Results) -> list[str]:
    """The families of metrics that say what kinds of error cost."""
    return list(
        dict.fromkeys(
            column.family
            for name, column in results.columns.items()
            if column.family and name.endswith(ERROR)
        )
    )


def errors_of(results: Results, family: str, name: str) -> Table:
    """Sources x kinds of error: what each costs one class."""
    columns = {metric: c for metric, c in results.columns.items() if c.family == family}
    headings = [
        replace(heading(column, column.mean), quantity=Quantity(None, name, metric))
        for metric, column in columns.items()
    ]

    def pick(record: Record) -> Scores:
        return [record.by_class.get(name, {}).get(metric) for metric in columns]

    return build(results, f"{family}-{name}", f"{family}, {name}", headings, pick)


def conventions(results: Results, metric: str) -> Table:
    """Sources x ways of taking one metric's mean: as others take it, and as this report does."""
    column = results.columns[metric]
    headings = [
        replace(heading(column, name), quantity=Quantity(None, name, metric))
        for name in results.conventions
    ]

    def pick(record: Record) -> Scores:
        others = [record.conventions.get(name, {}).get(metric) for name in results.conventions]
        return [*others, record.values.get(metric)]

    title = f"{column.mean} as others take it: class set, and absent classes skipped or zero"
    return build(results, f"{metric}-conventions", title, [*headings, heading(column)], pick)


def empty(results: Results) -> Table:
    """The sources alone: nothing has been measured yet."""
    return build(results, "missing", "Nothing measured yet", [Heading("result")], lambda _: [None])


def wide(table: Table) -> pd.DataFrame:
    """The same numbers for a spreadsheet: mean and standard deviation per column, scaled.

    ``n`` is the number of seeds. A source without records has only its name and the word missing
    or failed. Where there are intervals: ``low`` and ``high`` of the score; of the difference its
    ends, its p-value, that adjusted for all comparisons of the table (``p Holm``), and the verdict.
    """
    rows = []
    titles = _distinct([heading.title for heading in table.headings])
    for line in table.lines:
        cells: dict[str, object] = {
            "source": line.row.source,
            "n": len(line.row.records) if line.entries else line.row.absence,
        }
        for title, heading, entry in zip(titles, table.headings, line.entries, strict=False):
            cells |= _score_cells(title, heading, entry)
        for title, heading, gap in zip(titles, table.headings, line.differences, strict=False):
            cells[f"{title} difference"] = _scaled(gap, heading)
        for title, heading, sure in zip(titles, table.headings, line.comparisons, strict=False):
            cells |= _comparison_cells(title, heading, sure) if sure else {}
        if line.row.records:
            made = protocol.facts(line.row.records[0])
            cells["protocol"] = "; ".join(f"{name}: {said}" for name, said in made.items())
        rows.append(cells)
    order = [f"{title}{part}" for title in titles for part in PARTS]
    found = pd.DataFrame(rows)
    return found[["source", "n", *(name for name in [*order, "protocol"] if name in found)]]


def _score_cells(title: str, heading: Heading, entry: Entry) -> dict[str, object]:
    cells: dict[str, object] = {
        title: _scaled(entry.mean, heading),
        f"{title} sd": _scaled(entry.spread, heading),
    }
    if entry.estimate:
        cells[f"{title} low"] = _scaled(entry.estimate.low, heading)
        cells[f"{title} high"] = _scaled(entry.estimate.high, heading)
    return cells


def _comparison_cells(title: str, heading: Heading, compared: Comparison) -> dict[str, object]:
    return {
        f"{title} difference low": _scaled(compared.estimate.low, heading),
        f"{title} difference high": _scaled(compared.estimate.high, heading),
        f"{title} p": round(compared.estimate.p, 6),
        f"{title} p Holm": round(compared.adjusted, 6),
        f"{title} verdict": compared.verdict,
    }


def _distinct(titles: Sequence[str]) -> list[str]:
    """The titles, numbered where two columns of the sheet would have the same name."""
    taken = {"source", "n", "protocol"}
    found = []
    for title in titles:
        name, number = title, 1
        while taken & {f"{name}{part}" for part in PARTS}:
            number += 1
            name = f"{title} ({number})"
        taken |= {f"{name}{part}" for part in PARTS}
        found.append(name)
    return found


def heading(column: Column, title: str | None = None, *, decimals: int = 1) -> Heading:
    """How a metric is headed; without a title the mean; points with so many decimals."""
    points = column.points and not column.unit
    return Heading(
        title=column.mean if title is None else title,
        scale=100.0 if points else 1.0,
        decimals=decimals if points else 3,
        better=column.better,
        note=column.unit,
        is_mean=title is None,
    )


def _scaled(score: float | None, heading: Heading) -> float | None:
    return None if score is None else round(score * heading.scale, 6)


def _images(results: Results, scene: str) -> str:
    """How many images a condition has, in words; nothing if the records disagree or do not say."""
    parts = [record.by_scene.get(scene) for record in results.records]
    counts = {part.counts.get("images") for part in parts if part}
    number = counts.pop() if len(counts) == 1 else None
    return "" if number is None else f"{number} image{'' if number == 1 else 's'}"
