"""Run every stage that tasks.yaml asks for, in order: fusion, detection, segmentation, reports.

python -m fusebench                   every task whose data is here
python -m fusebench --preset demo     the demonstration on simulated scenes
python -m fusebench --plan            what would be done, and what is done already
python -m fusebench --m3fd            only the tasks on one data set

Finished work is never repeated: stopped or killed, the same command goes on where it was.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from bench import cli, tasks
from bench.errors import BenchError


def stages(args: argparse.Namespace) -> list[str]:
    """The programs that the flags call for, in order.

    Raises:
        BenchError: If the task file or the data is wrong, or the flags choose nothing that is here.
    """
    found = cli.planned(args, tuple(tasks.KINDS), draw=not args.plan)
    kinds = {cell.task.kind for cell in found.cells}
    kinds |= {gone.task.kind for gone in found.absent if gone.undrawn}
    trained = [f"{kind}.run" for kind in ("detection", "segmentation") if kind in kinds]
    return ["fusion.run", *trained, *([] if args.plan else ["reports.run"])]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: the worst of the stages'."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = cli.parser("fusebench", __doc__ or "").parse_args(words)
    try:
        programs = stages(args)
    except (BenchError, OSError) as fault:
        print(f"fusebench: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.stopped("fusebench")
    worst = 0
    for program in programs:
        print(f"== {program}", flush=True)
        status: int = importlib.import_module(program).main(words)
        if status not in (0, 1):
            return status
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main())
