"""Bar charts of the main tables. The only place that plots; it plots tables it is given.

In the size of a page's two columns, readable in grey print: luminance rises from source to source
and every bar has a hatch.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.comparison import Heading, Line, Table
from reports.wording import UNDEFINED, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIXED = {"infrared": "#7f1d1d", "visible": "#1d4ed8"}
FUSED = ("#0d9488", "#d97706", "#a78bfa", "#86c06c", "#f0c75e", "#e5b8d0", "#9ddbe8")
HATCHES = ("//", "", "\\\\", "..", "xx", "--", "++", "oo")
DOTS = 300  # per inch
WIDTH = 7.16  # inches, both columns of a page
HEIGHT = 2.3  # inches of one row of bars
MOST = 80  # bars side by side that can still be told apart in print
LONGEST = 28  # characters of a name in the legend
LEGEND = 4  # names side by side
LETTERS = 90  # of all column titles of one row; more are turned
STAMPS = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # equal bytes for equal numbers
FORMATS = ("png", "pdf", "svg")
SETTINGS = {
    "font.size": 8,
    "hatch.color": "w",
    "hatch.linewidth": 0.5,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "fusebench",
    "pdf.fonttype": 42,  # whole letters: printers refuse Type 3
}


def styles(kinds: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Colour and hatch of every source: the same in all figures of a report.

    Args:
        kinds: What kind each source is, by name, in the order of the task file.
    """
    found: dict[str, tuple[str, str]] = {}
    used: dict[str, int] = {}
    for name, kind in kinds.items():
        number = used.setdefault(kind if kind in FIXED else "fused", 0)
        used[kind if kind in FIXED else "fused"] += 1
        if kind in FIXED:
            found[name] = FIXED[kind], HATCHES[2 * number % len(HATCHES) + (kind == "visible")]
        else:
            hatch = HATCHES[(number + 2) % len(HATCHES)]
            found[name] = FUSED[number % len(FUSED)], hatch
    return found


def bars(
    table: Table, looks: Mapping[str, tuple[str, str]], files: list[Path], note: str = ""
) -> None:
    """Draw sources side by side in every column of a table, with the spread over seeds.

    Args:
        table: What to draw; sources without records are left out, undefined scores are gaps.
        looks: See `styles`.
        files: Where to write it; the ending decides the format.
        note: What must not be lost when the chart is taken out of the report.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import seaborn
    from matplotlib import pyplot

    lines = [line for line in table.lines if line.entries]
    rows = _rows(len(table.headings), len(lines))
    settings: dict[Any, Any] = {**seaborn.axes_style("whitegrid"), **SETTINGS}
    with mpl.rc_context(settings), _without_letters():
        figure, grid = pyplot.subplots(
            len(rows),
            squeeze=False,
            sharey=True,
            figsize=(WIDTH, HEIGHT * len(rows) + 0.16 * (2 + len(lines) / LEGEND)),
            layout="constrained",
        )
        for axes, columns in zip(grid[:, 0], rows, strict=True):
            _draw(axes, table, lines, columns, looks)
        _start_at_zero(grid[0, 0], lines)
        grid[0, 0].set_title(note, loc="left", fontsize=8, parse_math=False)
        figure.supylabel(_axis(table), fontsize=8, parse_math=False)
        _legend(figure, grid[0, 0], lines)
        for file in files:
            figure.savefig(file, dpi=DOTS, metadata=STAMPS.get(file.suffix))
        pyplot.close(figure)


def _rows(columns: int, sources: int) -> list[range]:
    """The columns of each row of axes, so that bars do not get too thin for print."""
    per_row = max(1, MOST // sources)
    count = -(-columns // per_row)
    per_row = -(-columns // count)
    return [range(i, min(i + per_row, columns)) for i in range(0, columns, per_row)]


def _draw(
    axes: "Axes",
    table: Table,
    lines: Sequence[Line],
    columns: range,
    looks: Mapping[str, tuple[str, str]],
) -> None:
    """Some columns of a table side by side."""
    share = 0.8 / len(lines)
    for i, line in enumerate(lines):
        colour, hatch = looks[line.row.source]
        pairs = [(line.entries[column], table.headings[column]) for column in columns]
        heights = [_scaled(entry.mean, heading) for entry, heading in pairs]
        spreads = [_scaled(entry.spread, heading) for entry, heading in pairs]
        spots = [spot + (i + 0.5) * share - 0.4 for spot in range(len(columns))]
        axes.bar(spots, heights, share, label=str(i), color=colour, hatch=hatch)
        for spot, height, spread in zip(spots, heights, spreads, strict=True):
            if math.isnan(height):
                axes.text(spot, 0, UNDEFINED, ha="center", va="bottom")
            if not math.isnan(spread):
                axes.errorbar(spot, height, spread, color="black", elinewidth=0.7, capsize=1.2)
    axes.set_xticks(range(len(columns)), [""] * len(columns))
    titles = [_short(table.headings[column].title) for column in columns]
    axes.set_xticklabels(titles, parse_math=False)
    if sum(map(len, titles)) > LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right")
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(columns) - 0.4)
    if table.sums_up and columns[-1] == len(table.headings) - 1 and len(columns) > 1:
        axes.axvline(len(columns) - 1.5, color="0.6", linewidth=0.8)


def _legend(figure: "Figure", axes: "Axes", lines: Sequence[Line]) -> None:
    """The sources under the chart; as a bar's label, a name that starts with _ is left out."""
    handles, _ = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles,
        [str(i) for i in range(len(lines))],
        loc="outside lower center",
        ncols=min(LEGEND, len(lines)),
        frameon=False,
        fontsize=7,
    )
    for text, line in zip(legend.get_texts(), lines, strict=True):
        text.set_parse_math(False)
        text.set_text(_short(line.row.source))


def _short(name: str) -> str:
    words = " ".join(name.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


@contextmanager
def _without_letters() -> Iterator[None]:
    """Let letters that the font lacks (Chinese, say) be drawn as boxes without a warning each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _start_at_zero(axes: "Axes", lines: Sequence[Line]) -> None:
    """Let bars stand on the lower edge, even if all of them are 0; negative scores hang from 0."""
    if all((entry.mean or 0.0) >= 0 for line in lines for entry in line.entries):
        top = axes.get_ylim()[1] if any(e.mean for line in lines for e in line.entries) else 1.0
        axes.set_ylim(0, top)


def _scaled(score: float | None, heading: Heading) -> float:
    return math.nan if score is None else score * heading.scale


def _axis(table: Table) -> str:
    what = table.title.split(" by ")[0]
    how = caption(table)
    return f"{what}\n{how}" if how else what
