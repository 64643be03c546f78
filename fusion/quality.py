"""Score folders of fused images with fusion metrics, given the infrared and visible images.

python -m fusion.quality FUSED IR VISIBLE
python -m fusion.quality OURS THEIRS IR VISIBLE --preset dmnet
python -m fusion.quality FUSED IR VISIBLE --metric entropy --metric mutual_information.nats
python -m fusion.quality --list          every metric and variant: unit, range, direction, source

The fused images come first; most other toolboxes take them last. Images are matched by file name,
with any extension, and read as 8-bit BT.601 luminance. Where the names differ, {key} stands for
what a pair has in common:

python -m fusion.quality 'fused/{key}_ADF' 'TNO/IR{key}' 'TNO/VIS{key}'

The means are printed, sources as rows (--intervals adds their 95 % intervals); per_image.csv and
means.csv are written under --out. The same command reuses them; after an interruption it resumes
with the first image that is not scored yet.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import pandas as pd

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.data.matching.image_files import (
    describe_missing,
    find_images_by_stem,
    match_pairs_by_stem,
)
from fusebench.errors import UserError
from fusebench.evaluation import ranks
from fusebench.runtime import command_name, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.runtime.system_errors import name_file
from fusion.scoring import (
    argument_order,
    listing,
    metric_means,
    output_folder,
    presets,
    score_images,
    source_names,
    summary_table,
)
from fusion.scoring.metric import (
    LUMINANCE,
    Metric,
    add_signature_column,
    join_signatures,
    load_metrics,
)
from fusion.scoring.score_images import ScoringPair

MAX_WORKERS = 1024


def collect_pairs(
    fused: Sequence[Path], infrared: Path, visible: Path, *, allow_missing: bool = False
) -> list[ScoringPair]:
    """Match the images of the sensor folders and the fused folders by file stem.

    Args:
        fused: One folder per source, named by `source_names.name_sources`. Each folder can be a
            template of file names, see `fusebench.data.matching.image_files`.
        infrared: Folder of infrared images, or a template.
        visible: Folder of visible images, or a template.
        allow_missing: Whether to skip pairs without a fused image in every folder.

    Raises:
        UserError: If images have no partner, a folder is given twice or named like images of
            another kind, or there is nothing to score.
    """
    argument_order.check_folder_order(fused, infrared, visible)
    names = source_names.name_sources(fused)
    pairs = {key: (Path(a), Path(b)) for key, a, b in match_pairs_by_stem(infrared, visible)}
    folders = dict(zip(names, fused, strict=True))
    paths = {name: find_images_by_stem(folder) for name, folder in folders.items()}
    if len(paths) < len(fused):
        raise UserError(f"a folder of fused images is given twice: {', '.join(names)}")
    for name, source_paths in paths.items():
        unmatched = sorted(set(source_paths) - set(pairs))
        missing = sorted(set(pairs) - set(source_paths))
        if unmatched:
            hint = describe_missing(missing, folders[name], unmatched) if missing else "delete them"
            raise UserError(
                f"{name}: {len(unmatched)} fused image(s) without a pair in {infrared} "
                f"(first: {unmatched[0]}); {hint}"
            )
        if missing and not allow_missing:
            raise UserError(
                f"{name}: {len(missing)} of the {len(pairs)} pairs have no fused image "
                f"(first: {missing[0]}); --allow-missing scores the others"
            )
    keys = [key for key in pairs if all(key in source_paths for source_paths in paths.values())]
    if not keys:
        raise UserError(f"no pair of {infrared} and {visible} has a fused image")
    return [
        ScoringPair(
            key, *pairs[key], {name: source_paths[key] for name, source_paths in paths.items()}
        )
        for key in keys
    ]


def summarize_scores(per_image: dict[str, pd.DataFrame], metrics: Sequence[Metric]) -> pd.DataFrame:
    """Summarize the scores.

    Args:
        per_image: Source to scores, one row per image.
        metrics: The columns.

    Returns:
        One row per source and metric: mean, interval, number of images, rank, signature.
    """
    means = {name: metric_means.compute_means(table) for name, table in per_image.items()}
    metric_ranks = ranks.rank_sources(
        means, {metric.name: metric.column.better for metric in metrics}
    )
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
                    "rank": metric_ranks[name][metric.name] if len(per_image) > 1 else None,
                    "unit": metric.column.unit,
                    "better": metric.column.better,
                    "signature": f"{metric.signature}, {LUMINANCE}",
                }
            )
    return pd.DataFrame(rows).astype({"rank": "Int64"})


def _parse_worker_count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"{number}: expected 1 or more, at most {MAX_WORKERS}")
    return number


class _ListMetricsAction(argparse.Action):
    """Flag that prints the metrics and exits, even if required arguments are missing."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(nargs=0, default=argparse.SUPPRESS, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and exit."""
        try:
            printable.print_text(listing.format_listing())
        except UserError as error:
            parser.exit(2, f"fusion.quality: {error}\n")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    parser = ArgumentParser(
        prog=command_name.get_command_name("fusion.quality"),
        description=command_name.format_description("fusion.quality", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("fused", nargs="+", type=expand_home, metavar="FUSED")
    parser.add_argument("infrared", type=expand_home, metavar="IR")
    parser.add_argument("visible", type=expand_home, metavar="VISIBLE")
    columns = parser.add_mutually_exclusive_group()
    columns.add_argument("--preset", choices=list(presets.METRIC_PRESETS), default="plain")
    columns.add_argument(
        "--metric",
        action="append",
        metavar="NAME[.VARIANT]",
        help="score this metric instead of a preset (may be repeated)",
    )
    parser.add_argument(
        "--list", action=_ListMetricsAction, help="print the metrics and their variants, and exit"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace tables of other inputs in --out"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="skip pairs that not every FUSED has"
    )
    parser.add_argument(
        "--workers",
        type=_parse_worker_count,
        metavar="N",
        help="worker processes (default: one per CPU)",
    )
    parser.add_argument(
        "--intervals", action="store_true", help="print the 95 %% interval of every mean"
    )
    parser.add_argument("--out", type=expand_home, default=Path("quality"), metavar="DIR")
    return parser


def score_folders(args: argparse.Namespace) -> str:
    """Score the folders and write the tables, unless they exist already.

    Args:
        args: Parsed arguments of `build_parser`.

    Returns:
        The summary to print.

    Raises:
        UserError: If an argument, a folder or an image is wrong.
    """
    selection = (
        {name: {} for name in args.metric} if args.metric else presets.METRIC_PRESETS[args.preset]
    )
    metrics = load_metrics(selection)
    pairs = collect_pairs(args.fused, args.infrared, args.visible, allow_missing=args.allow_missing)
    output_folder.check_writable(args.out)
    skipped = len(find_images_by_stem(args.infrared)) - len(pairs)
    if skipped:
        printable.print_message(f"{skipped} pair(s) skipped: not every FUSED has them")
    spec = output_folder.build_spec(pairs, metrics)
    finished = output_folder.read_finished_output(args.out, spec)
    if finished is not None:
        printable.print_message(f"nothing to do: {args.out} has the tables of these images")
        means, notes = finished
        return f"{_format_table(means, args)}\n{notes}"
    output_folder.check_overwrite(args.out, replace=args.replace)
    row_logs = output_folder.get_row_log_paths(args.out, spec)
    per_image = score_images.score_pairs(pairs, metrics, "score", args.workers, row_logs)
    means = summarize_scores(per_image, metrics)
    signature = (join_signatures(metrics), LUMINANCE, presets.get_preset_note(metrics))
    samples = [pairs[i] for i in sorted({0, len(pairs) // 2, len(pairs) - 1})]
    cautions = argument_order.find_order_cautions(samples)
    lines = [*summary_table.list_cautions(per_image), *cautions]
    notes = "\n".join([*lines, "; ".join(filter(None, signature))])
    rows = pd.concat(per_image, names=["source", "key"]).reset_index()
    tables = {
        output_folder.PER_IMAGE_FILE: add_signature_column(rows, metrics),
        output_folder.MEANS_FILE: means,
    }
    paths = output_folder.write_tables(args.out, tables, notes, spec)
    printable.print_message(f"written: {', '.join(map(str, paths))}")
    return f"{_format_table(means, args)}\n{notes}"


def _format_table(means: pd.DataFrame, args: argparse.Namespace) -> str:
    width = get_terminal_size().columns
    return summary_table.format_table(means, width, with_intervals=args.intervals)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    try:
        with name_file(args.out):
            printable.print_text(score_folders(args))
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("fusion.quality", error)
    except KeyboardInterrupt:
        return cli.report_interrupt("fusion.quality")
    return 0


if __name__ == "__main__":
    run_program(main)
