"""Leaderboard: the mean score of every source in every task, the best on average first.

The mean is the last column of a task's main table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.document.model import TaskSection
from reports.document.parts.interval_plots import IntervalMark, PlotColumn


@dataclass(frozen=True)
class LeaderboardColumn:
    """One task.

    Attributes:
        number: Of the task in the report, from 1.
        section: The task.
        title: Printed name of the mean, e.g. ``mAP@.5``.
        better: ``higher`` or ``lower``.
        scale: Of its interval plots; None without them.
    """

    number: int
    section: TaskSection
    title: str
    better: str
    scale: PlotColumn | None


@dataclass(frozen=True)
class LeaderboardCell:
    """One source in one task.

    Attributes:
        text, rank: As in the task's main table; the text is empty without a record.
        mark: Interval plot.
    """

    text: str = ""
    rank: int = 0
    mark: IntervalMark | None = None


@dataclass(frozen=True)
class Leaderboard:
    """All tasks with scores, and (source, one cell per task), the best on average first."""

    columns: tuple[LeaderboardColumn, ...]
    rows: tuple[tuple[str, tuple[LeaderboardCell, ...]], ...]


def build_leaderboard(sections: Sequence[TaskSection]) -> Leaderboard | None:
    """Build the leaderboard of the tasks that train a model; None without any score.

    Ranks of fusion metrics are left out: they do not say that fusion helps. The order is that of
    the mean over tasks of the share of sources that are better. It is a way of sorting, not a test.
    """
    numbered = [
        (i, section)
        for i, section in enumerate(sections, 1)
        if section.ranking and section.results.kind != "quality"
    ]
    if not numbered:
        return None
    columns = [_build_column(number, section) for number, section in numbered]
    names = list(dict.fromkeys(name for _, section in numbered for name in section.ranking))
    names.sort(key=lambda name: _compute_mean_position(name, [section for _, section in numbered]))
    return Leaderboard(
        tuple(columns),
        tuple((name, tuple(_build_cell(name, column) for column in columns)) for name in names),
    )


def _build_column(number: int, section: TaskSection) -> LeaderboardColumn:
    table = section.main_tables[0]
    title, _ = table.headers[-1]
    plots = section.score_plots
    return LeaderboardColumn(
        number,
        section,
        title,
        table.better_directions[-1] if table.better_directions else "higher",
        plots.columns[-1] if plots else None,
    )


def _build_cell(name: str, column: LeaderboardColumn) -> LeaderboardCell:
    section = column.section
    row = next((row for row in section.main_tables[0].rows if row.label == name), None)
    if row is None or not row.cells:
        return LeaderboardCell()
    text, rank = row.cells[-1]
    marks = section.score_plots.marks.get(name) if section.score_plots else None
    return LeaderboardCell(text, rank, marks[-1] if marks else None)


def _compute_mean_position(name: str, sections: Sequence[TaskSection]) -> float:
    positions = [
        section.ranking.index(name) / max(1, len(section.ranking) - 1)
        for section in sections
        if name in section.ranking
    ]
    return sum(positions) / len(positions)
