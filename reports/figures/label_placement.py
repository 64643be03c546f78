"""Placement of text labels in scatter plots, so that none covers a point or another label."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Axes = Any  # matplotlib's, which only `reports.figures.bars_and_curves` imports
FONT_SIZE = 7  # points
NEAR_OFFSET, FAR_OFFSET = 5, 13  # points from the center of a marker
POINT_MARGIN = 2.5  # points around a marker
LEVEL_MARGIN = 1  # points above and below a level
MIN_LABEL_SPACING = 8.5  # points from line to line
LABEL_OFFSETS = tuple(  # (points right, points up, horizontal alignment, vertical alignment)
    (right * offset, up * offset if right else up * (offset + 3), alignment, "center")
    for offset in (NEAR_OFFSET, FAR_OFFSET)
    for right, up, alignment in (
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
    """Write each label where it covers least, preferably right of its point.

    Args:
        axes: With markers and limits; the figure is laid out once.
        points: (label, (x, y) in data coordinates).
        levels: Heights of horizontal lines, in data coordinates.
    """
    pixels_per_point = _lay_out_figure(axes)
    inside = Rectangle(*axes.get_window_extent().extents)
    occupied = [
        _build_square(axes.transData.transform(point), POINT_MARGIN * pixels_per_point)
        for _, point in points
    ]
    margin = LEVEL_MARGIN * pixels_per_point
    for level in levels:
        height = axes.transData.transform((1, level))[1]
        occupied.append(Rectangle(inside.x0, height - margin, inside.x1, height + margin))
    for label, point in points:
        occupied.append(_place_label(axes, label, point, occupied, inside))


def _place_label(
    axes: Axes,
    label: str,
    point: tuple[float, float],
    occupied: Sequence[Rectangle],
    inside: Rectangle,
) -> Rectangle:
    """Try all offsets in order, keep the text that covers least; return its rectangle."""
    best: tuple[float, Any, Rectangle] | None = None  # covered area, text, its rectangle
    for right, up, horizontal, vertical in LABEL_OFFSETS:
        text = axes.annotate(
            label,
            point,
            (right, up),
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=FONT_SIZE,
            parse_math=False,
        )
        box = Rectangle(*text.get_window_extent().extents)
        # cost: area on other things, and area outside the axes
        covered = (
            sum(_compute_intersection_area(box, other) for other in occupied)
            + _compute_area(box)
            - _compute_intersection_area(box, inside)
        )
        if best is None or covered < best[0] - 1e-6:
            if best:
                best[1].remove()
            best = covered, text, box
        else:
            text.remove()
        if covered <= 0:
            break
    assert best is not None  # there is at least one offset
    return best[2]


def place_level_labels(axes: Axes, levels: Iterable[tuple[str, float, str]]) -> None:
    """Write the label of every level right of the axes, with `MIN_LABEL_SPACING` between them.

    Args:
        axes: With its limits.
        levels: (label, height in data coordinates, color).
    """
    pixels_per_point = _lay_out_figure(axes)
    rising = sorted(levels, key=lambda level: level[1])
    heights = [axes.transData.transform((1, level))[1] / pixels_per_point for _, level, _ in rising]
    label_heights = spread_heights(heights, MIN_LABEL_SPACING)
    for (label, level, color), height, label_height in zip(
        rising, heights, label_heights, strict=True
    ):
        axes.annotate(
            label,
            (1, level),
            (3, label_height - height),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=FONT_SIZE,
            color=color,
            parse_math=False,
        )


def spread_heights(heights: Sequence[float], spacing: float) -> list[float]:
    """Move rising heights apart to at least ``spacing``, each group around its own mean."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        # merge with the group below as long as the two overlap
        while (
            len(groups) > 1
            and _compute_group_limits(groups[-1], spacing)[0]
            - _compute_group_limits(groups[-2], spacing)[1]
            < spacing
        ):
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [
        _compute_group_limits(group, spacing)[0] + spacing * i
        for group in groups
        for i in range(len(group))
    ]


def _compute_group_limits(group: Sequence[float], spacing: float) -> tuple[float, float]:
    """Compute the lowest and highest height of a group whose members are ``spacing`` apart."""
    mean, half = sum(group) / len(group), spacing * (len(group) - 1) / 2
    return mean - half, mean + half


def _lay_out_figure(axes: Axes) -> float:
    """Lay the figure out; return pixels per point."""
    figure = axes.figure.canvas.figure
    figure.draw_without_rendering()
    return float(figure.dpi) / 72


def _build_square(center: Sequence[float], half_side: float) -> Rectangle:
    x, y = map(float, center)
    return Rectangle(x - half_side, y - half_side, x + half_side, y + half_side)


def _compute_area(box: Rectangle) -> float:
    return float((box.x1 - box.x0) * (box.y1 - box.y0))


def _compute_intersection_area(first: Rectangle, second: Rectangle) -> float:
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    return float(width * height) if width > 0 and height > 0 else 0.0
