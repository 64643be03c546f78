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

from bench import names, profiles, tasks
from bench.profiles import Profile
from reports.contents import chapters
from reports.pictures import charts, figures
from reports.pictures.studio import Draw
from reports.records.results import Results
from reports.scores import sheets
from reports.scores.numbers import UNDEFINED, unit

COSTS, TRAININGS = "tables/efficiency.csv", "tables/trainings.csv"
HEADS = (
    *("source", "image size", "parameters", "multiply-accumulates, G"),
    *("seconds per pair", "least to most", "peak memory, MB", "on"),
)
TEXTS = ("source", "task", "image size", "on")  # heads of what is no number
NUMBERS = ("parameters", "macs", "seconds", "least", "most", "memory")
Looks = Mapping[str, tuple[str, str]]  # see `figures.styles`


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

    costs: tuple[tuple[str, Profile], ...]
    trainings: tuple[tuple[str, str, int | None, float, str], ...]
    unmeasured: tuple[str, ...]
    command: str
    charts: tuple[tuple[str, str], ...] = ()

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The costs as they are read, in the order of `HEADS`."""
        return [_row(source, found) for source, found in self.costs]

    @property
    def means(self) -> list[tuple[str, ...]]:
        """Task, source and the mean seconds of its trainings, as they are read."""
        found: dict[tuple[str, str, str], list[float]] = {}
        for task, source, _, seconds, device in self.trainings:
            found.setdefault((task, source, device), []).append(seconds)
        return [
            (source, task, f"{sum(times) / len(times):.1f}", str(len(times)), device)
            for (task, source, device), times in found.items()
        ]


def measured(root: Path, sources: Mapping[str, tasks.Source]) -> list[tuple[str, Profile]]:
    """The profiles that are of these sources as they are now, in their order.

    Raises:
        BenchError: If a profile is damaged.
    """
    kept = list(profiles.read(root))
    return [
        (name, found)
        for name, source in sources.items()
        if isinstance(source, tasks.Method)
        for found in kept
        if (found.method, found.options) == (source.method, source.options) and found.source == name
    ]


def trainings(every: Sequence[Results]) -> list[tuple[str, str, int | None, float, str]]:
    """How long the trainings of detectors and segmenters took, of records that say so."""
    return [
        (
            *(results.name, record.source, record.seed, float(said["seconds"])),
            str(said.get("device", record.made.get("device", "not said"))),
        )
        for results in every
        for record in results.records
        if (said := record.made.get("training")) and "seconds" in said
    ]


def charted(
    costs: Sequence[tuple[str, Profile]],
    every: Sequence[Results],
    looks: Looks,
    to: Path,
    draw: Draw,
) -> list[tuple[str, str]]:
    """Draw every task's score over seconds; its name and the stem of its files, under ``to``."""
    times = _alike(costs)
    (to / "figures").mkdir(exist_ok=True)
    drawn = []
    for results in every:
        if results.kind == "quality" or not results.records:
            continue
        table = chapters.leading(results)
        heading = table.headings[-1]
        scores = {
            line.row.source: (line.entries[-1].mean or 0.0) * heading.scale
            for line in table.lines
            if line.entries and line.entries[-1].mean is not None
        }
        points = {s: (times[s].seconds or 0.0, scores[s]) for s in scores if s in times}
        levels = {
            line.row.source: scores[line.row.source]
            for line in table.lines
            if line.row.single and line.row.source in scores
        }
        if points:
            stem = f"figures/{names.safe(results.name)}-cost"
            one = next(iter(times.values()))
            cost = f"seconds per pair ({one.size}, {one.device})"
            files = [to / f"{stem}.{ending}" for ending in figures.FORMATS]
            score = f"{heading.title}, {unit(heading)}".removesuffix(", ")
            draw(charts.against, points, levels, looks, files, (cost, score))
            drawn.append((results.name, stem))
    return drawn


def write(found: Efficiency, to: Path) -> None:
    """Write the numbers, unrounded."""
    (to / "tables").mkdir(exist_ok=True)
    if found.costs:
        rows = [
            {"source": source, "image size": one.size}
            | {name: getattr(one, name) for name in NUMBERS}
            | {"device": one.device, "threads": one.threads, "at": one.made.get("at")}
            for source, one in found.costs
        ]
        sheets.write(pd.DataFrame(rows), to / COSTS)
    if found.trainings:
        columns = ["task", "source", "seed", "seconds", "device"]
        table = pd.DataFrame(list(found.trainings), columns=columns)
        sheets.write(table.astype({"seed": "Int64"}), to / TRAININGS)


def _alike(costs: Sequence[tuple[str, Profile]]) -> dict[str, Profile]:
    """Per source the timed profile of the size and device that most sources have."""
    timed = [(source, one) for source, one in costs if one.seconds]
    ways = Counter((one.size, one.device) for _, one in timed)
    if not ways:
        return {}
    way = ways.most_common(1)[0][0]
    return {source: one for source, one in timed if (one.size, one.device) == way}


def _row(source: str, one: Profile) -> tuple[str, ...]:
    def number(value: float | None, decimals: int, unit: float = 1) -> str:
        return UNDEFINED if value is None else f"{value / unit:,.{decimals}f}"

    spread = f"{number(one.least, 3)} to {number(one.most, 3)}" if one.seconds else UNDEFINED
    return (
        *(source, one.size, f"{one.parameters:,}", number(one.macs, 3, 1e9)),
        *(number(one.seconds, 3), spread, number(one.memory, 1, 1e6), one.device),
    )
