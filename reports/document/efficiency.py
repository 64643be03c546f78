"""Efficiency section: cost of the fusion methods and training times, from the store.

Cost profiles are written by `python -m fusion.profile`. The charts of score over cost use one image
size and one device, the most frequent ones among the profiles.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fusebench.runtime import file_names
from fusebench.storage.cost_profiles import CostProfile
from reports.document import selection
from reports.figures import bars_and_curves, heatmap_and_scatter
from reports.figures.bars_and_curves import SourceStyles
from reports.figures.figure_workers import DrawFunction
from reports.results.task_results import TaskResults
from reports.tables import csv_files
from reports.tables.number_format import UNDEFINED, get_difference_unit

COSTS_FILE, TRAINING_TIMES_FILE = "tables/efficiency.csv", "tables/training-times.csv"
COST_HEADERS = (
    *("source", "image size", "parameters", "multiply-accumulates, G"),
    *("seconds per pair (median)", "min to max", "runs", "CPU seconds"),
    *("peak memory, MB", "device"),
)
TRAINING_TIME_HEADERS = ("source", "task", "seconds (mean)", "seeds", "device")
TEXT_HEADERS = ("source", "task", "image size", "device")  # headers of columns without numbers
PROFILE_FIELDS = (
    *("parameters", "macs", "median_seconds", "min_seconds", "max_seconds", "repetitions"),
    *("processor_seconds", "peak_memory_bytes"),
)


@dataclass(frozen=True)
class Efficiency:
    """Cost of fusion and training.

    Attributes:
        costs: (source, profile) per fusion method and image size.
        training_times: (task, source, seed, seconds, device) of every record with a training time.
        sources_without_profile: Fusion methods that were not profiled.
        profile_command: Command line that profiles them.
        chart_stems: (task, path of its chart without suffix).
    """

    costs: tuple[tuple[str, CostProfile], ...]
    training_times: tuple[tuple[str, str, int | None, float, str], ...]
    sources_without_profile: tuple[str, ...]
    profile_command: str
    chart_stems: tuple[tuple[str, str], ...] = ()

    @property
    def cost_rows(self) -> list[tuple[str, ...]]:
        """Formatted costs, one column per entry of `COST_HEADERS`."""
        return [_format_cost_row(source, profile) for source, profile in self.costs]

    @property
    def mean_training_time_rows(self) -> list[tuple[str, ...]]:
        """Formatted mean training times, one column per entry of `TRAINING_TIME_HEADERS`."""
        seconds_by_run: dict[tuple[str, str, str], list[float]] = {}
        for task, source, _, seconds, device in self.training_times:
            seconds_by_run.setdefault((task, source, device), []).append(seconds)
        return [
            (source, task, f"{sum(times) / len(times):.1f}", str(len(times)), device)
            for (task, source, device), times in seconds_by_run.items()
        ]


def collect_training_times(
    task_results: Sequence[TaskResults],
) -> list[tuple[str, str, int | None, float, str]]:
    """Collect (task, source, seed, seconds, device) of all records with a training time."""
    return [
        (
            *(results.name, record.source, record.seed, float(training["seconds"])),
            str(training.get("device", record.provenance.get("device", "not recorded"))),
        )
        for results in task_results
        for record in results.records
        if (training := record.provenance.get("training")) and "seconds" in training
    ]


def draw_cost_charts(
    costs: Sequence[tuple[str, CostProfile]],
    task_results: Sequence[TaskResults],
    styles: SourceStyles,
    report: Path,
    draw: DrawFunction,
) -> list[tuple[str, str]]:
    """Draw the score of every task over the seconds per pair.

    Args:
        costs: (source, profile).
        task_results: All tasks; quality tasks have no chart.
        styles: See `bars_and_curves.assign_source_styles`.
        report: Folder of the report, in which the charts are written.
        draw: See `figure_workers.open_figure_pool`.

    Returns:
        (task, path of its chart without suffix, relative to ``report``).
    """
    profiles = _select_comparable_profiles(costs)
    (report / "figures").mkdir(exist_ok=True)
    stems = []
    for results in task_results:
        if results.kind == "quality" or not results.records:
            continue
        table = selection.build_main_table(results)
        header = table.headers[-1]
        scores = {
            row.source_results.source_name: row.cells[-1].mean * header.scale
            for row in table.rows
            if row.cells and row.cells[-1].mean is not None
        }
        points = {
            source: (profiles[source].median_seconds or 0.0, score)
            for source, score in scores.items()
            if source in profiles
        }
        if not points:
            continue
        sensors = [row.source_name for row in results.sources if row.is_single_sensor]
        levels = {source: scores[source] for source in sensors if source in scores}
        stem = f"figures/{file_names.make_safe_file_name(results.name)}-cost"
        profile = next(iter(profiles.values()))
        cost_title = f"seconds per pair ({profile.size}, {profile.device})"
        score_title = f"{header.title}, {get_difference_unit(header)}".removesuffix(", ")
        files = bars_and_curves.build_figure_paths(report, stem)
        titles = (results.figure_title, cost_title, score_title)
        draw(heatmap_and_scatter.draw_score_vs_cost, points, levels, styles, files, titles)
        stems.append((results.name, stem))
    return stems


def write_csv_files(efficiency: Efficiency, report: Path) -> None:
    """Write costs and training times, not rounded, under the folder of the report."""
    (report / "tables").mkdir(exist_ok=True)
    if efficiency.costs:
        rows = [
            {"source": source, "image size": profile.size}
            | {name: getattr(profile, name) for name in PROFILE_FIELDS}
            | {
                "device": profile.device,
                "threads": profile.threads,
                "at": profile.provenance.get("at"),
            }
            for source, profile in efficiency.costs
        ]
        csv_files.write_csv(pd.DataFrame(rows), report / COSTS_FILE)
    if efficiency.training_times:
        columns = ["task", "source", "seed", "seconds", "device"]
        table = pd.DataFrame(list(efficiency.training_times), columns=columns)
        csv_files.write_csv(table.astype({"seed": "Int64"}), report / TRAINING_TIMES_FILE)


def _select_comparable_profiles(costs: Sequence[tuple[str, CostProfile]]) -> dict[str, CostProfile]:
    """Select per source the timed profile with the most frequent image size and device."""
    timed = [(source, profile) for source, profile in costs if profile.median_seconds]
    settings = Counter((profile.size, profile.device) for _, profile in timed)
    if not settings:
        return {}
    most_frequent = settings.most_common(1)[0][0]
    return {
        source: profile
        for source, profile in timed
        if (profile.size, profile.device) == most_frequent
    }


def _format_cost_row(source: str, profile: CostProfile) -> tuple[str, ...]:
    def format_number(value: float | None, decimals: int, unit: float = 1) -> str:
        return UNDEFINED if value is None else f"{value / unit:,.{decimals}f}"

    time_range = (
        f"{format_number(profile.min_seconds, 3)} to {format_number(profile.max_seconds, 3)}"
        if profile.median_seconds
        else UNDEFINED
    )
    return (
        *(source, profile.size, f"{profile.parameters:,}", format_number(profile.macs, 3, 1e9)),
        *(format_number(profile.median_seconds, 3), time_range, str(profile.repetitions)),
        format_number(profile.processor_seconds, 3),
        *(format_number(profile.peak_memory_bytes, 1, 1e6), profile.device),
    )
