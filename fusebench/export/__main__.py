"""Write data sets, predictions and scores in the formats of other tools.

python -m fusebench.export --to yolo --task NAME --source NAME --into DIR
python -m fusebench.export --to predictions --task NAME --into DIR
python -m fusebench.export --to metrics --into DIR

yolo: images and boxes for ultralytics. coco: the same in COCO's format. mmseg: images and label
maps for MMSegmentation. predictions: those of the finished runs, as COCO results or label maps.
fiftyone: all sources of a task, as slices of one data set. metrics: flat JSON of all scores.

Nothing is computed: what is missing is one error that names the command which makes it. DIR is
written as DIR.partial and renamed when it is complete. If it holds the same export already, nothing
is done; if it holds anything else, it is left as it is, unless --overwrite is given.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.config.schema import TASK_CLASSES
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.errors import UserError
from fusebench.export import (
    coco,
    content,
    fiftyone,
    metrics,
    mmseg,
    predictions,
    target_folder,
    yolo,
)
from fusebench.export.content import Labels, TaskContent
from fusebench.runtime import command_name, interrupts, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.storage import hashing
from fusebench.storage.store import Store

PROGRAM = "fusebench.export"
VERSION = 1  # of the exported files: higher where the same content gives other files
METRICS = "metrics"  # the format that needs no task file


@dataclass(frozen=True)
class Format:
    """A format of the data or the predictions of one task.

    Attributes:
        write: Writes it into a folder.
        labels: Labels, one kind of which the data set must have; empty: labels are optional.
        has_one_source: Whether it holds the images of one source.
        has_images: Whether images are exported.
        has_predictions: Whether predictions are exported if there are any.
    """

    write: Callable[[Path, TaskContent, PlacingMode], None]
    labels: tuple[Labels, ...] = ()
    has_one_source: bool = True
    has_images: bool = True
    has_predictions: bool = False


FORMATS: Mapping[str, Format] = {
    "yolo": Format(yolo.write, ("boxes",)),
    "coco": Format(coco.write, ("boxes",)),
    "mmseg": Format(mmseg.write, ("label_map",)),
    "predictions": Format(
        predictions.write, has_one_source=False, has_images=False, has_predictions=True
    ),
    "fiftyone": Format(fiftyone.write, has_one_source=False, has_predictions=True),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    program = command_name.get_command_name(PROGRAM)
    try:
        is_written = _export_metrics(args) if args.to == METRICS else _export_task(args)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(program, error)
    except KeyboardInterrupt:
        printable.print_message(f"\n{program}: interrupted; the same command starts it again")
        return interrupts.get_exit_status()
    done = "" if is_written else " holds this export already; nothing was done"
    printable.print_text(f"{args.into}{done}")
    return 0


def _export_task(args: argparse.Namespace) -> bool:
    chosen = FORMATS[args.to]
    if not chosen.has_images:
        _refuse_flags(args, "split", "images")
    run_plan = cli.build_plan_from_args(args, tuple(TASK_CLASSES), generate=False)
    store = Store(args.out)
    runs = content.select_runs(run_plan, args, has_one_source=chosen.has_one_source)
    split_names = args.split if chosen.has_images else ["test"]
    splits = content.select_splits(runs, split_names, chosen.labels)
    sources = content.collect_sources(runs, splits, store, args) if chosen.has_images else ()
    results = (
        content.collect_predictions(runs, store, args, are_required=not chosen.has_images)
        if chosen.has_predictions and "test" in splits
        else ()
    )
    task = runs[0].task
    exported = TaskContent(runs[0].task_name, task.kind, splits, sources, results)
    if chosen.has_images and chosen.has_predictions and task.kind != "quality":
        count = len(runs) - len(results)
        if count:
            printable.print_message(f"{count} of {len(runs)} runs are not finished: no predictions")
    mode: PlacingMode = args.images or "copy"
    spec = _build_spec(args.to, {**exported.spec, "images": mode if chosen.has_images else None})
    return target_folder.write_export(
        args.into,
        spec,
        lambda folder: chosen.write(folder, exported, mode),
        overwrite=args.overwrite,
    )


def _export_metrics(args: argparse.Namespace) -> bool:
    _refuse_flags(args, "split", "images", "preset", "limit", "set")
    files = metrics.build_files(metrics.load_rows(args))
    spec = _build_spec(METRICS, {"content": hashing.content_hash(files)})
    return target_folder.write_export(
        args.into, spec, lambda folder: metrics.write(folder, files), overwrite=args.overwrite
    )


def _build_spec(name: str, exported: Mapping[str, Any]) -> dict[str, Any]:
    return {target_folder.FORMAT_KEY: name, "version": VERSION, **exported}


def _refuse_flags(args: argparse.Namespace, *names: str) -> None:
    """Raise a `UserError` for a flag that does not affect the format."""
    for name in names:
        if getattr(args, name):
            raise UserError(f"--{name} does not affect --to {args.to}; leave it out")


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", required=True, choices=[*FORMATS, METRICS], help="the format")
    parser.add_argument(
        "--into", required=True, type=expand_home, metavar="DIR", help="the folder to write"
    )
    parser.add_argument(
        "--split",
        action="append",
        default=[],
        choices=content.SPLITS,
        help="only this split (may be repeated; default: those of the task)",
    )
    parser.add_argument(
        "--images",
        choices=get_args(PlacingMode),
        help="copy images (the default), or link them; images that others read differently are "
        "written as PNG",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace another export in the folder"
    )
    cli.add_selection_arguments(parser)
    parser.set_defaults(device="cpu")
    return parser


if __name__ == "__main__":
    run_program(main)
