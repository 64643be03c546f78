"""Score folders of fused images against the two folders they were made from.

python -m fusion.quality FUSED IR VISIBLE
python -m fusion.quality ours theirs IR VISIBLE --preset dmnet
python -m fusion.quality FUSED IR VISIBLE --metric entropy --metric mutual_information.nats
python -m fusion.quality --list          every metric and variant: unit, range, direction, source

Images are matched by file stem, whatever their extension, and read as BT.601 luminance of 8 bits.
The table is printed; per_image.csv and means.csv are written under --out. The same command again
finds them there; a stopped one goes on with the first image that it has not scored.
"""

import argparse
import sys
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fusebench import cli
from fusebench.data.pairs import find_images_by_stem, match_pairs_by_stem
from fusebench.errors import UserError
from fusebench.evaluation import ranks
from fusion.scoring import listing, metric_means, output_folder, presets, score_images
from fusion.scoring.metric import (
    LUMINANCE,
    Metric,
    add_signature_column,
    join_signatures,
    load_metrics,
)
from fusion.scoring.score_images import ScoringPair


def collect_pairs(
    fused: Sequence[Path], infrared: Path, visible: Path, *, allow_missing: bool = False
) -> list[ScoringPair]:
    """The pairs of two folders and the fused images of several others, matched by stem.

    Args:
        fused: One folder per source; named by their last parts.
        infrared: Folder.
        visible: Folder.
        allow_missing: Leave out pairs that not every fused folder has.

    Raises:
        UserError: If images have no partner, folders share a name, or there is nothing to score.
    """
    for folder in (*fused, infrared, visible):
        if not find_images_by_stem(folder):
            raise UserError(f"no images in {folder}")
    names = [folder.resolve().name for folder in fused]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in fused]
    pairs = {key: (a, b) for key, a, b in match_pairs_by_stem(infrared, visible)}
    files = {name: find_images_by_stem(folder) for name, folder in zip(names, fused, strict=True)}
    if len(files) < len(fused):
        raise UserError(f"a folder of fused images is named twice: {', '.join(names)}")
    for name, found in files.items():
        stray = sorted(set(found) - set(pairs))
        if stray:
            raise UserError(
                f"{name}: {len(stray)} fused image(s) without a pair in {infrared} "
                f"(first: {stray[0]})"
            )
        lacking = sorted(set(pairs) - set(found))
        if lacking and not allow_missing:
            raise UserError(
                f"{name}: {len(lacking)} of the {len(pairs)} pairs have no fused image "
                f"(first: {lacking[0]}); --allow-missing scores the others"
            )
    keys = [key for key in pairs if all(key in found for found in files.values())]
    if not keys:
        raise UserError(f"no pair of {infrared} and {visible} has a fused image")
    return [
        ScoringPair(key, *pairs[key], {n: found[key] for n, found in files.items()}) for key in keys
    ]


def summarize_scores(per_image: dict[str, pd.DataFrame], metrics: Sequence[Metric]) -> pd.DataFrame:
    """One row per source and metric: mean, interval, number of images, rank, signature."""
    means = {name: metric_means.compute_means(table) for name, table in per_image.items()}
    places = ranks.rank_sources(means, {metric.name: metric.column.better for metric in metrics})
    rows = []
    for name, table in per_image.items():
        intervals = metric_means.compute_intervals(table, list(map(str, table.index)))
        for metric in metrics:
            low, high = intervals[metric.name] or (None, None)
            rows.append(
                {
                    "source": name,
                    "metric": metric.column.title,
                    "name": metric.name,
                    "mean": means[name][metric.name],
                    "low": low,
                    "high": high,
                    "images": int(table[metric.name].notna().sum()),
                    "rank": places[name][metric.name] if len(per_image) > 1 else None,
                    "unit": metric.column.unit,
                    "better": metric.column.better,
                    "signature": f"{metric.signature}, {LUMINANCE}",
                }
            )
    return pd.DataFrame(rows).astype({"rank": "Int64"})


def format_summary(found: pd.DataFrame, per_image: dict[str, pd.DataFrame]) -> str:
    """The summary as it is read in a terminal: metrics below each other, sources side by side."""
    rows = [["", *per_image, "unit", "better"]]
    for _, part in found.groupby("name", sort=False):
        cells = [_format_cell(line, len(per_image)) for line in part.to_dict("records")]
        rows.append(
            [str(part["metric"].iloc[0]), *cells, *map(str, part[["unit", "better"]].iloc[0])]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    ranked = "; # rank by mean, 1 is best" if len(per_image) > 1 else ""
    lines.append(f"[ ] {metric_means.INTERVAL_TEXT} images{ranked}")
    flagged = sum(int(table["flags"].ne("").sum()) for table in per_image.values())
    if flagged:
        lines.append(f"{flagged} image(s) with a remark; see flags in per_image.csv")
    return "\n".join(lines)


def _format_cell(line: dict[Hashable, Any], sources: int) -> str:
    if pd.isna(line["mean"]):
        return "undefined"
    said = f"{line['mean']:.4f}"
    if not pd.isna(line["low"]):
        said += f" [{line['low']:.4f}, {line['high']:.4f}]"
    return f"{said} #{line['rank']}" if sources > 1 else said


def _parse_positive_int(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: expected 1 or more")
    return number


class _ListMetricsAction(argparse.Action):
    """Print the metrics and stop, whatever else is missing."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **settings)

    def __call__(self, flags: argparse.ArgumentParser, *_: object) -> None:
        """Print and exit."""
        print(listing.format_listing())
        flags.exit()


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(
        prog="python -m fusion.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("fused", nargs="+", type=Path, metavar="FUSED")
    flags.add_argument("infrared", type=Path, metavar="IR")
    flags.add_argument("visible", type=Path, metavar="VISIBLE")
    columns = flags.add_mutually_exclusive_group()
    columns.add_argument("--preset", choices=list(presets.METRIC_PRESETS), default="plain")
    columns.add_argument(
        "--metric",
        action="append",
        metavar="NAME[.VARIANT]",
        help="this metric instead of a preset's (may be repeated)",
    )
    flags.add_argument(
        "--list", action=_ListMetricsAction, help="print the metrics and their variants, and stop"
    )
    flags.add_argument("--replace", action="store_true", help="overwrite other tables in --out")
    flags.add_argument("--allow-missing", action="store_true", help="score what every FUSED has")
    flags.add_argument(
        "--workers",
        type=_parse_positive_int,
        metavar="N",
        help="processes (default: one per processor)",
    )
    flags.add_argument("--out", type=Path, default=Path("quality"), metavar="DIR")
    return flags


def score_folders(args: argparse.Namespace) -> str:
    """Score what the flags name and write the tables, unless they are there; return what to print.

    Raises:
        UserError: If a flag, a folder or an image is wrong.
    """
    asked = (
        {name: {} for name in args.metric} if args.metric else presets.METRIC_PRESETS[args.preset]
    )
    metrics = load_metrics(asked)
    wanted = collect_pairs(
        args.fused, args.infrared, args.visible, allow_missing=args.allow_missing
    )
    output_folder.check_writable(args.out)
    left_out = len(find_images_by_stem(args.infrared)) - len(wanted)
    if left_out:
        print(f"{left_out} pair(s) left out, not every FUSED has them", file=sys.stderr)
    made_from = output_folder.build_spec(wanted, metrics)
    there = output_folder.read_finished_output(args.out, made_from)
    if there is not None:
        print(f"nothing new: {args.out} holds the tables of these images", file=sys.stderr)
        return there
    output_folder.check_overwrite(args.out, replacing=args.replace)
    journals = output_folder.get_row_log_paths(args.out, made_from)
    per_image = score_images.score_pairs(wanted, metrics, "score", args.workers, journals)
    means = summarize_scores(per_image, metrics)
    signature = (join_signatures(metrics), LUMINANCE, presets.get_preset_note(metrics))
    printed = f"{format_summary(means, per_image)}\n{'; '.join(filter(None, signature))}"
    rows = pd.concat(per_image, names=["source", "key"]).reset_index()
    tables = {
        output_folder.PER_IMAGE_FILE: add_signature_column(rows, metrics),
        output_folder.MEANS_FILE: means,
    }
    written = output_folder.write_tables(args.out, tables, printed, made_from)
    print(f"written: {', '.join(map(str, written))}", file=sys.stderr)
    return printed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    try:
        print(score_folders(args))
    except (UserError, OSError) as fault:
        print(f"fusion.quality: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.report_interrupt("fusion.quality")
    return 0


if __name__ == "__main__":
    sys.exit(main())
