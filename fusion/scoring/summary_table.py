"""The scores of several folders as text: sources are rows, the mean rank comes first."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from fusebench.errors import escape_controls
from fusebench.evaluation import ranks
from fusebench.runtime.terminal import text_columns
from fusion.scoring import metric_means, score_images

RANK_MARKS = {1: " *", 2: " +"}  # others have two spaces, so that numbers stay aligned
NO_MARK = "  "
DIRECTION_MARKS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}"}


def format_table(summary: pd.DataFrame, width: int, *, with_intervals: bool = False) -> str:
    """Format means, and intervals on request, in lines of at most ``width`` characters.

    Args:
        summary: Columns source, metric, name, mean, low, high, rank, unit and better.
        width: Characters per line; columns that do not fit follow in a block below.
        with_intervals: Whether to print the interval of every mean.
    """
    first = summary.drop_duplicates("name")
    is_ranked = bool(summary["rank"].notna().any())
    mean_ranks = _compute_mean_ranks(summary) if is_ranked else {}
    headers = [
        f"{metric} {DIRECTION_MARKS[better]}{NO_MARK if is_ranked else ''}"
        for metric, better in zip(first["metric"], first["better"], strict=True)
    ]
    rows = [["source", *(["mean rank"] if is_ranked else []), *headers]]
    for source, group in summary.groupby("source", sort=False):
        cells = [
            _format_cell(row, with_intervals=with_intervals, is_ranked=is_ranked)
            for row in group.to_dict("records")
        ]
        mean_rank = mean_ranks.get(str(source))
        rank_cell = "undefined" if mean_rank is None else f"{mean_rank:.1f}"
        rows.append([escape_controls(str(source), ""), *([rank_cell] if is_ranked else []), *cells])
    lines = text_columns.fit_columns(rows, width)
    units = [
        f"{metric} {unit}"
        for metric, unit in zip(first["metric"], first["unit"], strict=True)
        if unit
    ]
    legend = ["\N{UPWARDS ARROW} higher, \N{DOWNWARDS ARROW} lower is better"]
    if is_ranked:
        legend.append("mean rank: 1 is best; * best, + second best by mean")
    if units:
        legend.append(f"units: {', '.join(units)}")
    if with_intervals:
        legend.append(f"[ ] {metric_means.INTERVAL_TEXT} images")
    return "\n".join([*lines, *legend])


def list_cautions(per_image: Mapping[str, pd.DataFrame]) -> list[str]:
    """List what a reader of the table has to know about single images.

    Args:
        per_image: Source to scores, one row per image, with the column ``flags``.
    """
    lines = []
    flag_count = sum(int(table["flags"].ne("").sum()) for table in per_image.values())
    if flag_count:
        lines.append(f"{flag_count} image(s) with a note; see column flags of per_image.csv")
    for name, table in per_image.items():
        constant_count = int(table["flags"].str.contains(score_images.CONSTANT_FLAG).sum())
        if constant_count:
            lines.append(
                f"caution: {constant_count} of the {len(table)} images of {name} have one gray "
                "level only; some metrics are best for such images"
            )
    return lines


def _compute_mean_ranks(summary: pd.DataFrame) -> dict[str, float | None]:
    ranks_by_source: ranks.Ranks = {}
    for row in summary.to_dict("records"):
        rank = None if pd.isna(row["rank"]) else int(row["rank"])
        ranks_by_source.setdefault(str(row["source"]), {})[str(row["name"])] = rank
    return ranks.compute_mean_ranks(ranks_by_source)


def _format_cell(row: dict[Hashable, Any], *, with_intervals: bool, is_ranked: bool) -> str:
    text = "undefined" if pd.isna(row["mean"]) else f"{row['mean']:.4f}"
    if with_intervals and not pd.isna(row["low"]):
        text += f" [{row['low']:.4f}, {row['high']:.4f}]"
    if not is_ranked:
        return text
    return text + (NO_MARK if pd.isna(row["rank"]) else RANK_MARKS.get(int(row["rank"]), NO_MARK))
