"""Confusion matrices as heat maps, and scores against cost, in print size."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reports.figures import label_placement
from reports.figures.bars_and_curves import (
    ignore_missing_glyphs,
    load_pyplot,
    save_figure,
    shorten_name,
)
from reports.results.confusion_matrices import ConfusionMatrix

MIN_SIDE, MAX_SIDE = 2.6, 7.0  # inches of a heat map
CELL_SIZE = 0.42  # inches
HEATMAP_DPI = 200  # per inch of a heat map: there is one per source, and print has the PDF
MAX_RATIO_FOR_MINOR_TICKS = (
    100  # from least to most cost; with fewer there are ticks between the powers of ten
)
MIN_SHARE_FOR_WHITE_TEXT = 0.55  # share from which white letters are read better


def draw_confusion_matrix(found: ConfusionMatrix, files: Sequence[Path], note: str = "") -> None:
    """Draw a confusion matrix, every row as shares of its sum in percent.

    Args:
        found: What to draw; rows without a count stay empty.
        files: Where to write it; the ending decides the format.
        note: What must not be lost when the chart is taken out of the report.
    """
    pyplot, settings = load_pyplot()
    shares, count = found.row_shares, len(found.class_names)
    side = min(MAX_SIDE, max(MIN_SIDE, 1.2 + CELL_SIZE * count))
    size = max(4.0, min(7.0, 72 * (side - 1.2) / count / 3.2))
    with pyplot.rc_context({**settings, "axes.grid": False}), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(side, side), layout="constrained")
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        for i, j in np.ndindex(shares.shape):
            if math.isfinite(shares[i, j]) and found.counts[i, j]:
                color = "white" if shares[i, j] > MIN_SHARE_FOR_WHITE_TEXT else "black"
                text = f"{100 * shares[i, j]:.0f}"
                said = axes.text(j, i, text, ha="center", va="center", color=color, fontsize=size)
                said.set_in_layout(False)  # it is inside; measuring hundreds takes long
        names = [shorten_name(name) for name in found.class_names]
        axes.set_xticks(range(count), names, rotation=90, fontsize=7, parse_math=False)
        axes.set_yticks(range(count), names, fontsize=7, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth, % of its row")
        axes.set_title(note, fontsize=8, parse_math=False)
        save_figure(figure, files, HEATMAP_DPI)
        pyplot.close(figure)


def draw_score_vs_cost(
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
    pyplot, settings = load_pyplot()
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
        axes.set_xscale("log")
        axes.margins(y=0.15)
        for name, score in levels.items():
            axes.axhline(score, color=looks[name][0], linestyle="--", linewidth=0.9)
        for name, (cost, score) in points.items():
            axes.plot(cost, score, "o", color=looks[name][0], markersize=5)
        costs = [cost for cost, _ in points.values()]
        least, most = min(costs) / 3, max(costs) * 3
        axes.set_xlim(least, most)
        between = (1.0, 2.0, 5.0) if most / least < MAX_RATIO_FOR_MINOR_TICKS else (1.0,)
        axes.xaxis.set_major_locator(pyplot.LogLocator(subs=between))
        axes.xaxis.set_major_formatter(lambda cost, _: f"{cost:g}")
        axes.xaxis.set_minor_locator(pyplot.NullLocator())
        axes.set_xlabel(axes_titles[0], parse_math=False)
        axes.set_ylabel(axes_titles[1], parse_math=False)
        label_placement.place_level_labels(
            axes, [(shorten_name(s), level, looks[s][0]) for s, level in levels.items()]
        )
        label_placement.place_point_labels(
            axes, [(shorten_name(s), point) for s, point in points.items()], levels.values()
        )
        save_figure(figure, files)
        pyplot.close(figure)
