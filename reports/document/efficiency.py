"""What fusion methods cost and what they bring: from the profiles of a store and the records.

The profiles are what `python -m fusion.profile` measured. One counts for a source if it is of the
same method with the same options. Scores are drawn over the seconds of one image size and device:
those of which most sources were measured.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fusebench.config import schema
from fusebench.runtime import file_names
from fusebench.storage import cost_profiles
from fusebench.storage.cost_profiles import CostProfile
from reports.document import sections
from reports.figures import bars_and_curves, heatmap_and_scatter
from reports.figures.figure_workers import DrawFunction
from reports.results.task_results import TaskResults
from reports.tables import csv_files
from reports.tables.number_format import UNDEFINED, get_difference_unit

COSTS_FILE, TRAINING_TIMES_FILE = "tables/efficiency.csv", "tables/trainings.csv"
HEADERS = (
    *("source", "image size", "parameters", "multiply-accumulates, G"),
    *("seconds per pair", "least to most", "peak memory, MB", "on"),
)
TEXT_HEADERS = ("source", "task", "image size", "on")  # heads of what is no number
PROFILE_FIELDS = ("parameters", "macs", "seconds", "least", "most", "memory")
EfficiencyStyles = Mapping[str, tuple[str, str]]  # see `figures.styles`


@dataclass(frozen=True)
class Efficiency:
    """What is known of cost.

    Attributes:
        costs: One per fusion method and image size.
        trainings: Task, source, seed, seconds of the training and device of every record that
            says so.
        unmeasured: Fusion methods without a profile.
        command: What measures them.
        charts: Task to stem of its chart.
    """

    costs: tuple[tuple[str, CostProfile], ...]
    training_times: tuple[tuple[str, str, int | None, float, str], ...]
    sources_without_profile: tuple[str, ...]
    profile_command: str
    chart_stems: tuple[tuple[str, str], ...] = ()

    @property
    def cost_rows(self) -> list[tuple[str, ...]]:
        """The costs as they are read, in the order of `HEADERS`."""
        return [_format_cost_row(source, found) for source, found in self.costs]

    @property
    def mean_training_time_rows(self) -> list[tuple[str, ...]]:
        """Task, source and the mean seconds of its trainings, as they are read."""
        found: dict[tuple[str, str, str], list[float]] = {}
        for task, source, _, seconds, device in self.training_times:
            found.setdefault((task, source, device), []).append(seconds)
        return [
            (source, task, f"{sum(times) / len(times):.1f}", str(len(times)), device)
            for (task, source, device), times in found.items()
        ]


def find_profiles(
    root: Path, sources: Mapping[str, schema.Source]
) -> list[tuple[str, CostProfile]]:
    """The profiles that are of these sources as they are now, in their order.

    Raises:
        UserError: If a profile is damaged.
    """
    kept = list(cost_profiles.read_profiles(root))
    return [
        (name, found)
        for name, source in sources.items()
        if isinstance(source, schema.FusionMethodSource)
        for found in kept
        if (found.method, found.options) == (source.method, source.options) and found.source == name
    ]


def collect_training_times(
    every: Sequence[TaskResults],
) -> list[tuple[str, str, int | None, float, str]]:
    """How long the trainings of detectors and segmenters took, of records that say so."""
    return [
        (
            *(results.name, record.source, record.seed, float(said["seconds"])),
            str(said.get("device", record.provenance.get("device", "not said"))),
        )
        for results in every
        for record in results.records
        if (said := record.provenance.get("training")) and "seconds" in said
    ]


def draw_cost_charts(
    costs: Sequence[tuple[str, CostProfile]],
    every: Sequence[TaskResults],
    looks: EfficiencyStyles,
    to: Path,
    draw: DrawFunction,
) -> list[tuple[str, str]]:
    """Draw every task's score over seconds; its name and the stem of its files, under ``to``."""
    times = _select_comparable_profiles(costs)
    (to / "figures").mkdir(exist_ok=True)
    drawn = []
    for results in every:
        if results.kind == "quality" or not results.records:
            continue
        table = sections.build_main_table(results)
        heading = table.headers[-1]
        scores = {
            line.source_results.source_name: (line.cells[-1].mean or 0.0) * heading.scale
            for line in table.rows
            if line.cells and line.cells[-1].mean is not None
        }
        points = {s: (times[s].median_seconds or 0.0, scores[s]) for s in scores if s in times}
        levels = {
            line.source_results.source_name: scores[line.source_results.source_name]
            for line in table.rows
            if line.source_results.is_single_sensor and line.source_results.source_name in scores
        }
        if points:
            stem = f"figures/{file_names.make_safe_file_name(results.name)}-cost"
            one = next(iter(times.values()))
            cost = f"seconds per pair ({one.size}, {one.device})"
            files = [to / f"{stem}.{ending}" for ending in bars_and_curves.FILE_FORMATS]
            score = f"{heading.title}, {get_difference_unit(heading)}".removesuffix(", ")
            draw(
                heatmap_and_scatter.draw_score_vs_cost, points, levels, looks, files, (cost, score)
            )
            drawn.append((results.name, stem))
    return drawn


def write_csv_files(found: Efficiency, to: Path) -> None:
    """Write the numbers, unrounded."""
    (to / "tables").mkdir(exist_ok=True)
    if found.costs:
        rows = [
            {"source": source, "image size": one.size}
            | {name: getattr(one, name) for name in PROFILE_FIELDS}
            | {"device": one.device, "threads": one.threads, "at": one.provenance.get("at")}
            for source, one in found.costs
        ]
        csv_files.write_csv(pd.DataFrame(rows), to / COSTS_FILE)
    if found.training_times:
        columns = ["task", "source", "seed", "seconds", "device"]
        table = pd.DataFrame(list(found.training_times), columns=columns)
        csv_files.write_csv(table.astype({"seed": "Int64"}), to / TRAINING_TIMES_FILE)


def _select_comparable_profiles(costs: Sequence[tuple[str, CostProfile]]) -> dict[str, CostProfile]:
    """Per source the timed profile of the size and device that most sources have."""
    timed = [(source, one) for source, one in costs if one.median_seconds]
    ways = Counter((one.size, one.device) for _, one in timed)
    if not ways:
        return {}
    way = ways.most_common(1)[0][0]
    return {source: one for source, one in timed if (one.size, one.device) == way}


def _format_cost_row(source: str, one: CostProfile) -> tuple[str, ...]:
    def number(value: float | None, decimals: int, unit: float = 1) -> str:
        return UNDEFINED if value is None else f"{value / unit:,.{decimals}f}"

    spread = (
        f"{number(one.min_seconds, 3)} to {number(one.max_seconds, 3)}"
        if one.median_seconds
        else UNDEFINED
    )
    return (
        *(source, one.size, f"{one.parameters:,}", number(one.macs, 3, 1e9)),
        *(number(one.median_seconds, 3), spread, number(one.peak_memory_bytes, 1, 1e6), one.device),
    )
