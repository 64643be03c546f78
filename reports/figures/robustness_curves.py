"""Curves of the retained score over the severity: one chart per corruption, one line per source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.figures import bars_and_curves, fonts
from reports.figures.bars_and_curves import (
    FIGURE_WIDTH,
    LEGEND_COLUMNS,
    LEGEND_LINE_HEIGHT,
    LINE_STYLES,
    SourceStyles,
)

CHART_COLUMNS, CHART_HEIGHT = 4, 1.7  # charts side by side, inches
POINT_OFFSET = 0.05  # severities between the points of two sources, so that intervals are seen
MAX_TOP = 130.0  # percent; a ratio of two small scores could be anything


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve, in percent; without an interval both ends are None."""

    severity: int
    retained: float
    low: float | None = None
    high: float | None = None


Curves = Mapping[str, Mapping[str, Sequence[CurvePoint]]]  # by title of corruption and by source


def draw_robustness_curves(
    curves: Curves, styles: SourceStyles, files: Sequence[Path], title: str, score_title: str
) -> None:
    """Draw the retained score over the severity; 0 is the clean pair.

    Args:
        curves: Points by corruption and source.
        styles: See `bars_and_curves.assign_source_styles`; only the color is used.
        files: Output files; the suffix decides the format.
        title: For readers who see the chart without the report.
        score_title: Name of the score, for the axis.
    """
    pyplot, settings = bars_and_curves.load_pyplot()
    drawn = {source for by_source in curves.values() for source in by_source}
    sources = [source for source in styles if source in drawn]
    rows = -(-len(curves) // CHART_COLUMNS)
    columns = -(-len(curves) // rows)  # as many in every row, as far as possible
    legend_height = LEGEND_LINE_HEIGHT * (2 + len(sources) / LEGEND_COLUMNS)
    points = [p for by_source in curves.values() for each in by_source.values() for p in each]
    top = min(MAX_TOP, max([105.0, *(point.high or point.retained for point in points)]))
    with pyplot.rc_context(settings), bars_and_curves.ignore_missing_glyphs():
        figure, grid = pyplot.subplots(
            *(rows, columns),
            squeeze=False,
            sharex=True,
            sharey=True,
            figsize=(FIGURE_WIDTH, CHART_HEIGHT * rows + legend_height + 0.3),
            layout="constrained",
        )
        handles = {}
        for axes, (corruption, by_source) in zip(grid.flat, curves.items(), strict=False):
            axes.set_title(bars_and_curves.shorten_name(corruption), fontsize=8, parse_math=False)
            for source, line in by_source.items():
                number = sources.index(source)
                handles[source] = _draw_line(axes, line, styles[source][0], number, len(sources))
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        grid[0, 0].set(ylim=(0, top), xticks=(0, 1, 2, 3))
        for axes in grid.flat[max(0, len(curves) - columns) : len(curves)]:
            axes.set_xlabel("severity")
            axes.tick_params(labelbottom=True)
        label = f"retained {score_title}, % of clean"
        figure.supylabel(fonts.escape_missing_characters(label), fontsize=8, parse_math=False)
        figure.suptitle(fonts.escape_missing_characters(title), fontsize=8, parse_math=False)
        bars_and_curves.draw_legend(figure, [handles[source] for source in sources], sources)
        bars_and_curves.save_figure(figure, files)
        pyplot.close(figure)


def _draw_line(axes: Any, line: Sequence[CurvePoint], color: str, number: int, count: int) -> Any:
    """Draw the curve of one source, with intervals, from the clean pair on."""
    offset = POINT_OFFSET * (number - (count - 1) / 2)
    x = [0.0, *(point.severity + offset for point in line)]
    y = [100.0, *(point.retained for point in line)]
    style = LINE_STYLES[number % len(LINE_STYLES)]
    (handle,) = axes.plot(
        x, y, color=color, linestyle=style, linewidth=1.1, marker="o", markersize=2.2
    )
    for point in line:
        if point.low is not None and point.high is not None:
            x_point = point.severity + offset
            axes.vlines(x_point, point.low, point.high, color=color, linewidth=0.7)
    return handle
