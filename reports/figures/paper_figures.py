"""Figures for a paper as PDF: forest plot of a table, and panel of sample pairs, parts enlarged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from reports.figures import fonts, overlays
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

ROW_HEIGHT, MARGIN_HEIGHT = 0.13, 0.75  # inches per source and column; of axis and title
MAX_FOREST_ROWS = 60  # about the height of a page
GROUP_GAP = 0.8  # rows between two columns of the table
MARKERS = {BETTER: "^", WORSE: "v"}  # others are circles
PANEL_GAP, TITLE_HEIGHT, TITLE_SIZE = 8, 44, 30  # pixels
PANEL_QUALITY = 85  # JPEG
MAX_PANEL_COLUMNS = 9


def draw_forest_plot(table: ScoreTable, styles: SourceStyles, file: Path, note: str) -> None:
    """Draw the difference of every fused source to the better single sensor, by column.

    Triangles are differences that are shown (up: better, down: worse), circles those that are not.

    Args:
        table: Its last column is drawn first, and alone if all would be more than
            `MAX_FOREST_ROWS` lines.
        styles: See `bars_and_curves.assign_source_styles`; only the color is used.
        file: Output file.
        note: Title, for readers who see the figure without its caption.
    """
    rows = [row for row in table.rows if row.differences]
    columns = [len(table.headers) - 1, *range(len(table.headers) - 1)]
    if len(rows) * len(columns) > MAX_FOREST_ROWS:
        columns = columns[:1]
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
        rows: Per pair the (title, image file) of its panels, at most `MAX_PANEL_COLUMNS` of which
            are drawn.
        file: Output file, a PDF with one JPEG image: the panels are photographs.
    """
    images = [[_read_image(path) for _, path in row[:MAX_PANEL_COLUMNS]] for row in rows]
    width = overlays.PANEL_WIDTH + PANEL_GAP
    heights = [max(image.height for image in row) + PANEL_GAP for row in images]
    size = (width * max(map(len, images)) - PANEL_GAP, TITLE_HEIGHT + sum(heights) - PANEL_GAP)
    canvas = Image.new("RGB", size, overlays.BACKGROUND_COLOR)
    text = ImageDraw.Draw(canvas)
    for column, (title, _) in enumerate(rows[0][:MAX_PANEL_COLUMNS]):
        name = overlays.shorten_name(title.replace("ground truth on", "truth,"))
        font = overlays.choose_font(TITLE_SIZE, name)
        center = (column * width + overlays.PANEL_WIDTH / 2, TITLE_HEIGHT / 2)
        text.text(center, name, fill=overlays.TEXT_COLOR, font=font, anchor="mm")
    top = TITLE_HEIGHT
    for row, height in zip(images, heights, strict=True):
        for column, image in enumerate(row):
            canvas.paste(image, (column * width, top))
        top += height
    # as wide as both columns of a page
    resolution = canvas.width / FIGURE_WIDTH
    no_dates = {"creationDate": None, "modDate": None}  # equal panels give equal bytes
    canvas.save(file, "PDF", resolution=resolution, quality=PANEL_QUALITY, **no_dates)


def _read_image(path: Path) -> Image.Image:
    """Read a panel that this report has written."""
    with Image.open(path, formats=["JPEG"]) as image:
        return image.convert("RGB")


def _draw_difference(
    axes: Any,
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
