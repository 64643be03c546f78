"""Command-line arguments that fusion.run, detection.run, segmentation.run and reports.run share."""

import argparse
import re
from pathlib import Path

from fusebench import plugins
from fusebench.config import task_file_location
from fusebench.config.engine_settings import ENGINE_KINDS
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.runtime import command_name
from fusebench.runtime.printable import ArgumentParser

PICTURE_CHOICES = ("all", "chosen", "none")
PICTURE_MEGABYTES, MAX_PICTURE_MEGABYTES = 500, 1_000_000  # limit of the pictures of a report


def build_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Build the parser of the arguments that all programs share.

    Args:
        program: Module of the program, e.g. ``detection.run``.
        description: Docstring of the module.
    """
    parser = ArgumentParser(
        prog=command_name.get_command_name(program),
        description=command_name.format_description(program, description),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_selection_arguments(parser)
    parser.add_argument(
        "--to", type=expand_home, default=Path("report"), metavar="DIR", help="the report"
    )
    add_picture_arguments(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--plan", action="store_true", help="print what would be done and stop")
    add_engine_arguments(parser)
    return parser


def add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which pictures the report's image viewer has."""
    parser.add_argument(
        "--pictures",
        choices=PICTURE_CHOICES,
        default=PICTURE_CHOICES[0],
        help="test pairs in the report's image viewer: all of them, those of the report's sample "
        "images, or no viewer (default: all)",
    )
    parser.add_argument(
        "--pictures-limit",
        type=_parse_megabytes,
        default=PICTURE_MEGABYTES,
        metavar="MB",
        help="with --pictures all: leave out pairs if the pictures of all would take more "
        f"megabytes (default: {PICTURE_MEGABYTES})",
    )


def _parse_megabytes(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_PICTURE_MEGABYTES:
        raise argparse.ArgumentTypeError(
            f"{text}: expected a whole number of megabytes from 1 to {MAX_PICTURE_MEGABYTES:,}"
        )
    return number


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how runs are executed."""
    parser.add_argument(
        "--engine",
        choices=ENGINE_KINDS,
        help="where runs are executed: by processes of this machine (local), Ray or Slurm",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="execute N runs side by side")
    parser.add_argument(
        "--retries", type=int, metavar="N", help="execute a failed run again N times (default: 1)"
    )
    parser.add_argument(
        "--job", action="append", metavar="ID", help="only this job of the plan (may be repeated)"
    )


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where tasks, data and results are, and which tasks are meant."""
    add_task_file_arguments(parser)
    parser.add_argument(
        "--data", type=expand_home, default=Path("data"), metavar="DIR", help="the data sets"
    )
    parser.add_argument(
        "--out", type=expand_home, default=Path("runs"), metavar="DIR", help="the results"
    )
    parser.add_argument("--preset", help="run the tasks of this preset, with its settings")
    parser.add_argument("--task", action="append", help="only this task (may be repeated)")
    parser.add_argument(
        "--source", help="only this source; or all of a kind: ir, vis, fused, reference"
    )
    parser.add_argument("--seed", type=int, action="append", help="this seed instead of the task's")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N pairs of every split")
    add_dataset_flags(parser, "only tasks on the data set {name}")


def add_task_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tasks`` and ``--set``: the task file and changes of it."""
    parser.add_argument(
        "--tasks",
        type=expand_home,
        default=task_file_location.TASK_FILE,
        metavar="FILE",
        help="the task file (default: tasks.yaml, or that of the package if there is none)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="tasks.NAME.option=value",
        help="change the task file for this run (may be repeated)",
    )


def add_dataset_flags(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add a flag for every data set, which appends its name to ``datasets``.

    Args:
        parser: Gets the flags.
        help_text: Help of a flag, with ``{name}`` for the name of the data set.
    """
    for name in plugins.list_plugins(plugins.DATASETS):
        parser.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=help_text.format(name=name),
        )


def check_device(device: str) -> None:
    """Check the form of a device's name.

    Raises:
        UserError: If it is not auto, cpu, cuda or cuda:N.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise UserError(f"--device {device}: expected auto, cpu, cuda or cuda:N")


def resolve_device(device: str) -> str:
    """Return the device to use: ``auto`` is the first GPU, or the CPU if there is no GPU.

    Raises:
        UserError: If there is no such GPU.
    """
    if device == "cpu":
        return device
    import torch

    gpu_count = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if gpu_count else "cpu"
    if int(device.partition(":")[2] or 0) >= gpu_count:
        raise UserError(f"--device {device}: this machine has {gpu_count} CUDA GPU(s); try auto")
    return device
