"""Names beside the points of a chart, so that none lies on a point or on another name."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Axes = Any  # matplotlib's, which only `reports.figures.bars_and_curves` imports
FONT_SIZE = 7  # points
NEAR_OFFSET, FAR_OFFSET = 5, 13  # points from the middle of a mark
POINT_MARGIN = 2.5  # points around a mark
LEVEL_MARGIN = 1  # points to either side of a level
MIN_LABEL_SPACING = 8.5  # points from line to line
LABEL_OFFSETS = tuple(
    (right * far, up * far if right else up * (far + 3), side, "center")
    for far in (NEAR_OFFSET, FAR_OFFSET)
    for right, up, side in (
        *((1, 0, "left"), (-1, 0, "right"), (0, -1, "center"), (0, 1, "center")),
        *((1, -1, "left"), (1, 1, "left"), (-1, -1, "right"), (-1, 1, "right")),
    )
)


class Rectangle(NamedTuple):
    """A rectangle in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float


def place_point_labels(
    axes: Axes, points: Sequence[tuple[str, tuple[float, float]]], levels: Iterable[float] = ()
) -> None:
    """Write each name where it covers least: right of its point if there is room.

    Args:
        axes: With its marks and limits; drawn once for its layout.
        points: Name and place, in data.
        levels: Heights of lines across the axes, in data.
    """
    inch = _lay_out_figure(axes)
    inside = Rectangle(*axes.get_window_extent().extents)
    taken = [
        _build_square(axes.transData.transform(point), POINT_MARGIN * inch) for _, point in points
    ]
    for level in levels:
        height = axes.transData.transform((1, level))[1]
        taken.append(
            Rectangle(
                inside.x0, height - LEVEL_MARGIN * inch, inside.x1, height + LEVEL_MARGIN * inch
            )
        )
    for name, point in points:
        best: tuple[float, Any, Rectangle] | None = None
        for shift_x, shift_y, side, height in LABEL_OFFSETS:
            text = axes.annotate(
                name,
                point,
                (shift_x, shift_y),
                textcoords="offset points",
                ha=side,
                va=height,
                fontsize=FONT_SIZE,
                parse_math=False,
            )
            box = Rectangle(*text.get_window_extent().extents)
            hidden = (
                sum(_compute_intersection_area(box, other) for other in taken)
                + _compute_area(box)
                - _compute_intersection_area(box, inside)
            )
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


def place_level_labels(axes: Axes, levels: Iterable[tuple[str, float, str]]) -> None:
    """Write the name of every level right of the axes, apart from each other.

    Args:
        axes: With its limits.
        levels: Name, height in data, and color of its line.
    """
    inch = _lay_out_figure(axes)
    rising = sorted(levels, key=lambda level: level[1])
    heights = [axes.transData.transform((1, level))[1] / inch for _, level, _ in rising]
    apart = spread_heights(heights, MIN_LABEL_SPACING)
    for (name, level, color), height, to in zip(rising, heights, apart, strict=True):
        axes.annotate(
            name,
            (1, level),
            (3, to - height),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=FONT_SIZE,
            color=color,
            parse_math=False,
        )


def spread_heights(heights: Sequence[float], least: float) -> list[float]:
    """Rising heights moved apart to at least ``least``, each group about its own middle."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while (
            len(groups) > 1
            and _compute_group_limits(groups[-1], least)[0]
            - _compute_group_limits(groups[-2], least)[1]
            < least
        ):
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [
        _compute_group_limits(group, least)[0] + least * i
        for group in groups
        for i in range(len(group))
    ]


def _compute_group_limits(group: Sequence[float], least: float) -> tuple[float, float]:
    """The lowest and highest of a group that stands ``least`` apart."""
    middle, half = sum(group) / len(group), least * (len(group) - 1) / 2
    return middle - half, middle + half


def _lay_out_figure(axes: Axes) -> float:
    """Lay the figure out; how many pixels a point has."""
    figure = axes.figure.canvas.figure
    figure.draw_without_rendering()
    return float(figure.dpi) / 72


def _build_square(mark: Sequence[float], reach: float) -> Rectangle:
    x, y = map(float, mark)
    return Rectangle(x - reach, y - reach, x + reach, y + reach)


def _compute_area(box: Rectangle) -> float:
    return float((box.x1 - box.x0) * (box.y1 - box.y0))


def _compute_intersection_area(one: Rectangle, other: Rectangle) -> float:
    """The area that two boxes have in common."""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(wide * high) if wide > 0 and high > 0 else 0.0
