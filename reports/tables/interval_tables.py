"""Folded tables on how sure the numbers are: every interval, and what a surer answer would take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fusebench.runtime import file_names
from reports.results.task_results import TaskResults
from reports.statistics import power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import SampleSizes
from reports.tables import builders, result_text, significance_text
from reports.tables.comparison import ScoreTable
from reports.tables.number_format import format_score
from reports.tables.text_table import TextRow, TextTable

INTERVALS_SUFFIX = "-intervals.csv"


@dataclass(frozen=True)
class PowerPlan:
    """What a test with so many seeds per source can show.

    Attributes:
        seeds: Per source; None where seeds were not varied, and the trainings are as they are.
        smallest: Difference found with 80 % on the images that are there, a fraction.
        units: Sequences (or images) needed to find a difference of one point; None: no number is
            enough.
    """

    seeds_per_source: int | None
    detectable_difference: float
    required_units: int | None


def build_interval_tables(bare: TextTable, table: ScoreTable) -> list[TextTable]:
    """The intervals of a table's scores and differences, if there are any.

    Args:
        bare: The table as it is read, without ranks.
        table: The same.
    """
    rows = _build_text_rows(significance_text.format_table_intervals(table))
    if not rows:
        return []
    tested = _build_text_rows(significance_text.format_table_comparisons(table))
    return [
        replace(
            bare,
            title=f"{table.title}: 95 % intervals",
            csv_file=f"{bare.csv_file.removesuffix('.csv')}{INTERVALS_SUFFIX}",
            rows=rows,
            difference_rows=(*bare.difference_rows[:1], *tested),
            notes=tuple(note for note in bare.notes if note != result_text.STANDARD_DEVIATION_NOTE),
        )
    ]


def build_power_tables(results: TaskResults, table: ScoreTable) -> list[TextTable]:
    """What it takes to show a difference of one point in a table's last column."""
    known = select_reference_estimate(results, table)
    if known is None:
        return []
    estimate, at = known
    drawn = results.bootstrap.first_scores if results.bootstrap else None
    assert drawn is not None
    unit = "sequences" if drawn.is_clustered else "images"
    heads = (
        ("smallest difference shown", f"points, {at.group_count} {unit}"),
        (f"{unit} for 1 point", f"there are {at.group_count}"),
        ("images for 1 point", f"there are {at.image_count}"),
    )
    heading = table.headers[-1]
    rows = [
        TextRow(
            "these trainings"
            if plan.seeds_per_source is None
            else f"{plan.seeds_per_source} seeds per source",
            "",
            (
                (format_score(plan.detectable_difference, heading), 0),
                (_format_count(plan.required_units), 0),
                (
                    _format_count(
                        plan.required_units
                        and round(plan.required_units * at.image_count / at.group_count)
                    ),
                    0,
                ),
            ),
        )
        for plan in build_power_plans(estimate, at)
    ]
    return [
        TextTable(
            title=f"{heading.title}: what it takes to show a difference",
            caption=f"found in {100 * power.POWER:.0f} % of the cases at p below 0.05",
            csv_file=f"tables/{file_names.make_safe_file_name(results.name)}-power.csv",
            headers=heads,
            rows=tuple(rows),
            difference_rows=(),
            notes=tuple(_build_power_notes(estimate, at)),
            has_mean_column=False,
            better_directions=("lower",) * len(heads),
        )
    ]


def build_dataframes(
    results: TaskResults, shown: Sequence[ScoreTable], grids: Sequence[TextTable]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The files of the grids of this module, relative to the report, and their numbers.

    Args:
        results: The task.
        shown: The tables that `build_interval_tables` was asked for.
        grids: What it and `build_power_tables` returned.
    """
    having = (table for table in shown if significance_text.format_table_intervals(table))
    for found in grids:
        if found.csv_file.endswith(INTERVALS_SUFFIX):
            yield found.csv_file, builders.build_wide_dataframe(next(having))
        else:
            yield found.csv_file, _build_power_dataframe(results, shown[0])


def _build_power_dataframe(results: TaskResults, table: ScoreTable) -> pd.DataFrame:
    """`build_power_tables` for a spreadsheet, and the parts of the variance it is reckoned from."""
    known = select_reference_estimate(results, table)
    assert known is not None
    estimate, at = known
    return pd.DataFrame(
        [
            {
                "seeds": plan.seeds_per_source,
                "smallest difference": round(plan.detectable_difference, 6),
                "units for 0.01": plan.required_units,
                "units": at.group_count,
                "images": at.image_count,
                "measured seeds": at.seeds_per_source,
                "variance of images": estimate.image_variance - estimate.interaction_variance,
                "variance of luck": estimate.interaction_variance,
                "variance of seeds": estimate.seed_variance,
            }
            for plan in build_power_plans(estimate, at)
        ]
    )


def select_reference_estimate(
    results: TaskResults, table: ScoreTable
) -> tuple[Estimate, SampleSizes] | None:
    """The comparison of median variance in the last column, and what it was measured with."""
    drawn = results.bootstrap.first_scores if results.bootstrap else None
    tested = [line.comparisons[-1] for line in table.rows if line.comparisons]
    estimate = power.select_median_estimate([found.estimate for found in tested if found])
    if drawn is None or estimate is None:
        return None
    seeds = [len(row.records) for row in results.sources if row.records]
    return estimate, SampleSizes(drawn.unit_count, drawn.image_count, sum(seeds) / len(seeds))


def build_power_plans(estimate: Estimate, at: SampleSizes) -> list[PowerPlan]:
    """What tests with other numbers of seeds can show."""
    if estimate.seed_variance is None:
        alone = power.minimum_detectable_difference(
            estimate, at, at.group_count, at.seeds_per_source
        )
        return [
            PowerPlan(None, alone, power.find_required_groups(estimate, at, at.seeds_per_source))
        ]
    return [
        PowerPlan(
            seeds,
            power.minimum_detectable_difference(estimate, at, at.group_count, seeds),
            power.find_required_groups(estimate, at, seeds),
        )
        for seeds in power.PLANNED_SEED_COUNTS
    ]


def _build_power_notes(estimate: Estimate, at: SampleSizes) -> list[str]:
    said = ["From the comparison with a single sensor whose variance is the median one."]
    if estimate.seed_variance is None:
        return [*said, "Seeds were not varied: what they add is not known."]
    shares = {
        "images": estimate.image_variance - estimate.interaction_variance,
        "luck of a training on them": estimate.interaction_variance,
        "trainings": estimate.seed_variance,
    }
    total = sum(shares.values())
    if total:
        parts = ", ".join(f"{name} {100 * part / total:.0f} %" for name, part in shares.items())
        said.append(f"Variance of the difference as measured: {parts}.")
    return said


def _format_count(count: int | None) -> str:
    return "no number" if count is None else str(count)


def _build_text_rows(rows: Sequence[tuple[str, Sequence[str]]]) -> tuple[TextRow, ...]:
    return tuple(TextRow(name, "", tuple((text, 0) for text in texts)) for name, texts in rows)
