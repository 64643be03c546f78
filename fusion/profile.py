"""What fusion methods cost: parameters, multiply-accumulates, seconds per pair, peak memory.

python -m fusion.profile                                  every method of tasks.yaml, 256 x 256
python -m fusion.profile --source dmfuse --size 640x480   one source, another size
python -m fusion.profile --method dmfuse --set precision=bfloat16
python -m fusion.profile --runs 0                         counts alone, in a moment
python -m fusion.profile --paper                          the papers' networks, as counted there

A line per method and size. MACs are multiply-accumulates of convolutions, linear layers and
matrix products; methods without a network have none to count. The columns "as printed" count in
the papers' way (DMFuse Tables 5 and 7, DMNet Table VIII). Seconds are the median, least and most
of --runs fusions after one to warm up; memory is the peak of a process of its own: above what it
took before the weights were read, or on a GPU all that torch allocated. What is measured of the
sources of a task file is also kept under profile/ of --out, where the report finds it. A method
that fails is named and left out; the others are measured.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError
from fusion.networks import tiled_inference
from fusion.profiling import files, measurement, tables
from fusion.profiling.measurement import (
    MeasuredCost,
    OperationCounts,
    ProfileRequest,
    TimingOptions,
)

PROGRAM = "fusion.profile"


def select_requests(args: argparse.Namespace) -> list[ProfileRequest]:
    """What the flags ask for.

    Raises:
        UserError: If they are wrong.
    """
    if args.method is not None:
        if args.source:
            raise UserError("give --source or --method, not both")
        methods = {args.method: (args.method, _parse_options(args.set))}
    else:
        if args.set:
            raise UserError("--set changes the options of a --method")
        file = schema.load_task_file(args.tasks)
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
    return [
        ProfileRequest(name, method, options, *size)
        for name, (method, options) in methods.items()
        for size in map(_parse_size, args.size or ["256x256"])
    ]


def _parse_options(changes: Sequence[str]) -> dict[str, Any]:
    found = {}
    for words in changes:
        name, equals, value = words.partition("=")
        if not equals or not name:
            raise UserError(f"--set {words}: expected option=value")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--set {words}: the value is not YAML") from None
    return found


def _parse_size(words: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", words)
    least, most = tiled_inference.MIN_SIDE, tiled_inference.MAX_SIDE
    if found is None or not all(least <= int(side) <= most for side in found.groups()):
        raise UserError(
            f"--size {words}: expected WIDTHxHEIGHT in pixels, each at least {least} and at most "
            f"{most}"
        )
    return int(found[1]), int(found[2])


def _profile_methods(args: argparse.Namespace) -> int:
    asked = select_requests(args)
    how = _read_timing_options(args)
    counts = [
        measurement.count_operations(one) for one in asked
    ]  # all, so that faults show before the waiting
    rows: list[files.CostRow] = []

    def measure(one: ProfileRequest, count: OperationCounts) -> None:
        row = (
            one,
            count,
            measurement.measure_in_subprocess(one, how) if args.runs else MeasuredCost(),
        )
        rows.append(row)
        if args.method is None and args.runs:
            files.store_profile(args.out, how, row)

    failed = []
    try:
        for one, count in zip(asked, counts, strict=True):
            if args.runs:
                print(one.label, file=sys.stderr)
            if not cli.run_and_report(one.label, partial(measure, one, count)):
                failed.append(one.label)
    finally:  # stopped or not: what was measured is not lost
        _write_results(rows, how, args.to)
    if failed:
        print(f"{PROGRAM}: {len(failed)} failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _read_timing_options(args: argparse.Namespace) -> TimingOptions:
    if args.runs < 0 or (args.threads is not None and args.threads < 1):
        raise UserError(f"--runs {args.runs}, --threads {args.threads}: expected positive numbers")
    if args.to is not None and not args.to.parent.is_dir():
        raise UserError(f"--to {args.to}: there is no folder {args.to.parent}")
    cli.check_device(args.device)
    return TimingOptions(cli.resolve_device(args.device), args.runs, args.threads)


def _write_results(rows: Sequence[files.CostRow], how: TimingOptions, to: Path | None) -> None:
    if rows:
        print("\n".join(tables.format_measurements(rows)))
    if rows and to is not None:
        files.write_csv(to, how, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    try:
        if args.paper:
            print("\n".join(tables.format_paper_comparison()))
            return 0
        return _profile_methods(args)
    except (UserError, OSError) as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.EXIT_INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--tasks", type=Path, default=Path("tasks.yaml"), metavar="FILE")
    flags.add_argument("--source", action="append", help="of the task file (may be repeated)")
    flags.add_argument("--method", help="a method instead, with its default options")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="option=value",
        help="change an option of --method (may be repeated)",
    )
    flags.add_argument("--size", action="append", metavar="WxH", help="in pixels (repeatable)")
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    flags.add_argument("--runs", type=int, default=5, metavar="N", help="0 counts only")
    flags.add_argument("--threads", type=int, metavar="N", help="of torch on the CPU")
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="of results")
    flags.add_argument("--to", type=Path, metavar="FILE", help="also write a CSV file")
    flags.add_argument("--paper", action="store_true", help="compare with the papers' tables")
    return flags


if __name__ == "__main__":
    sys.exit(main())
