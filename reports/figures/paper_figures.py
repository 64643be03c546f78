"""Figures for a paper as PDF: forest plot of a table, and panel of sample pairs, parts enlarged."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from reports.figures import fonts
from reports.figures.bars_and_curves import (
    FIGURE_WIDTH,
    SourceStyles,
    ignore_missing_glyphs,
    load_pyplot,
    save_figure,
    shorten_name,
)
from reports.statistics.confidence_intervals import BETTER, WORSE
from reports.tables.comparison import ScoreTable, TableRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT, MARGIN_HEIGHT = 0.13, 0.75  # inches per source and column; of axis and title
GROUP_GAP = 0.8  # rows between two columns of the table
MARKERS = {BETTER: "^", WORSE: "v"}  # others are circles
PANEL_DPI = 300
MAX_PANEL_COLUMNS = 9


def draw_forest_plot(table: ScoreTable, styles: SourceStyles, file: Path, note: str) -> None:
    """Draw the difference of every fused source to the better single sensor, by column.

    Triangles are differences that are shown (up: better, down: worse), circles those that are not.

    Args:
        table: Its last column is drawn first.
        styles: See `bars_and_curves.assign_source_styles`; only the color is used.
        file: Output file.
        note: Title, for readers who see the figure without its caption.
    """
    rows = [row for row in table.rows if row.differences]
    columns = [len(table.headers) - 1, *range(len(table.headers) - 1)]
    pyplot, settings = load_pyplot()
    height = MARGIN_HEIGHT + ROW_HEIGHT * len(columns) * (len(rows) + GROUP_GAP)
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, axes = pyplot.subplots(figsize=(FIGURE_WIDTH / 2, height), layout="constrained")
        position, centers = 0.0, []
        for column in columns:
            start = position
            for row in rows:
                _draw_difference(axes, table, row, column, position, styles)
                position += 1
            centers.append((start + position - 1) / 2)
            position += GROUP_GAP
        axes.axvline(0, color="0.3", linewidth=0.8, linestyle="--")
        axes.set_yticks(centers, [""] * len(columns))
        axes.set_yticklabels(
            [shorten_name(table.headers[column].title) for column in columns], parse_math=False
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("difference to the single sensor", fontsize=7)
        axes.set_title(
            fonts.escape_missing_characters(note), loc="left", fontsize=7, parse_math=False
        )
        names = [row.source_results.source_name for row in rows]
        handles = [
            axes.plot([], [], color=styles[name][0], marker="o", markersize=3, linewidth=1.2)[0]
            for name in names
        ]
        legend = figure.legend(
            handles,
            [str(i) for i in range(len(names))],
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=6,
        )
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set_parse_math(False)
            text.set_text(shorten_name(name))
        save_figure(figure, [file])
        pyplot.close(figure)


def draw_sample_panel(rows: Sequence[Sequence[tuple[str, Path]]], file: Path) -> None:
    """Draw sample pairs as rows and their panels, images with an enlarged part, as columns.

    Args:
        rows: Per pair the (title, image file) of its panels; all images have one size.
        file: Output file.
    """
    count = min(MAX_PANEL_COLUMNS, max(map(len, rows)))
    pyplot, settings = load_pyplot()
    with Image.open(rows[0][0][1]) as first:
        aspect = first.height / first.width
    width = FIGURE_WIDTH / count
    with pyplot.rc_context({**settings, "axes.grid": False}), ignore_missing_glyphs():
        figure = pyplot.figure(figsize=(FIGURE_WIDTH, len(rows) * (width * aspect + 0.06) + 0.2))
        total = figure.get_size_inches()[1]
        for i, panels in enumerate(rows):
            for j, (title, path) in enumerate(panels[:count]):
                top = total - 0.2 - i * (width * aspect + 0.06)
                axes = figure.add_axes(
                    (
                        j / count + 0.002,
                        (top - width * aspect) / total,
                        1 / count - 0.004,
                        width * aspect / total,
                    )
                )
                with Image.open(path) as image:
                    axes.imshow(image, interpolation="none", aspect="auto")
                axes.set_axis_off()
                if i == 0:
                    name = shorten_name(title.removeprefix("ground truth on "))
                    label = f"truth, {name}" if title != name else name
                    axes.set_title(label, fontsize=6, pad=2, parse_math=False)
        figure.savefig(file, dpi=PANEL_DPI, metadata={"CreationDate": None})
        pyplot.close(figure)


def _draw_difference(
    axes: "Axes",
    table: ScoreTable,
    row: TableRow,
    column: int,
    position: float,
    styles: SourceStyles,
) -> None:
    """Draw the difference of one source in one column, with its interval if there is one."""
    difference, header = row.differences[column], table.headers[column]
    if difference is None:
        return
    color = styles[row.source_results.source_name][0]
    comparison = row.comparisons[column] if row.comparisons else None
    marker = MARKERS.get(comparison.verdict, "o") if comparison else "o"
    if comparison:
        estimate = comparison.estimate
        ends = [estimate.low * header.scale, estimate.high * header.scale]
        axes.plot(ends, [position, position], color=color, linewidth=1.2)
    fill = color if marker != "o" else "white"
    axes.plot(
        [difference * header.scale],
        [position],
        marker=marker,
        markersize=3.6,
        color=color,
        markerfacecolor=fill,
        linestyle="none",
    )
