"""Bar charts of score tables, precision-recall curves, and the matplotlib settings of all figures.

Figures have the width of a two-column page and are readable in gray print: luminance rises over
the first seven fusion methods, and every bar has a hatch. No two of the first 120 fusion methods
have the same color and hatch.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from reports.figures import fonts
from reports.results.pr_curves import CurvesByClass
from reports.tables.comparison import ColumnHeader, ScoreTable, TableRow
from reports.tables.result_text import UNDEFINED, build_caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SourceStyles = Mapping[str, tuple[str, str]]  # source to (color, hatch)

SENSOR_COLORS = {"infrared": "#7f1d1d", "visible": "#1d4ed8"}
FUSION_COLORS = (
    *("#0d9488", "#d97706", "#a78bfa", "#86c06c", "#f0c75e", "#e5b8d0", "#9ddbe8"),
    *("#be185d", "#4d7c0f", "#6b21a8", "#f87171", "#713f12", "#475569", "#bef264", "#b0aca6"),
)
HATCHES = ("//", "", "\\\\", "||", "xx", "--", "++", "////")  # dots make files large
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2, 2, 2)))
DPI = 300
FIGURE_WIDTH = 7.16  # inches, both columns of a page
BAR_ROW_HEIGHT = 2.3  # inches of one row of bars
LEGEND_LINE_HEIGHT = 0.16  # inches
MAX_BARS_PER_ROW = 80  # more bars side by side cannot be distinguished in print
MAX_NAME_LENGTH = 28  # characters of a name in the legend
LEGEND_COLUMNS = 4  # names side by side
MAX_HORIZONTAL_TITLE_LENGTH = 90  # characters of all column titles of a row; more are rotated
FILE_METADATA = {  # no dates: equal numbers give equal bytes
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
FILE_FORMATS = ("png", "pdf", "svg")
RC_PARAMS = {
    "font.size": 8,
    "hatch.color": "w",
    "hatch.linewidth": 0.5,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "fusebench",
    "pdf.fonttype": 42,  # TrueType: printers refuse Type 3
}


def assign_source_styles(kinds: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Assign color and hatch to every source, the same in all figures of a report.

    Args:
        kinds: Kind of every source by name, in the order of the task file.
    """
    styles: dict[str, tuple[str, str]] = {}
    counts: dict[str, int] = {}
    for name, kind in kinds.items():
        group = kind if kind in SENSOR_COLORS else "fused"
        number = counts.get(group, 0)
        counts[group] = number + 1
        if kind in SENSOR_COLORS:
            hatch = HATCHES[2 * number % len(HATCHES) + (kind == "visible")]
            styles[name] = SENSOR_COLORS[kind], hatch
        else:
            hatch = HATCHES[(number + 2) % len(HATCHES)]
            styles[name] = FUSION_COLORS[number % len(FUSION_COLORS)], hatch
    return styles


def build_figure_paths(report: Path, stem: str) -> list[Path]:
    """Build the paths of one figure in all `FILE_FORMATS`; ``stem`` is relative to the report."""
    return [report / f"{stem}.{suffix}" for suffix in FILE_FORMATS]


def draw_bar_chart(
    table: ScoreTable, styles: SourceStyles, files: list[Path], note: str = ""
) -> None:
    """Draw the sources side by side in every column of a table, with standard deviations.

    Args:
        table: Sources without records are left out, undefined scores are gaps.
        styles: See `assign_source_styles`.
        files: Output files; the suffix decides the format.
        note: Title, for readers who see the chart without the report.
    """
    pyplot, settings = load_pyplot()
    rows = [row for row in table.rows if row.cells]
    column_ranges = _split_columns_into_rows(len(table.headers), len(rows))
    legend_height = LEGEND_LINE_HEIGHT * (2 + len(rows) / LEGEND_COLUMNS)
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, grid = pyplot.subplots(
            len(column_ranges),
            squeeze=False,
            sharey=True,
            figsize=(FIGURE_WIDTH, BAR_ROW_HEIGHT * len(column_ranges) + legend_height),
            layout="constrained",
        )
        for axes, columns in zip(grid[:, 0], column_ranges, strict=True):
            _draw_bar_row(axes, table, rows, columns, styles)
        _start_axis_at_zero(grid[0, 0], rows)
        grid[0, 0].set_title(
            fonts.escape_missing_characters(note), loc="left", fontsize=8, parse_math=False
        )
        figure.supylabel(_format_axis_label(table), fontsize=8, parse_math=False)
        handles, _ = grid[0, 0].get_legend_handles_labels()
        draw_legend(figure, handles, [row.source_results.source_name for row in rows])
        save_figure(figure, files)
        pyplot.close(figure)


def draw_precision_recall_curves(
    curves: CurvesByClass, styles: SourceStyles, files: Sequence[Path], note: str = ""
) -> None:
    """Draw precision over recall: one chart per class, one line per source.

    Args:
        curves: Recall and precision, 0 to 1, by class and source.
        styles: See `assign_source_styles`; only the color is used.
        files: Output files; the suffix decides the format.
        note: Title, for readers who see the chart without the report.
    """
    pyplot, settings = load_pyplot()
    sources = list(dict.fromkeys(source for by_source in curves.values() for source in by_source))
    columns = min(len(curves), 4)
    rows = -(-len(curves) // columns)
    legend_height = LEGEND_LINE_HEIGHT * (2 + len(sources) / LEGEND_COLUMNS)
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, grid = pyplot.subplots(
            *(rows, columns),
            squeeze=False,
            sharex=True,
            sharey=True,
            figsize=(FIGURE_WIDTH, 1.8 * rows + legend_height),
            layout="constrained",
        )
        handles = {}
        for axes, (name, by_source) in zip(grid.flat, curves.items(), strict=False):
            axes.set_title(shorten_name(name), fontsize=8, parse_math=False)
            for source, (recall, precision) in by_source.items():
                line_style = LINE_STYLES[sources.index(source) % len(LINE_STYLES)]
                (handles[source],) = axes.plot(
                    recall, precision, color=styles[source][0], linestyle=line_style, linewidth=1.1
                )
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        grid[0, 0].set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1))
        for axes in grid[-1] if len(curves) > columns else grid[0, :columns]:
            axes.set_xlabel("recall")  # the figure's own label would overlap the legend
        figure.supylabel("precision", fontsize=8)
        figure.suptitle(fonts.escape_missing_characters(note), fontsize=8, parse_math=False)
        draw_legend(figure, list(handles.values()), list(handles))
        save_figure(figure, files)
        pyplot.close(figure)


@cache
def load_pyplot() -> tuple[Any, dict[Any, Any]]:
    """Import pyplot without a display; return it and the settings of all figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    import seaborn
    from matplotlib import pyplot

    families = {"font.family": fonts.list_font_families()}
    return pyplot, {**seaborn.axes_style("whitegrid"), **RC_PARAMS, **families}


def save_figure(figure: "Figure", files: Sequence[Path], dpi: int = DPI) -> None:
    """Write a figure to every file; the suffix decides the format."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # the layout is computed now; once is enough for all files
    for file in files:
        if file.suffix == ".png":
            _rasterize_figure(figure, dpi).save(file, dpi=(dpi, dpi))
        else:
            figure.savefig(file, dpi=dpi, metadata=FILE_METADATA[file.suffix])


def shorten_name(name: str) -> str:
    """Shorten a name to at most `MAX_NAME_LENGTH` characters that can be drawn, on one line."""
    name = fonts.escape_missing_characters(" ".join(name.split()))
    if len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{name[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


@contextmanager
def ignore_missing_glyphs() -> Iterator[None]:
    """Suppress matplotlib's warning for each character that the font lacks (drawn as a box)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _rasterize_figure(figure: Any, dpi: int) -> Image.Image:
    """Render a figure in 256 colors: enough for a chart, and half of the bytes."""
    figure.set_dpi(dpi)
    pixels, size = figure.canvas.print_to_buffer()
    image = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    return image.quantize(256, dither=Image.Dither.NONE)


def _split_columns_into_rows(column_count: int, source_count: int) -> list[range]:
    """Distribute the columns evenly over rows of axes, with `MAX_BARS_PER_ROW` bars at most."""
    per_row = max(1, MAX_BARS_PER_ROW // source_count)
    row_count = -(-column_count // per_row)
    per_row = -(-column_count // row_count)
    return [
        range(start, min(start + per_row, column_count))
        for start in range(0, column_count, per_row)
    ]


def _draw_bar_row(
    axes: "Axes",
    table: ScoreTable,
    rows: Sequence[TableRow],
    columns: range,
    styles: SourceStyles,
) -> None:
    """Draw some columns of a table side by side."""
    bar_width = 0.8 / len(rows)
    for number, row in enumerate(rows):
        color, hatch = styles[row.source_results.source_name]
        # bars: one per column, NaN where the score is undefined
        cells = [(row.cells[column], table.headers[column]) for column in columns]
        heights = [_scale_score(cell.mean, header) for cell, header in cells]
        positions = [i + (number + 0.5) * bar_width - 0.4 for i in range(len(columns))]
        axes.bar(positions, heights, bar_width, label=str(number), color=color, hatch=hatch)
        for position, height in zip(positions, heights, strict=True):
            if math.isnan(height):
                axes.text(position, 0, UNDEFINED, ha="center", va="bottom")
        # error bars: standard deviation over seeds, where there is one
        deviations = [_scale_score(cell.standard_deviation, header) for cell, header in cells]
        defined = [i for i, deviation in enumerate(deviations) if not math.isnan(deviation)]
        if defined:
            x, y, error = (
                [values[i] for i in defined] for values in (positions, heights, deviations)
            )
            axes.errorbar(x, y, error, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.2)
    _label_columns(axes, [shorten_name(table.headers[column].title) for column in columns])
    axes.set_xlim(-0.6, len(columns) - 0.4)
    if table.has_mean_column and columns[-1] == len(table.headers) - 1 and len(columns) > 1:
        axes.axvline(len(columns) - 1.5, color="0.6", linewidth=0.8)


def _label_columns(axes: "Axes", titles: Sequence[str]) -> None:
    axes.set_xticks(range(len(titles)), [""] * len(titles))
    axes.set_xticklabels(titles, parse_math=False)
    if sum(map(len, titles)) > MAX_HORIZONTAL_TITLE_LENGTH:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right")
    axes.grid(visible=False, axis="x")


def draw_legend(figure: "Figure", handles: Sequence[Any], names: Sequence[str]) -> None:
    """Write the sources under the chart.

    The names are set afterwards, because matplotlib leaves out labels that start with ``_``.
    """
    legend = figure.legend(
        handles,
        [str(i) for i in range(len(names))],
        loc="outside lower center",
        ncols=min(LEGEND_COLUMNS, len(names)),
        frameon=False,
        fontsize=7,
        handlelength=3.0,
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(shorten_name(name))


def _start_axis_at_zero(axes: "Axes", rows: Sequence[TableRow]) -> None:
    """Start the axis at 0 unless a score is negative, also where all scores are 0."""
    if all((cell.mean or 0.0) >= 0 for row in rows for cell in row.cells):
        top = axes.get_ylim()[1] if any(cell.mean for row in rows for cell in row.cells) else 1.0
        axes.set_ylim(0, top)


def _scale_score(score: float | None, header: ColumnHeader) -> float:
    return math.nan if score is None else score * header.scale


def _format_axis_label(table: ScoreTable) -> str:
    title = table.title.split(" by ")[0]
    caption = build_caption(table)
    return f"{title}\n{caption}" if caption else title
