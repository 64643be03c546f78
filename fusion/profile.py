"""Profile fusion methods: parameters, multiply-accumulates, seconds per pair and peak memory.

python -m fusion.profile                     every method of tasks.yaml, 640 x 480, within a minute
python -m fusion.profile --thorough          640 x 480, 1024 x 768 and 3840 x 2160, more runs
python -m fusion.profile --source dmfuse --size 256x256   one source, another size, no time limit
python -m fusion.profile --method dmfuse --set precision=bfloat16
python -m fusion.profile --runs 0            counts only, within seconds
python -m fusion.profile --paper             the papers' networks, as counted there

One line per method and size. MACs are multiply-accumulates of convolutions, linear layers and
matrix products; methods without a network have none. The columns "as printed" count as the papers
do (DMFuse Tables 5 and 7, DMNet Table VIII). Seconds are the median, minimum and maximum of the
elapsed times after one warm-up; CPU seconds are those of all cores together (of one core: networks
use one thread unless --threads is given), which other programs change least. Without --runs the
number of runs depends on their time, and is printed. Without --size, --runs and --thorough a
method that is not finished within the minute is reported as not measured.

Memory is the peak of a separate process: on the CPU above its size before the weights were read,
on a GPU all that torch allocated. With --thorough a network that does not fit into memory is
measured in tiles. Measurements of the sources of a task file are also saved under profile/ of
--out, where the report reads them; a new one replaces the old one. If a method fails, its name is
printed, the others are still measured, and the exit status is 1. Ctrl-C keeps what was measured.
"""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusebench import cli
from fusebench.config import schema, task_file_location
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.runtime import command_name, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.runtime.reading.yaml_text import parse_yaml
from fusion.networks import tiled_inference
from fusion.profiling import files, session, tables
from fusion.profiling.request import ProfileRequest, RunLimits

PROGRAM = "fusion.profile"
MAX_RUNS, MAX_THREADS = 1_000_000, 1024
DEFAULT_SIZES = ["640x480"]
THOROUGH_SIZES = ["640x480", "1024x768", "3840x2160"]
QUICK_SECONDS = 50.0  # of all measurements together, from the start of the program
QUICK_LIMITS = RunLimits(max_runs=5, min_runs=0, seconds=20)
THOROUGH_LIMITS = RunLimits(max_runs=10, min_runs=3, seconds=60)


def select_requests(args: argparse.Namespace) -> list[ProfileRequest]:
    """Select the methods and sizes to profile.

    Raises:
        UserError: If an argument is wrong.
    """
    if args.method is not None:
        if args.source:
            raise UserError("give --source or --method, not both")
        methods = {args.method: (args.method, _parse_options(args.set))}
        base_folder = Path.cwd()
    else:
        if args.set:
            raise UserError("--set changes the options of a --method; give --method too")
        methods = _select_sources(args)
        base_folder = args.tasks.resolve().parent
    default_sizes = THOROUGH_SIZES if args.thorough else DEFAULT_SIZES
    return [
        ProfileRequest(name, method, options, *size, base_folder)
        for name, (method, options) in methods.items()
        for size in dict.fromkeys(map(_parse_size, args.size or default_sizes))
    ]


def _select_sources(args: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any]]]:
    """Get the method and the options of each source of the task file, by source name."""
    file = schema.load_task_file(task_file_location.find_task_file(args.tasks))
    names = args.source or [
        name
        for name, source in file.sources.items()
        if isinstance(source, schema.FusionMethodSource)
    ]
    methods = {}
    for name in names:
        source = file.get_source(name)
        if not isinstance(source, schema.FusionMethodSource):
            raise UserError(f"source {name} is {source.kind}; only methods can be profiled")
        methods[name] = (source.method, dict(source.options))
    return methods


def _parse_options(assignments: Sequence[str]) -> dict[str, Any]:
    options = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise UserError(f"--set {assignment}: expected option=value")
        options[name] = parse_yaml(value, f"--set {assignment}: the value is not YAML")
    return options


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    low, high = tiled_inference.MIN_SIDE, tiled_inference.MAX_SIDE
    if match is None or not all(low <= int(side) <= high for side in match.groups()):
        raise UserError(
            f"--size {text}: expected WIDTHxHEIGHT in pixels, each at least {low} and at most "
            f"{high}"
        )
    return int(match[1]), int(match[2])


def _profile_methods(args: argparse.Namespace) -> int:
    """Count and measure every request; return the exit status."""
    start = time.monotonic()
    requests = select_requests(args)
    _check_arguments(args)
    for request in requests:  # wrong options are reported before anything is computed
        request.load_method()
    is_quick = args.runs is None and not args.thorough and not args.size
    settings = session.ProfileSettings(
        args.device,
        1 if args.threads is None else args.threads,
        _select_limits(args),
        deadline=start + QUICK_SECONDS if is_quick else None,
        uses_tiles=args.thorough,
        store=args.out if args.method is None else None,
    )
    rows: list[files.CostRow] = []
    try:
        session.profile_requests(requests, settings, rows)
    finally:  # also after an interrupt: measurements are not lost
        _write_results(rows, args.to)
    missing = [row.request.label for row in rows if row.reason]
    if missing:
        printable.print_message(f"{PROGRAM}: {len(missing)} not measured: {', '.join(missing)}")
    return 1 if missing else 0


def _check_arguments(args: argparse.Namespace) -> None:
    """Check everything that would fail only after the measurements.

    Raises:
        UserError: Naming the argument.
    """
    if args.runs is not None and not 0 <= args.runs <= MAX_RUNS:
        raise UserError(f"--runs {args.runs}: expected 0 to {MAX_RUNS}")
    if args.threads is not None and not 1 <= args.threads <= MAX_THREADS:
        raise UserError(f"--threads {args.threads}: expected 1 to {MAX_THREADS}")
    if args.to is not None and not args.to.parent.is_dir():
        raise UserError(f"--to {args.to}: there is no folder {args.to.parent}")
    if args.to is not None and args.to.is_dir():
        raise UserError(f"--to {args.to}: is a folder; name a file in it, e.g. costs.csv")
    if args.out.is_file():
        raise UserError(f"--out {args.out}: is a file; name the folder of the results")
    cli.check_device(args.device)


def _select_limits(args: argparse.Namespace) -> RunLimits | None:
    """Select when the runs end; None: nothing is timed."""
    if args.runs is None:
        return THOROUGH_LIMITS if args.thorough else QUICK_LIMITS
    return RunLimits(args.runs, args.runs, 0) if args.runs else None


def _write_results(rows: Sequence[files.CostRow], to: Path | None) -> None:
    if not rows:
        return
    lines = [*tables.format_measurements(rows), "", *tables.format_published_sizes()]
    printable.print_text("\n".join(lines))
    if to is not None:
        files.write_csv(to, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    try:
        if args.paper:
            printable.print_text("\n".join(tables.format_paper_comparison()))
            return 0
        return _profile_methods(args)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(PROGRAM, error)
    except KeyboardInterrupt:
        return cli.report_interrupt(PROGRAM, "what was measured is kept")


def build_parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tasks", type=expand_home, default=task_file_location.TASK_FILE, metavar="FILE"
    )
    parser.add_argument("--source", action="append", help="of the task file (may be repeated)")
    parser.add_argument("--method", help="a method instead, with its default options")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="option=value",
        help="change an option of --method (may be repeated)",
    )
    parser.add_argument("--size", action="append", metavar="WxH", help="in pixels (repeatable)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--thorough", action="store_true", help="all sizes and more runs")
    parser.add_argument("--runs", type=int, metavar="N", help="exactly N; 0 counts only")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch on the CPU")
    parser.add_argument(
        "--out", type=expand_home, default=Path("runs"), metavar="DIR", help="results"
    )
    parser.add_argument("--to", type=expand_home, metavar="FILE", help="also write a CSV file")
    parser.add_argument("--paper", action="store_true", help="compare with the papers' tables")
    return parser


if __name__ == "__main__":
    run_program(main)
