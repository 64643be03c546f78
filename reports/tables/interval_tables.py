"""Collapsed tables of intervals and of statistical power."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fusebench.runtime import file_names
from reports.results.task_results import TaskResults
from reports.statistics import power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import SampleSizes
from reports.tables import csv_files, result_text, significance_text
from reports.tables.comparison import ColumnHeader, ScoreTable
from reports.tables.number_format import format_score
from reports.tables.text_table import TextRow, TextTable

INTERVALS_SUFFIX = "-intervals.csv"


@dataclass(frozen=True)
class PowerPlan:
    """Power of a test with a number of seeds per source.

    Attributes:
        seeds_per_source: None where the seeds were not varied: a test of these trainings.
        detectable_difference: Smallest difference found with 80 % power on the images of the test
            set, a fraction.
        required_units: Sequences (or images) that show a difference of one point; None if no
            number is enough.
    """

    seeds_per_source: int | None
    detectable_difference: float
    required_units: int | None


def build_interval_tables(unranked: TextTable, table: ScoreTable) -> list[TextTable]:
    """Build the table of the intervals of a table's scores and differences, if it has any.

    Args:
        unranked: The table as text, without ranks.
        table: The same table.
    """
    rows = _build_text_rows(significance_text.format_table_intervals(table))
    if not rows:
        return []
    comparisons = _build_text_rows(significance_text.format_table_comparisons(table))
    return [
        replace(
            unranked,
            title=f"{table.title}: 95 % intervals",
            csv_file=f"{unranked.csv_file.removesuffix('.csv')}{INTERVALS_SUFFIX}",
            rows=rows,
            difference_rows=(*unranked.difference_rows[:1], *comparisons),
            notes=tuple(
                note for note in unranked.notes if note != result_text.STANDARD_DEVIATION_NOTE
            ),
        )
    ]


def build_power_tables(results: TaskResults, table: ScoreTable) -> list[TextTable]:
    """Build the table of sample sizes for a difference of one point in a table's last column.

    Empty if no difference in that column is tested.
    """
    reference = select_reference_estimate(results, table)
    if reference is None:
        return []
    estimate, measured = reference
    bootstrap = results.bootstrap.first_scores if results.bootstrap else None
    assert bootstrap is not None  # `reference` is an estimate of it
    unit = "sequences" if bootstrap.is_clustered else "images"
    headers = (
        ("detectable difference", f"points, {measured.group_count} {unit}"),
        (f"{unit} for 1 point", f"there are {measured.group_count}"),
        ("images for 1 point", f"there are {measured.image_count}"),
    )
    plans = build_power_plans(estimate, measured)
    return [
        TextTable(
            title=f"{table.headers[-1].title}: sample size that shows a difference",
            caption=f"found with {100 * power.POWER:.0f} % power at p below 0.05",
            csv_file=f"tables/{file_names.make_safe_file_name(results.name)}-power.csv",
            headers=headers,
            rows=tuple(_build_power_row(plan, measured, table.headers[-1]) for plan in plans),
            difference_rows=(),
            notes=tuple(_build_power_notes(estimate)),
            has_mean_column=False,
            better_directions=("lower",) * len(headers),
        )
    ]


def _build_power_row(plan: PowerPlan, measured: SampleSizes, header: ColumnHeader) -> TextRow:
    images = plan.required_units and round(
        plan.required_units * measured.image_count / measured.group_count
    )
    label = (
        "these trainings"
        if plan.seeds_per_source is None
        else f"{plan.seeds_per_source} seeds per source"
    )
    cells = (
        format_score(plan.detectable_difference, header),
        _format_count(plan.required_units),
        _format_count(images),
    )
    return TextRow(label, "", tuple((text, 0) for text in cells))


def build_dataframes(
    results: TaskResults, tables: Sequence[ScoreTable], text_tables: Sequence[TextTable]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the CSV file, relative to the report, and the numbers of each table of this module.

    Args:
        results: The task.
        tables: The tables that `build_interval_tables` was called with.
        text_tables: The tables that it and `build_power_tables` returned.
    """
    with_intervals = (table for table in tables if significance_text.format_table_intervals(table))
    for text_table in text_tables:
        if text_table.csv_file.endswith(INTERVALS_SUFFIX):
            yield text_table.csv_file, csv_files.build_wide_dataframe(next(with_intervals))
        else:
            yield text_table.csv_file, _build_power_dataframe(results, tables[0])


def _build_power_dataframe(results: TaskResults, table: ScoreTable) -> pd.DataFrame:
    """Tabulate the power table for a CSV file, with the variance components it is based on."""
    reference = select_reference_estimate(results, table)
    assert reference is not None  # otherwise there is no power table
    estimate, measured = reference
    return pd.DataFrame(
        [
            {
                "seeds": plan.seeds_per_source,
                "detectable difference": round(plan.detectable_difference, 6),
                "units for 0.01": plan.required_units,
                "units": measured.group_count,
                "images": measured.image_count,
                "measured seeds": measured.seeds_per_source,
                "variance of images": estimate.image_variance - estimate.interaction_variance,
                "variance of interaction": estimate.interaction_variance,
                "variance of seeds": estimate.seed_variance,
            }
            for plan in build_power_plans(estimate, measured)
        ]
    )


def select_reference_estimate(
    results: TaskResults, table: ScoreTable
) -> tuple[Estimate, SampleSizes] | None:
    """Select the comparison of median standard error in the last column, with its sample sizes."""
    bootstrap = results.bootstrap.first_scores if results.bootstrap else None
    comparisons = [row.comparisons[-1] for row in table.rows if row.comparisons]
    estimate = power.select_median_estimate(
        [comparison.estimate for comparison in comparisons if comparison]
    )
    if bootstrap is None or estimate is None:
        return None
    seed_counts = [len(source.records) for source in results.sources if source.records]
    seeds_per_source = sum(seed_counts) / len(seed_counts)
    return estimate, SampleSizes(bootstrap.unit_count, bootstrap.image_count, seeds_per_source)


def build_power_plans(estimate: Estimate, measured: SampleSizes) -> list[PowerPlan]:
    """Compute the power of tests with other numbers of seeds."""

    def plan(printed_seeds: int | None, seeds: float) -> PowerPlan:
        return PowerPlan(
            printed_seeds,
            power.minimum_detectable_difference(estimate, measured, measured.group_count, seeds),
            power.find_required_groups(estimate, measured, seeds),
        )

    if estimate.seed_variance is None:
        return [plan(None, measured.seeds_per_source)]
    return [plan(seeds, seeds) for seeds in power.PLANNED_SEED_COUNTS]


def _build_power_notes(estimate: Estimate) -> list[str]:
    note = "From the comparison with a single sensor whose standard error is the median one."
    if estimate.seed_variance is None:
        return [note, "Seeds were not varied: their variance is not known."]
    components = {
        "images": estimate.image_variance - estimate.interaction_variance,
        "interaction of training and images": estimate.interaction_variance,
        "trainings": estimate.seed_variance,
    }
    total = sum(components.values())
    if not total:
        return [note]
    parts = ", ".join(f"{name} {100 * part / total:.0f} %" for name, part in components.items())
    return [note, f"Variance of the difference as measured: {parts}."]


def _format_count(count: int | None) -> str:
    return "no number" if count is None else str(count)


def _build_text_rows(rows: Sequence[tuple[str, Sequence[str]]]) -> tuple[TextRow, ...]:
    return tuple(TextRow(name, "", tuple((text, 0) for text in texts)) for name, texts in rows)
