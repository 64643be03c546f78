"""Names beside the points of a chart, so that none lies on a point or on another name."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Axes = Any  # matplotlib's, which only `reports.pictures.figures` imports
SIZE = 7  # points
NEAR, FAR = 5, 13  # points from the middle of a mark
CLEAR = 2.5  # points around a mark
LINE = 1  # points to either side of a level
SPACING = 8.5  # points from line to line
PLACES = tuple(
    (right * far, up * far if right else up * (far + 3), side, "center")
    for far in (NEAR, FAR)
    for right, up, side in (
        *((1, 0, "left"), (-1, 0, "right"), (0, -1, "center"), (0, 1, "center")),
        *((1, -1, "left"), (1, 1, "left"), (-1, -1, "right"), (-1, 1, "right")),
    )
)


class Box(NamedTuple):
    """A rectangle in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float


def beside(
    axes: Axes, points: Sequence[tuple[str, tuple[float, float]]], levels: Iterable[float] = ()
) -> None:
    """Write each name where it covers least: right of its point if there is room.

    Args:
        axes: With its marks and limits; drawn once for its layout.
        points: Name and place, in data.
        levels: Heights of lines across the axes, in data.
    """
    inch = _laid_out(axes)
    inside = Box(*axes.get_window_extent().extents)
    taken = [_around(axes.transData.transform(point), CLEAR * inch) for _, point in points]
    for level in levels:
        height = axes.transData.transform((1, level))[1]
        taken.append(Box(inside.x0, height - LINE * inch, inside.x1, height + LINE * inch))
    for name, point in points:
        best: tuple[float, Any, Box] | None = None
        for shift_x, shift_y, side, height in PLACES:
            text = axes.annotate(
                name,
                point,
                (shift_x, shift_y),
                textcoords="offset points",
                ha=side,
                va=height,
                fontsize=SIZE,
                parse_math=False,
            )
            box = Box(*text.get_window_extent().extents)
            hidden = sum(_shared(box, other) for other in taken) + _area(box) - _shared(box, inside)
            if best is None or hidden < best[0] - 1e-6:
                if best:
                    best[1].remove()
                best = hidden, text, box
            else:
                text.remove()
            if hidden <= 0:
                break
        if best:
            taken.append(best[2])


def at_right(axes: Axes, levels: Iterable[tuple[str, float, str]]) -> None:
    """Write the name of every level right of the axes, apart from each other.

    Args:
        axes: With its limits.
        levels: Name, height in data, and colour of its line.
    """
    inch = _laid_out(axes)
    rising = sorted(levels, key=lambda level: level[1])
    heights = [axes.transData.transform((1, level))[1] / inch for _, level, _ in rising]
    apart = spread(heights, SPACING)
    for (name, level, colour), height, to in zip(rising, heights, apart, strict=True):
        axes.annotate(
            name,
            (1, level),
            (3, to - height),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=SIZE,
            color=colour,
            parse_math=False,
        )


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Rising heights moved apart to at least ``least``, each group about its own middle."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _ends(groups[-1], least)[0] - _ends(groups[-2], least)[1] < least:
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [_ends(group, least)[0] + least * i for group in groups for i in range(len(group))]


def _ends(group: Sequence[float], least: float) -> tuple[float, float]:
    """The lowest and highest of a group that stands ``least`` apart."""
    middle, half = sum(group) / len(group), least * (len(group) - 1) / 2
    return middle - half, middle + half


def _laid_out(axes: Axes) -> float:
    """Lay the figure out; how many pixels a point has."""
    figure = axes.figure.canvas.figure
    figure.draw_without_rendering()
    return float(figure.dpi) / 72


def _around(mark: Sequence[float], reach: float) -> Box:
    x, y = map(float, mark)
    return Box(x - reach, y - reach, x + reach, y + reach)


def _area(box: Box) -> float:
    return float((box.x1 - box.x0) * (box.y1 - box.y0))


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(wide * high) if wide > 0 and high > 0 else 0.0
