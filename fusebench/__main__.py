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

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError


def select_stages(args: argparse.Namespace) -> list[str]:
    """The programs that the flags call for, in order.

    Raises:
        UserError: If the task file or the data is wrong, or the flags choose nothing that is here.
    """
    found = cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=not args.plan)
    kinds = {cell.task.kind for cell in found.runs}
    kinds |= {gone.task.kind for gone in found.skipped_tasks if gone.will_be_generated}
    trained = [f"{kind}.run" for kind in ("detection", "segmentation") if kind in kinds]
    return ["fusion.run", *trained, *([] if args.plan else ["reports.run"])]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: the worst of the stages'."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = cli.build_parser("fusebench", __doc__ or "").parse_args(words)
    try:
        programs = select_stages(args)
    except (UserError, OSError) as fault:
        print(f"fusebench: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.report_interrupt("fusebench")
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
