"""Folded tables on how sure the numbers are: every interval, and what a surer answer would take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench import names
from reports.records.results import Results
from reports.scores import certainty, tables, wording
from reports.scores.comparison import Table
from reports.scores.grids import Grid, Printed
from reports.scores.numbers import number
from reports.significance import power
from reports.significance.power import Measured
from reports.significance.statistics import Estimate

ENDING = "-intervals.csv"


@dataclass(frozen=True)
class Plan:
    """What a test with so many seeds per source can show.

    Attributes:
        seeds: Per source; None where seeds were not varied, and the trainings are as they are.
        smallest: Difference found with 80 % on the images that are there, a fraction.
        units: Sequences (or images) needed to find a difference of one point; None: no number is
            enough.
    """

    seeds: int | None
    smallest: float
    units: int | None


def intervals(bare: Grid, table: Table) -> list[Grid]:
    """The intervals of a table's scores and differences, if there are any.

    Args:
        bare: The table as it is read, without ranks.
        table: The same.
    """
    rows = _printed(certainty.intervals(table))
    if not rows:
        return []
    tested = _printed(certainty.comparisons(table))
    return [
        replace(
            bare,
            title=f"{table.title}: 95 % intervals",
            file=f"{bare.file.removesuffix('.csv')}{ENDING}",
            rows=rows,
            differences=(*bare.differences[:1], *tested),
            notes=tuple(note for note in bare.notes if note != wording.SPREAD),
        )
    ]


def planning(results: Results, table: Table) -> list[Grid]:
    """What it takes to show a difference of one point in a table's last column."""
    known = basis(results, table)
    if known is None:
        return []
    estimate, at = known
    drawn = results.evidence.first if results.evidence else None
    assert drawn is not None
    unit = "sequences" if drawn.grouped else "images"
    heads = (
        ("smallest difference shown", f"points, {at.groups} {unit}"),
        (f"{unit} for 1 point", f"there are {at.groups}"),
        ("images for 1 point", f"there are {at.images}"),
    )
    heading = table.headings[-1]
    rows = [
        Printed(
            "these trainings" if plan.seeds is None else f"{plan.seeds} seeds per source",
            "",
            (
                (number(plan.smallest, heading), 0),
                (_many(plan.units), 0),
                (_many(plan.units and round(plan.units * at.images / at.groups)), 0),
            ),
        )
        for plan in plans(estimate, at)
    ]
    return [
        Grid(
            title=f"{heading.title}: what it takes to show a difference",
            caption=f"found in {100 * power.POWER:.0f} % of the cases at p below 0.05",
            file=f"tables/{names.safe(results.name)}-power.csv",
            heads=heads,
            rows=tuple(rows),
            differences=(),
            notes=tuple(_notes(estimate, at)),
            sums_up=False,
            better=("lower",) * len(heads),
        )
    ]


def sheets(
    results: Results, shown: Sequence[Table], grids: Sequence[Grid]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The files of the grids of this module, relative to the report, and their numbers.

    Args:
        results: The task.
        shown: The tables that `intervals` was asked for.
        grids: What it and `planning` returned.
    """
    having = (table for table in shown if certainty.intervals(table))
    for found in grids:
        if found.file.endswith(ENDING):
            yield found.file, tables.wide(next(having))
        else:
            yield found.file, _plans_sheet(results, shown[0])


def _plans_sheet(results: Results, table: Table) -> pd.DataFrame:
    """`planning` for a spreadsheet, and the parts of the variance it is reckoned from."""
    known = basis(results, table)
    assert known is not None
    estimate, at = known
    return pd.DataFrame(
        [
            {
                "seeds": plan.seeds,
                "smallest difference": round(plan.smallest, 6),
                "units for 0.01": plan.units,
                "units": at.groups,
                "images": at.images,
                "measured seeds": at.seeds,
                "variance of images": estimate.images - estimate.both,
                "variance of luck": estimate.both,
                "variance of seeds": estimate.seeds,
            }
            for plan in plans(estimate, at)
        ]
    )


def basis(results: Results, table: Table) -> tuple[Estimate, Measured] | None:
    """The comparison of median variance in the last column, and what it was measured with."""
    drawn = results.evidence.first if results.evidence else None
    tested = [line.comparisons[-1] for line in table.lines if line.comparisons]
    estimate = power.typical([found.estimate for found in tested if found])
    if drawn is None or estimate is None:
        return None
    seeds = [len(row.records) for row in results.rows if row.records]
    return estimate, Measured(drawn.units, drawn.images, sum(seeds) / len(seeds))


def plans(estimate: Estimate, at: Measured) -> list[Plan]:
    """What tests with other numbers of seeds can show."""
    if estimate.seeds is None:
        alone = power.smallest(estimate, at, at.groups, at.seeds)
        return [Plan(None, alone, power.groups_needed(estimate, at, at.seeds))]
    return [
        Plan(
            seeds,
            power.smallest(estimate, at, at.groups, seeds),
            power.groups_needed(estimate, at, seeds),
        )
        for seeds in power.SEEDS
    ]


def _notes(estimate: Estimate, at: Measured) -> list[str]:
    said = ["From the comparison with a single sensor whose variance is the median one."]
    if estimate.seeds is None:
        return [*said, "Seeds were not varied: what they add is not known."]
    shares = {
        "images": estimate.images - estimate.both,
        "luck of a training on them": estimate.both,
        "trainings": estimate.seeds,
    }
    total = sum(shares.values())
    if total:
        parts = ", ".join(f"{name} {100 * part / total:.0f} %" for name, part in shares.items())
        said.append(f"Variance of the difference as measured: {parts}.")
    return said


def _many(count: int | None) -> str:
    return "no number" if count is None else str(count)


def _printed(rows: Sequence[tuple[str, Sequence[str]]]) -> tuple[Printed, ...]:
    return tuple(Printed(name, "", tuple((text, 0) for text in texts)) for name, texts in rows)
