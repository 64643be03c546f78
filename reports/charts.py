"""Confusion matrices as heat maps, and scores against cost, in print size."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reports.confusions import Confusion
from reports.figures import library, save, short, without_letters

SMALLEST, LARGEST = 2.6, 7.0  # inches of a heat map
CELL = 0.42  # inches
DARK = 0.55  # share from which white letters are read better


def heat(found: Confusion, files: Sequence[Path], note: str = "") -> None:
    """Draw a confusion matrix, every row as shares of its sum in percent.

    Args:
        found: What to draw; rows without a count stay empty.
        files: Where to write it; the ending decides the format.
        note: What must not be lost when the chart is taken out of the report.
    """
    pyplot, settings = library()
    shares, count = found.shares, len(found.names)
    side = min(LARGEST, max(SMALLEST, 1.2 + CELL * count))
    size = max(4.0, min(7.0, 72 * (side - 1.2) / count / 3.2))
    with pyplot.rc_context({**settings, "axes.grid": False}), without_letters():
        figure, axes = pyplot.subplots(figsize=(side, side), layout="constrained")
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        for i, j in np.ndindex(shares.shape):
            if math.isfinite(shares[i, j]) and found.counts[i, j]:
                colour = "white" if shares[i, j] > DARK else "black"
                text = f"{100 * shares[i, j]:.0f}"
                said = axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=size)
                said.set_in_layout(False)  # it is inside; measuring hundreds takes long
        names = [short(name) for name in found.names]
        axes.set_xticks(range(count), names, rotation=90, fontsize=7, parse_math=False)
        axes.set_yticks(range(count), names, fontsize=7, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth, % of its row")
        axes.set_title(note, fontsize=8, parse_math=False)
        save(figure, files)
        pyplot.close(figure)


def against(
    points: Mapping[str, tuple[float, float]],
    levels: Mapping[str, float],
    looks: Mapping[str, tuple[str, str]],
    files: Sequence[Path],
    axes_titles: tuple[str, str],
) -> None:
    """Draw a score over cost, one named point per method, and single sensors as lines.

    Args:
        points: Source to cost (above 0) and score.
        levels: Source that costs nothing to its score.
        looks: See `figures.styles`.
        files: Where to write it; the ending decides the format.
        axes_titles: Of cost and score.
    """
    pyplot, settings = library()
    with pyplot.rc_context(settings), without_letters():
        figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
        axes.set_xscale("log")
        axes.margins(y=0.15)
        for name, score in levels.items():
            axes.axhline(score, color=looks[name][0], linestyle="--", linewidth=0.9)
        for name, (cost, score) in points.items():
            axes.plot(cost, score, "o", color=looks[name][0], markersize=5)
        costs = [cost for cost, _ in points.values()]
        axes.set_xlim(min(costs) / 2, max(costs) * 2)
        edges = axes.get_xlim()
        near = edges[1] / edges[0] < 10  # else the powers of ten are enough
        axes.xaxis.set_major_formatter(lambda cost, _: f"{cost:g}")
        axes.xaxis.set_minor_formatter(lambda cost, _: f"{cost:g}" if near else "")
        middle = math.sqrt(edges[0] * edges[1])
        for name, (cost, score) in points.items():
            side, shift = ("left", 5) if cost < middle else ("right", -5)
            axes.annotate(
                short(name),
                (cost, score),
                (shift, -8),
                textcoords="offset points",
                ha=side,
                fontsize=7,
                parse_math=False,
            )
        for name, score in levels.items():
            axes.annotate(
                short(name),
                (edges[0], score),
                (2, 1),
                textcoords="offset points",
                fontsize=7,
                parse_math=False,
            )
        axes.set_xlabel(axes_titles[0], parse_math=False)
        axes.set_ylabel(axes_titles[1], parse_math=False)
        save(figure, files)
        pyplot.close(figure)
