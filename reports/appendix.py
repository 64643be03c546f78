"""What a surer answer would take, as a folded table of the report."""

from dataclasses import dataclass

import pandas as pd

from bench import names
from reports import power
from reports.comparison import Table
from reports.grids import Grid, Printed
from reports.numbers import number
from reports.power import Measured
from reports.results import Results
from reports.statistics import Estimate


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
            file=file_name(results),
            heads=heads,
            rows=tuple(rows),
            differences=(),
            notes=tuple(_notes(estimate, at)),
            sums_up=False,
            better=("lower",) * len(heads),
        )
    ]


def file_name(results: Results) -> str:
    """Where the numbers of `planning` are, relative to the report."""
    return f"tables/{names.safe(results.name)}-power.csv"


def sheet(results: Results, table: Table) -> pd.DataFrame | None:
    """`planning` for a spreadsheet, and the parts of the variance it is reckoned from."""
    known = basis(results, table)
    if known is None:
        return None
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
