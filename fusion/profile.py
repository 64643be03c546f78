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
sources of a task file is also kept under profile/ of --out, where the report finds it.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bench import cli, tasks
from bench.errors import BenchError
from fusion import cost, inference, kept_costs
from fusion.cost import Asked, Cost, Counts, How

PROGRAM = "fusion.profile"
FULL = 128  # inner width of the uncompressed networks
NOTE = (
    "Their way takes a pass of the denoising network for each image where a fusion takes three, "
    "gives it one channel instead of three, and leaves normalisations and attention out. It does "
    "not give the 1516.136 G of width 1; nothing that was tried does."
)


def chosen(args: argparse.Namespace) -> list[Asked]:
    """What the flags ask for.

    Raises:
        BenchError: If they are wrong.
    """
    if args.method is not None:
        if args.source:
            raise BenchError("give --source or --method, not both")
        methods = {args.method: (args.method, _options(args.set))}
    else:
        if args.set:
            raise BenchError("--set changes the options of a --method")
        file = tasks.load(args.tasks)
        names = args.source or [
            name for name, source in file.sources.items() if isinstance(source, tasks.Method)
        ]
        methods = {}
        for name in names:
            source = file.source(name)
            if not isinstance(source, tasks.Method):
                raise BenchError(f"source {name} is {source.kind}; only methods can be profiled")
            methods[name] = (source.method, dict(source.options))
    return [
        Asked(name, method, options, *size)
        for name, (method, options) in methods.items()
        for size in map(_size, args.size or ["256x256"])
    ]


def _options(changes: Sequence[str]) -> dict[str, Any]:
    found = {}
    for words in changes:
        name, equals, value = words.partition("=")
        if not equals or not name:
            raise BenchError(f"--set {words}: expected option=value")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise BenchError(f"--set {words}: the value is not YAML") from None
    return found


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as text: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(wide) if place == 0 else cell.rjust(wide)
            for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


HEAD = (
    *("source", "size", "parameters", "GMACs", "as printed M", "as printed G"),
    *("seconds", "least", "most", "memory MB"),
)


def shown(asked: Asked, counts: Counts, spent: Cost) -> tuple[str, ...]:
    """One line of the table."""

    def number(value: float | None, decimals: int, unit: float = 1) -> str:
        return "-" if value is None else f"{value / unit:,.{decimals}f}"

    return (
        asked.source,
        f"{asked.width}x{asked.height}",
        f"{counts.parameters:,}",
        number(counts.macs, 3, 1e9),
        number(counts.printed_parameters, 3),
        number(counts.printed_macs, 3),
        *(number(value, 3) for value in (spent.seconds, spent.least, spent.most)),
        number(spent.memory, 1, 1e6),
    )


def paper() -> list[str]:
    """The papers' networks at 256 x 256: true counts, counted in their way, and printed."""
    from fusion import counting

    head = ("parameters", "GMACs of a pair", "their way M", "printed M")
    rows: list[tuple[str, ...]] = [("width", "U-Net", *head, "their way G", "printed G")]
    for inner, (millions, billions) in counting.DMFUSE.items():
        network = counting.dmfuse(inner)
        theirs = counting.as_printed(network, 256, 256)
        rows.append(
            (
                _width(inner),
                f"{counting.parameters(network.denoising):,}",
                f"{counting.parameters(network):,}",
                f"{counting.pair(network, 256, 256).macs / 1e9:,.3f}",
                *(f"{value:.3f}" for value in (theirs.parameters, millions)),
                *(f"{value:.3f}" for value in (theirs.macs or 0, billions)),
            )
        )
    found = ["DMFuse, Tables 5 and 7", *lines(rows)]
    rows = [("width", *head)]
    for inner in counting.DMFUSE:
        other = counting.dmnet(inner)
        theirs = counting.as_printed(other, 256, 256)
        rows.append(
            (
                _width(inner),
                f"{counting.parameters(other):,}",
                f"{counting.pair(other, 256, 256).macs / 1e9:,.3f}",
                f"{theirs.parameters:.3f}",
                f"{counting.DMNET:.3f}" if inner == FULL else "-",
            )
        )
    return [*found, *textwrap.wrap(NOTE, 98), "", "DMNet, Table VIII", *lines(rows)]


def _width(inner: int) -> str:
    return "1" if inner == FULL else f"1/{FULL // inner}"


def _size(words: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", words)
    if found is None or min(map(int, found.groups())) < inference.SMALLEST:
        raise BenchError(
            f"--size {words}: expected WIDTHxHEIGHT in pixels, each at least {inference.SMALLEST}"
        )
    return int(found[1]), int(found[2])


def _profile(args: argparse.Namespace) -> None:
    asked = chosen(args)
    if args.runs < 0 or (args.threads is not None and args.threads < 1):
        raise BenchError(f"--runs {args.runs}, --threads {args.threads}: expected positive numbers")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", args.device):
        raise BenchError(f"--device {args.device}: expected auto, cpu, cuda or cuda:N")
    if args.to is not None and not args.to.parent.is_dir():
        raise BenchError(f"--to {args.to}: there is no folder {args.to.parent}")
    how = How(cli.resolved(args.device), args.runs, args.threads)
    counts = [cost.counted(one) for one in asked]  # all, so that faults show before the waiting
    rows = []
    for one, count in zip(asked, counts, strict=True):
        if args.runs:
            print(f"{one.source} at {one.width}x{one.height}", file=sys.stderr)
        rows.append((one, count, cost.alone(one, how) if args.runs else Cost()))
    print("\n".join(lines([HEAD, *(shown(*row) for row in rows)])))
    if args.to is not None:
        kept_costs.write(args.to, how, rows)
    if args.method is None and args.runs:
        kept_costs.keep(args.out, how, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = parser().parse_args(argv)
    try:
        if args.paper:
            print("\n".join(paper()))
        else:
            _profile(args)
    except (BenchError, OSError) as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.STOPPED
    return 0


def parser() -> argparse.ArgumentParser:
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
