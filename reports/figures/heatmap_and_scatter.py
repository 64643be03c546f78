"""Confusion matrices as heat maps, and scores over cost as scatter plots."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reports.figures import fonts, label_placement
from reports.figures.bars_and_curves import (
    SourceStyles,
    ignore_missing_glyphs,
    load_pyplot,
    save_figure,
    shorten_name,
)
from reports.results.confusion_matrices import ConfusionMatrix

MIN_SIDE, MAX_SIDE = 2.6, 7.0  # inches of a heat map
MARGIN = 1.2  # inches for labels
CELL_SIZE = 0.42  # inches
HEATMAP_DPI = 200  # lower than for charts: there is one per source, and print has the PDF
MAX_RATIO_FOR_MINOR_TICKS = 100  # largest / smallest cost up to which 2 and 5 have ticks too
MIN_SHARE_FOR_WHITE_TEXT = 0.55  # on darker cells white text is more legible


def draw_confusion_matrix(matrix: ConfusionMatrix, files: Sequence[Path], note: str = "") -> None:
    """Draw a confusion matrix, every row in percent of its sum.

    Args:
        matrix: Rows without a count stay empty.
        files: Output files; the suffix decides the format.
        note: Title, for readers who see the chart without the report.
    """
    pyplot, settings = load_pyplot()
    shares, class_count = matrix.row_shares, len(matrix.class_names)
    side = min(MAX_SIDE, max(MIN_SIDE, MARGIN + CELL_SIZE * class_count))
    # 72 points per inch; a number of two to three digits takes a third of its cell
    font_size = max(4.0, min(7.0, 72 * (side - MARGIN) / class_count / 3.2))
    with pyplot.rc_context({**settings, "axes.grid": False}), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(side, side), layout="constrained")
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        for i, j in np.ndindex(shares.shape):
            if math.isfinite(shares[i, j]) and matrix.counts[i, j]:
                color = "white" if shares[i, j] > MIN_SHARE_FOR_WHITE_TEXT else "black"
                percent = f"{100 * shares[i, j]:.0f}"
                text = axes.text(
                    j, i, percent, ha="center", va="center", color=color, fontsize=font_size
                )
                text.set_in_layout(False)  # the text is inside its cell; measuring hundreds is slow
        names = [shorten_name(name) for name in matrix.class_names]
        axes.set_xticks(range(class_count), names, rotation=90, fontsize=7, parse_math=False)
        axes.set_yticks(range(class_count), names, fontsize=7, parse_math=False)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class, % of its row")
        axes.set_title(fonts.escape_missing_characters(note), fontsize=8, parse_math=False)
        save_figure(figure, files, HEATMAP_DPI)
        pyplot.close(figure)


def draw_score_vs_cost(
    points: Mapping[str, tuple[float, float]],
    levels: Mapping[str, float],
    styles: SourceStyles,
    files: Sequence[Path],
    titles: tuple[str, str, str],
) -> None:
    """Draw a score over cost: one labeled point per fusion method, single sensors as lines.

    Args:
        points: Source to (cost, score); costs are positive.
        levels: Single sensor, which costs nothing, to score.
        styles: See `bars_and_curves.assign_source_styles`.
        files: Output files; the suffix decides the format.
        titles: Of the figure, of the cost and of the score.
    """
    pyplot, settings = load_pyplot()
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
        axes.set_xscale("log")
        axes.margins(y=0.15)
        for name, score in levels.items():
            axes.axhline(score, color=styles[name][0], linestyle="--", linewidth=0.9)
        for name, (cost, score) in points.items():
            axes.plot(cost, score, "o", color=styles[name][0], markersize=5)
        # logarithmic axis: ticks at 1, 2, 5 over few decades, else at powers of ten
        costs = [cost for cost, _ in points.values()]
        low, high = min(costs) / 3, max(costs) * 3
        axes.set_xlim(low, high)
        ticks = (1.0, 2.0, 5.0) if high / low < MAX_RATIO_FOR_MINOR_TICKS else (1.0,)
        axes.xaxis.set_major_locator(pyplot.LogLocator(subs=ticks))
        axes.xaxis.set_major_formatter(lambda cost, _: f"{cost:g}")
        axes.xaxis.set_minor_locator(pyplot.NullLocator())
        axes.set_title(
            fonts.escape_missing_characters(titles[0]), loc="left", fontsize=8, parse_math=False
        )
        axes.set_xlabel(titles[1], parse_math=False)
        axes.set_ylabel(titles[2], parse_math=False)
        label_placement.place_level_labels(
            axes, [(shorten_name(name), level, styles[name][0]) for name, level in levels.items()]
        )
        label_placement.place_point_labels(
            axes, [(shorten_name(name), point) for name, point in points.items()], levels.values()
        )
        save_figure(figure, files)
        pyplot.close(figure)
