"""Interval plots of a score table: scores or differences with 95 % intervals.

There is one small plot per source and column, which the page draws as SVG.

All positions are percent of a plot's width. Plots of differences share one scale, so that they can
be compared across columns; only the mean, whose differences are smaller, has its own. The shared
scale ends at `MAX_INTERVAL_RATIO` times its largest difference: longer intervals are cut off, and
marked so. Plots of scores have the same length per point in every column, but start where the
column's scores are.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.tables.comparison import (
    ColumnHeader,
    ScoreTable,
    TableRow,
    find_better_single_sensor,
)
from reports.tables.number_format import MINUS

MAX_INTERVAL_RATIO = 1.3
MIN_TICK_DISTANCE = 27.0  # percent of a plot's width between the labels of two ticks
MARGIN = 6.0  # percent of a plot's width that stays empty on both sides
TICK_STEPS = (1.0, 2.0, 5.0)  # times a power of ten
MIN_SPAN = 1e-6  # as printed; shorter scales are drawn with this length
Interval = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True)
class IntervalMark:
    """One source in one column.

    Attributes:
        value, low, high: Positions in percent; low and high equal value without an interval.
        verdict: One of `confidence_intervals.VERDICTS`, or empty.
        is_cut_low, is_cut_high: Whether the interval goes beyond the scale.
    """

    value: float
    low: float
    high: float
    verdict: str = ""
    is_cut_low: bool = False
    is_cut_high: bool = False


@dataclass(frozen=True)
class PlotColumn:
    """Scale of the plots of one column.

    Attributes:
        reference: Position of the reference line (no difference, or the better single sensor);
            None without one.
        ticks: (position, label) of the scale.
    """

    reference: float | None
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class IntervalPlots:
    """The plots of a table.

    Attributes:
        columns: One per column of the table.
        marks: Source to one mark per column; None where there is no value.
    """

    columns: tuple[PlotColumn, ...]
    marks: dict[str, tuple[IntervalMark | None, ...]]

    @property
    def has_intervals(self) -> bool:
        """Whether any mark has an interval."""
        return any(mark and mark.low < mark.high for row in self.marks.values() for mark in row)


def build_difference_plots(table: ScoreTable) -> IntervalPlots | None:
    """Build the plots of the differences to the better single sensor; None without differences."""
    rows = [row for row in table.rows if row.differences]
    values = _read_values(rows, table, _read_difference)
    mean_columns = [i for i, header in enumerate(table.headers) if header.is_mean]
    other_columns = [i for i in range(len(table.headers)) if i not in mean_columns]
    scales: dict[int, _Scale] = {}
    for columns, ratio in ((mean_columns, math.inf), (other_columns, MAX_INTERVAL_RATIO)):
        present = [value for row in values.values() for i in columns if (value := row[i])]
        scales |= dict.fromkeys(columns, _build_difference_scale(present, ratio))
    if not any(value for row in values.values() for value in row):
        return None
    return IntervalPlots(
        tuple(
            PlotColumn(scales[i].locate(0.0), scales[i].list_ticks(is_signed=True))
            for i in range(len(table.headers))
        ),
        {
            row.source_results.source_name: tuple(
                scales[i].place(value, _get_verdict(row, i)) if value else None
                for i, value in enumerate(values[row.source_results.source_name])
            )
            for row in rows
        },
    )


def build_score_plots(table: ScoreTable) -> IntervalPlots | None:
    """Build the plots of the scores, with the better single sensor as reference."""
    rows = [row for row in table.rows if row.cells]
    values = _read_values(rows, table, _read_score)
    ends = []
    for i in range(len(table.headers)):
        present = [value for row in values.values() if (value := row[i])]
        ends.append(
            (min(value[1] for value in present), max(value[2] for value in present))
            if present
            else (0.0, 0.0)
        )
    span = max((high - low for low, high in ends), default=0.0)
    if span < MIN_SPAN:
        return None
    scales = [_Scale((low + high - span) / 2, (low + high + span) / 2) for low, high in ends]
    return IntervalPlots(
        tuple(
            PlotColumn(_locate_baseline(table, i, scale), scale.list_ticks(is_signed=False))
            for i, scale in enumerate(scales)
        ),
        {
            row.source_results.source_name: tuple(
                scale.place(value, _get_verdict(row, i)) if value else None
                for i, (scale, value) in enumerate(
                    zip(scales, values[row.source_results.source_name], strict=True)
                )
            )
            for row in rows
        },
    )


def rank_rows(table: ScoreTable) -> list[str]:
    """List the sources with scores by the last column, best first; undefined scores last."""
    header, last = table.headers[-1], len(table.headers) - 1
    sign = -1 if header.better == "higher" else 1
    rows = [row for row in table.rows if row.cells]

    def get_key(row: TableRow) -> tuple[bool, float]:
        mean = row.cells[last].mean
        return mean is None, sign * (mean or 0.0)

    return [row.source_results.source_name for row in sorted(rows, key=get_key)]


@dataclass(frozen=True)
class _Scale:
    """Linear scale from printed values to percent of a plot's width."""

    low: float
    high: float

    def locate(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(MARGIN + share * (100 - 2 * MARGIN), 1)

    def place(self, interval: Interval, verdict: str) -> IntervalMark:
        value, low, high = interval
        return IntervalMark(
            self.locate(value),
            self.locate(max(low, self.low)),
            self.locate(min(high, self.high)),
            verdict,
            is_cut_low=low < self.low,
            is_cut_high=high > self.high,
        )

    def list_ticks(self, *, is_signed: bool) -> tuple[tuple[float, str], ...]:
        """List 0 and the smallest and largest round number of the scale, unless labels overlap."""
        step = _choose_step((self.high - self.low) / 6)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        decimals = max(0, -math.floor(math.log10(step)))
        numbers = dict.fromkeys((0 if first < 0 < last else first, first, last))
        sign = "+" if is_signed else ""
        ticks: list[tuple[float, str]] = []
        for number in numbers:
            position = self.locate(number * step)
            if all(abs(position - other) >= MIN_TICK_DISTANCE for other, _ in ticks):
                text = f"{number * step:{sign if number else ''}.{decimals}f}"
                ticks.append((position, text.replace("-", MINUS)))
        return tuple(sorted(ticks))


def _build_difference_scale(intervals: Sequence[Interval], ratio: float) -> _Scale:
    """Build the scale that has 0 and all values, and intervals up to a ratio of the largest."""
    largest = max((abs(value) for value, _, _ in intervals), default=0.0)
    limit = max(ratio * largest, 1.0) if largest else math.inf
    low = min([0.0, *(max(low, -limit) for _, low, _ in intervals)])
    high = max([0.0, *(min(high, limit) for _, _, high in intervals)])
    return _Scale(low, max(high, low + MIN_SPAN))


def _choose_step(length: float) -> float:
    """Choose the largest round number (1, 2 or 5 times a power of ten) up to a length."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in TICK_STEPS if step * power <= length * (1 + 1e-9))


def _read_values(
    rows: Sequence[TableRow],
    table: ScoreTable,
    read: Callable[[TableRow, int, ColumnHeader], Interval | None],
) -> dict[str, list[Interval | None]]:
    """Read the values of all columns by source."""
    return {
        row.source_results.source_name: [
            read(row, i, header) for i, header in enumerate(table.headers)
        ]
        for row in rows
    }


def _read_difference(row: TableRow, column: int, header: ColumnHeader) -> Interval | None:
    comparison = row.comparisons[column] if row.comparisons else None
    if comparison:
        estimate = comparison.estimate
        value, low, high = (x * header.scale for x in (estimate.value, estimate.low, estimate.high))
        return value, low, high
    difference = row.differences[column]
    return None if difference is None else (difference * header.scale,) * 3


def _read_score(row: TableRow, column: int, header: ColumnHeader) -> Interval | None:
    cell = row.cells[column]
    if cell.mean is None:
        return None
    mean = cell.mean * header.scale
    if cell.estimate is None:
        return mean, mean, mean
    # the interval is around the same mean; a rounded end may not pass it
    return (
        mean,
        min(mean, cell.estimate.low * header.scale),
        max(mean, cell.estimate.high * header.scale),
    )


def _get_verdict(row: TableRow, column: int) -> str:
    comparison = row.comparisons[column] if row.comparisons else None
    return comparison.verdict if comparison else ""


def _locate_baseline(table: ScoreTable, column: int, scale: _Scale) -> float | None:
    single = find_better_single_sensor(table, column)
    if single is None:
        return None
    mean = single.cells[column].mean
    return None if mean is None else scale.locate(mean * table.headers[column].scale)


def list_column_order(headers: Sequence[ColumnHeader]) -> list[int]:
    """List the columns with the means first, because they answer the task's question."""
    means = [i for i, header in enumerate(headers) if header.is_mean]
    return [*means, *(i for i, header in enumerate(headers) if not header.is_mean)]
