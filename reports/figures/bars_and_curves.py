"""Bar charts of the main tables and precision-recall curves. The only place that plots.

In the size of a page's two columns, readable in gray print: luminance rises over the first seven
fusions, and every bar has a hatch. No two of 120 fusions share color and hatch.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from reports.results.pr_curves import CurvesByClass
from reports.tables.comparison import ColumnHeader, ScoreTable, TableRow
from reports.tables.result_text import UNDEFINED, build_caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SENSOR_COLORS = {"infrared": "#7f1d1d", "visible": "#1d4ed8"}
FUSION_COLORS = (
    *("#0d9488", "#d97706", "#a78bfa", "#86c06c", "#f0c75e", "#e5b8d0", "#9ddbe8"),
    *("#be185d", "#4d7c0f", "#6b21a8", "#f87171", "#713f12", "#475569", "#bef264", "#b0aca6"),
)
HATCHES = ("//", "", "\\\\", "||", "xx", "--", "++", "////")  # dots make files large
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2, 2, 2)))
DPI = 300  # per inch
FIGURE_WIDTH = 7.16  # inches, both columns of a page
BAR_ROW_HEIGHT = 2.3  # inches of one row of bars
MAX_BARS_PER_ROW = 80  # bars side by side that can still be told apart in print
MAX_NAME_LENGTH = 28  # characters of a name in the legend
LEGEND_COLUMNS = 4  # names side by side
MAX_HORIZONTAL_TITLE_LENGTH = 90  # of all column titles of one row; more are turned
FILE_METADATA = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}  # equal bytes for equal numbers
FILE_FORMATS = ("png", "pdf", "svg")
RC_PARAMS = {
    "font.size": 8,
    "hatch.color": "w",
    "hatch.linewidth": 0.5,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "fusebench",
    "pdf.fonttype": 42,  # whole letters: printers refuse Type 3
}


def assign_source_styles(kinds: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Color and hatch of every source: the same in all figures of a report.

    Args:
        kinds: What kind each source is, by name, in the order of the task file.
    """
    found: dict[str, tuple[str, str]] = {}
    used: dict[str, int] = {}
    for name, kind in kinds.items():
        number = used.setdefault(kind if kind in SENSOR_COLORS else "fused", 0)
        used[kind if kind in SENSOR_COLORS else "fused"] += 1
        if kind in SENSOR_COLORS:
            found[name] = (
                SENSOR_COLORS[kind],
                HATCHES[2 * number % len(HATCHES) + (kind == "visible")],
            )
        else:
            hatch = HATCHES[(number + 2) % len(HATCHES)]
            found[name] = FUSION_COLORS[number % len(FUSION_COLORS)], hatch
    return found


def draw_bar_chart(
    table: ScoreTable, looks: Mapping[str, tuple[str, str]], files: list[Path], note: str = ""
) -> None:
    """Draw sources side by side in every column of a table, with the spread over seeds.

    Args:
        table: What to draw; sources without records are left out, undefined scores are gaps.
        looks: See `assign_source_styles`.
        files: Where to write it; the ending decides the format.
        note: What must not be lost when the chart is taken out of the report.
    """
    pyplot, settings = load_pyplot()
    lines = [line for line in table.rows if line.cells]
    rows = _split_columns_into_rows(len(table.headers), len(lines))
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, grid = pyplot.subplots(
            len(rows),
            squeeze=False,
            sharey=True,
            figsize=(
                FIGURE_WIDTH,
                BAR_ROW_HEIGHT * len(rows) + 0.16 * (2 + len(lines) / LEGEND_COLUMNS),
            ),
            layout="constrained",
        )
        for axes, columns in zip(grid[:, 0], rows, strict=True):
            _draw_bar_row(axes, table, lines, columns, looks)
        _start_axis_at_zero(grid[0, 0], lines)
        grid[0, 0].set_title(note, loc="left", fontsize=8, parse_math=False)
        figure.supylabel(_format_axis_label(table), fontsize=8, parse_math=False)
        handles, _ = grid[0, 0].get_legend_handles_labels()
        _draw_legend(figure, handles, [line.source_results.source_name for line in lines])
        save_figure(figure, files)
        pyplot.close(figure)


def draw_precision_recall_curves(
    found: CurvesByClass,
    looks: Mapping[str, tuple[str, str]],
    files: Sequence[Path],
    note: str = "",
) -> None:
    """Draw precision over recall, one small chart per class, one line per source.

    Args:
        found: What to draw, in percent of 1.
        looks: See `assign_source_styles`; of a look the color counts, and every source has dashes of its own.
        files: Where to write it; the ending decides the format.
        note: What must not be lost when the chart is taken out of the report.
    """
    pyplot, settings = load_pyplot()
    sources = list(dict.fromkeys(source for lines in found.values() for source in lines))
    across = min(len(found), 4)
    down = -(-len(found) // across)
    with pyplot.rc_context(settings), ignore_missing_glyphs():
        figure, grid = pyplot.subplots(
            *(down, across),
            squeeze=False,
            sharex=True,
            sharey=True,
            figsize=(FIGURE_WIDTH, 1.8 * down + 0.16 * (2 + len(sources) / LEGEND_COLUMNS)),
            layout="constrained",
        )
        handles = {}
        for axes, (name, lines) in zip(grid.flat, found.items(), strict=False):
            axes.set_title(shorten_name(name), fontsize=8, parse_math=False)
            for source, (recall, precision) in lines.items():
                dash = LINE_STYLES[sources.index(source) % len(LINE_STYLES)]
                (handles[source],) = axes.plot(
                    recall, precision, color=looks[source][0], linestyle=dash, linewidth=1.1
                )
        for axes in grid.flat[len(found) :]:
            axes.set_visible(False)
        grid[0, 0].set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1))
        for axes in grid[-1] if len(found) > across else grid[0, :across]:
            axes.set_xlabel("recall")  # the figure's own label would lie on the legend
        figure.supylabel("precision", fontsize=8)
        figure.suptitle(note, fontsize=8, parse_math=False)
        _draw_legend(figure, list(handles.values()), list(handles))
        save_figure(figure, files)
        pyplot.close(figure)


@cache
def load_pyplot() -> tuple[Any, dict[Any, Any]]:
    """The plotting library, without a window, and the settings of all figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    import seaborn
    from matplotlib import pyplot

    return pyplot, {**seaborn.axes_style("whitegrid"), **RC_PARAMS}


def save_figure(figure: "Figure", files: Sequence[Path], dots: int = DPI) -> None:
    """Write a figure in every format, its pixels in so many dots per inch."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # it is laid out now; once is enough for all files
    for file in files:
        if file.suffix == ".png":
            _rasterize_figure(figure, dots).save(file, dpi=(dots, dots))
        else:
            figure.savefig(file, dpi=dots, metadata=FILE_METADATA[file.suffix])


def _rasterize_figure(figure: Any, dots: int) -> Image.Image:
    """A figure in 256 colors, as many as a chart needs: half of the bytes."""
    figure.set_dpi(dots)
    found, size = figure.canvas.print_to_buffer()
    whole = Image.frombuffer("RGBA", size, found, "raw", "RGBA", 0, 1).convert("RGB")
    return whole.quantize(256, dither=Image.Dither.NONE)


def _split_columns_into_rows(columns: int, sources: int) -> list[range]:
    """The columns of each row of axes, so that bars do not get too thin for print."""
    per_row = max(1, MAX_BARS_PER_ROW // sources)
    count = -(-columns // per_row)
    per_row = -(-columns // count)
    return [range(i, min(i + per_row, columns)) for i in range(0, columns, per_row)]


def _draw_bar_row(
    axes: "Axes",
    table: ScoreTable,
    lines: Sequence[TableRow],
    columns: range,
    looks: Mapping[str, tuple[str, str]],
) -> None:
    """Some columns of a table side by side."""
    share = 0.8 / len(lines)
    for number, line in enumerate(lines):
        color, hatch = looks[line.source_results.source_name]
        pairs = [(line.cells[column], table.headers[column]) for column in columns]
        heights = [_scale_score(entry.mean, heading) for entry, heading in pairs]
        spreads = [_scale_score(entry.standard_deviation, heading) for entry, heading in pairs]
        spots = [spot + (number + 0.5) * share - 0.4 for spot in range(len(columns))]
        axes.bar(spots, heights, share, label=str(number), color=color, hatch=hatch)
        for spot, height in zip(spots, heights, strict=True):
            if math.isnan(height):
                axes.text(spot, 0, UNDEFINED, ha="center", va="bottom")
        there = [i for i, spread in enumerate(spreads) if not math.isnan(spread)]
        if there:
            x, y, ends = ([part[i] for i in there] for part in (spots, heights, spreads))
            axes.errorbar(x, y, ends, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.2)
    axes.set_xticks(range(len(columns)), [""] * len(columns))
    titles = [shorten_name(table.headers[column].title) for column in columns]
    axes.set_xticklabels(titles, parse_math=False)
    if sum(map(len, titles)) > MAX_HORIZONTAL_TITLE_LENGTH:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right")
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(columns) - 0.4)
    if table.has_mean_column and columns[-1] == len(table.headers) - 1 and len(columns) > 1:
        axes.axvline(len(columns) - 1.5, color="0.6", linewidth=0.8)


def _draw_legend(figure: "Figure", handles: Sequence[Any], names: Sequence[str]) -> None:
    """The sources under the chart; as a bar's label, a name that starts with _ is left out."""
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


def shorten_name(name: str) -> str:
    """A name of at most `MAX_NAME_LENGTH` letters."""
    words = " ".join(name.split())
    return (
        words
        if len(words) <= MAX_NAME_LENGTH
        else f"{words[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


@contextmanager
def ignore_missing_glyphs() -> Iterator[None]:
    """Let letters that the font lacks (Chinese, say) be drawn as boxes without a warning each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _start_axis_at_zero(axes: "Axes", lines: Sequence[TableRow]) -> None:
    """Let bars stand on the lower edge, even if all of them are 0; negative scores hang from 0."""
    if all((entry.mean or 0.0) >= 0 for line in lines for entry in line.cells):
        top = axes.get_ylim()[1] if any(e.mean for line in lines for e in line.cells) else 1.0
        axes.set_ylim(0, top)


def _scale_score(score: float | None, heading: ColumnHeader) -> float:
    return math.nan if score is None else score * heading.scale


def _format_axis_label(table: ScoreTable) -> str:
    what = table.title.split(" by ")[0]
    how = build_caption(table)
    return f"{what}\n{how}" if how else what
