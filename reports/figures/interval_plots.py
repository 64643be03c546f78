"""Correlations with their intervals: points with error bars, filled where they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.figures import fonts
from reports.figures.bars_and_curves import (
    SourceStyles,
    ignore_missing_glyphs,
    load_pyplot,
    save_figure,
    shorten_name,
)

WIDTH = 3.5  # inches, one column of a page
LINE_HEIGHT = 0.13  # inches per point
ROW_GAP = 0.08  # inches between rows
MARGIN = 0.85  # inches for title, axis and legend
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEGEND_COLUMNS = 3
MAX_TITLE_LENGTH = 58  # characters of a line across the figure
SINGLE_COLOR = "#1f2937"


@dataclass(frozen=True)
class IntervalPoint:
    """A correlation in a plot.

    Attributes:
        value: -1 to 1.
        interval: Both ends; None without one.
        is_shown: Whether it is shown to differ from 0; drawn filled.
    """

    value: float
    interval: tuple[float, float] | None
    is_shown: bool


def draw_intervals(
    rows: Mapping[str, Mapping[str, IntervalPoint]],
    styles: SourceStyles,
    files: Sequence[Path],
    titles: tuple[str, str],
) -> None:
    """Draw rows of points with their intervals.

    Args:
        rows: Title of the row to name of the series (a source; empty for a single series) to point.
        styles: See `bars_and_curves.assign_source_styles`.
        files: Output files; the suffix decides the format.
        titles: Of the figure, of one or two lines, and of the axis.
    """
    pyplot, settings = load_pyplot()
    series = list(dict.fromkeys(name for row in rows.values() for name in row))
    step = LINE_HEIGHT * len(series) + ROW_GAP
    legend_lines = -(-len(series) // LEGEND_COLUMNS) if len(series) > 1 else 0
    height = MARGIN + step * len(rows) + 0.16 * legend_lines
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(WIDTH, height), layout="constrained")
        axes.axvline(0, color="#6b7280", linewidth=0.8)
        for place, row in enumerate(rows.values()):
            for number, name in enumerate(series):
                if name in row:
                    offset = (number - (len(series) - 1) / 2) * LINE_HEIGHT / step
                    marker = MARKERS[number % len(MARKERS)]
                    color = _get_color(name, styles)
                    _draw_point(axes, row[name], place + offset, color, marker)
        axes.set_yticks(range(len(rows)), [shorten_name(name) for name in rows], parse_math=False)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        for place in range(1, len(rows)):
            axes.axhline(place - 0.5, color="#e5e7eb", linewidth=0.5)
        axes.xaxis.set_major_locator(pyplot.MaxNLocator(5))
        title = "\n".join(map(shorten_title, titles[0].split("\n")))
        figure.suptitle(title, x=0.01, ha="left", fontsize=8, parse_math=False)
        axes.set_xlabel(titles[1], parse_math=False)
        if legend_lines:
            _draw_legend(figure, axes, series, styles)
        save_figure(figure, files)
        pyplot.close(figure)


def shorten_title(title: str) -> str:
    """Shorten a line of a title to what fits the width of the figure and can be drawn."""
    title = fonts.escape_missing_characters(" ".join(title.split()))
    if len(title) <= MAX_TITLE_LENGTH:
        return title
    return f"{title[: MAX_TITLE_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def _draw_point(axes: Any, point: IntervalPoint, height: float, color: str, marker: str) -> None:
    if point.interval:
        axes.plot(point.interval, (height, height), "-", color=color, linewidth=1.1)
    face = color if point.is_shown else "white"
    axes.plot(
        point.value, height, marker, color=color, markerfacecolor=face, markersize=4, zorder=3
    )


def _draw_legend(figure: Any, axes: Any, series: Sequence[str], styles: SourceStyles) -> None:
    handles = [
        axes.plot(
            [], [], MARKERS[number % len(MARKERS)], color=_get_color(name, styles), markersize=4
        )[0]
        for number, name in enumerate(series)
    ]
    figure.legend(
        handles,
        [shorten_name(name) for name in series],
        loc="outside lower center",
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=7,
    )


def _get_color(name: str, styles: SourceStyles) -> str:
    return styles[name][0] if name in styles else SINGLE_COLOR
