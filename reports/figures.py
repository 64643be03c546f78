"""Bar charts of the main tables. The only place that plots; it plots tables it is given.

Readable in grey print: luminance rises from source to source and every bar has a hatch.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.comparison import Heading, Line, Table
from reports.wording import UNDEFINED, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIXED = {"infrared": "#7f1d1d", "visible": "#1d4ed8"}
FUSED = ("#0d9488", "#d97706", "#a78bfa", "#86c06c", "#f0c75e", "#e5b8d0", "#9ddbe8")
HATCHES = ("//", "", "\\\\", "..", "xx", "--", "++", "oo")
DOTS = 144  # per inch


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
    columns = range(len(table.headings))
    share = 0.8 / len(lines)
    settings = {**seaborn.axes_style("whitegrid"), "svg.hashsalt": "fusebench", "hatch.color": "w"}
    with mpl.rc_context({**settings, "hatch.linewidth": 0.7, "font.size": 10}):
        width = min(16.0, max(5.0, 2.2 + len(columns) * (0.35 + 0.17 * len(lines))))
        figure, axes = pyplot.subplots(figsize=(width, 3.8), layout="constrained")
        for i, line in enumerate(lines):
            colour, hatch = looks[line.row.source]
            pairs = list(zip(line.entries, table.headings, strict=True))
            heights = [_scaled(entry.mean, heading) for entry, heading in pairs]
            spreads = [_scaled(entry.spread, heading) for entry, heading in pairs]
            spots = [column + (i + 0.5) * share - 0.4 for column in columns]
            axes.bar(spots, heights, share, label=str(i), color=colour, hatch=hatch)
            for spot, height, spread in zip(spots, heights, spreads, strict=True):
                if math.isnan(height):
                    axes.text(spot, 0, UNDEFINED, ha="center", va="bottom")
                if not math.isnan(spread):
                    axes.errorbar(spot, height, spread, color="black", elinewidth=1, capsize=2)
        axes.set_xticks(columns, [h.title for h in table.headings], rotation=_turn(table))
        axes.grid(visible=False, axis="x")
        axes.set_ylabel(_axis(table))
        axes.set_title(note, loc="left", fontsize=9)
        if table.sums_up:
            axes.axvline(len(columns) - 1.5, color="0.6", linewidth=0.8)
        _start_at_zero(axes, lines)
        axes.set_xlim(-0.6, len(columns) - 0.4)
        legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        for text, line in zip(legend.get_texts(), lines, strict=True):
            text.set_text(line.row.source)  # as a label, a name that starts with _ is left out
        for file in files:
            stamp = {"Date": None} if file.suffix == ".svg" else None
            figure.savefig(file, dpi=DOTS, metadata=stamp)
        pyplot.close(figure)


def _start_at_zero(axes: "Axes", lines: Sequence[Line]) -> None:
    """Let bars stand on the lower edge, even if all of them are 0; negative scores hang from 0."""
    if all((entry.mean or 0.0) >= 0 for line in lines for entry in line.entries):
        top = axes.get_ylim()[1] if any(e.mean for line in lines for e in line.entries) else 1.0
        axes.set_ylim(0, top)


def _scaled(score: float | None, heading: Heading) -> float:
    return math.nan if score is None else score * heading.scale


def _turn(table: Table) -> int:
    return 30 if len(table.headings) > 7 else 0


def _axis(table: Table) -> str:
    what = table.title.split(" by ")[0]
    how = caption(table)
    return f"{what}\n{how}" if how else what
