"""Run every stage that tasks.yaml names, in order: fusion, detection, segmentation, reports.

What the fusion methods of the tasks cost is measured once, before the report.

python -m fusebench                   every task whose data is on this machine
python -m fusebench --preset demo     the demonstration on simulated scenes
python -m fusebench --plan            the runs and which of them are finished
python -m fusebench --m3fd            only the tasks on one data set
python -m fusebench verify            check the stored files; see its --help
python -m fusebench export            write data sets and results for other tools; see its --help
python -m fusebench doctor --m3fd     check a data set; see its --help
python -m fusebench --workers 4       runs side by side in four processes, one GPU each
python -m fusebench status            the jobs that are waiting, running and failed
python -m fusebench cancel            stop them

Finished work is never repeated: after an interruption, the same command resumes it.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from fusebench import cli, cli_jobs, cli_status, doctor, verify
from fusebench.cli_jobs import Command
from fusebench.config import schema
from fusebench.config.engine_settings import EngineSettings
from fusebench.engines import cancel, status
from fusebench.experiments import costs, preflight
from fusebench.experiments.plan import Plan
from fusebench.export import __main__ as export
from fusebench.runtime import printable
from fusebench.runtime.program import run_program
from fusebench.storage.store import Store

SUBCOMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "verify": verify.main,
    "export": export.main,
    "doctor": doctor.main,
    "status": status.main,
    "cancel": cancel.main,
}


PROGRAM = "fusebench.__main__"  # of the jobs
JOB_KINDS = ("fused", *schema.TASK_CLASSES)  # of the jobs whose results are wanted for themselves
REPORT, PROFILER = "reports.run", "fusion.profile"


def build_plan(args: argparse.Namespace) -> Plan:
    """Plan the tasks of every kind.

    Raises:
        UserError: If the task file or the data is wrong, or no task is selected.
    """
    return cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=not args.plan)


def select_stages(plan: Plan, *, is_plan_only: bool) -> list[str]:
    """List the programs to call, in order."""
    kinds = {run.task.kind for run in plan.runs}
    kinds |= {skipped.task.kind for skipped in plan.skipped_tasks if skipped.will_be_generated}
    model_stages = [f"{kind}.run" for kind in ("detection", "segmentation") if kind in kinds]
    return ["fusion.run", *model_stages, *([] if is_plan_only else [REPORT])]


def measure_costs(plan: Plan, args: argparse.Namespace) -> int:
    """Measure the cost of the planned fusion methods that the store has no profile of.

    Returns:
        The exit status of the profiler. If a method was not measured, the report says so.
    """
    fusion_methods = costs.select_fusion_methods(plan)
    profiled = {name for name, _ in costs.find_profiles(args.out, fusion_methods)}
    names = [name for name in fusion_methods if name not in profiled]
    if not names:
        return 0
    printable.print_text(f"== {PROFILER}")
    selection = [part for name in names for part in ("--source", name)]
    places = ["--tasks", str(args.tasks), "--out", str(args.out), "--device", args.device]
    status: int = importlib.import_module(PROFILER).main([*places, *selection])
    return status


def execute_side_by_side(
    command: Command, args: argparse.Namespace, plan: Plan, engine: EngineSettings
) -> int:
    """Execute the runs of all stages in worker processes; return the exit status."""
    try:
        preflight.check_inputs(plan.all_runs, Store(args.out))
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("fusebench", error)
    except KeyboardInterrupt:
        return cli.report_interrupt("fusebench")
    for skipped in plan.skipped_tasks:
        printable.print_message(
            f"fusebench: task {skipped.task_name} is left out: {skipped.reason}"
        )
    return cli_jobs.execute_with_engine(
        command, args, plan, engine, lambda job: job.kind in JOB_KINDS
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the worst exit status of the stages."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in SUBCOMMANDS:
        return SUBCOMMANDS[arguments[0]](arguments[1:])
    args = cli.build_parser("fusebench", __doc__ or "").parse_args(arguments)
    command = cli_jobs.Command(PROGRAM, tuple(schema.TASK_CLASSES), tuple(arguments))
    if args.job:
        return cli_jobs.execute_single_jobs(command, args)
    try:
        plan = build_plan(args)
        engine = cli_jobs.get_engine_settings(args, plan.task_file.engine)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("fusebench", error)
    except KeyboardInterrupt:
        return cli.report_interrupt("fusebench")
    worst_status, stages = 0, select_stages(plan, is_plan_only=args.plan)
    if engine.jobs_at_once and not args.plan:
        worst_status = execute_side_by_side(command, args, plan, engine)
        if worst_status not in (0, cli.EXIT_FAILED, cli_status.EXIT_HELD):
            return worst_status
        stages = [REPORT]
    status = run_stages(stages, args, arguments, plan, worst_status)
    if args.plan and status == 0:
        cli.print_remaining_cost(args, plan, engine, JOB_KINDS)
    return status


def run_stages(
    stages: Sequence[str],
    args: argparse.Namespace,
    arguments: Sequence[str],
    plan: Plan,
    worst_status: int,
) -> int:
    """Run programs one after the other; return the worst exit status, their own and a given one."""
    for program in stages:
        if program == REPORT:
            status = measure_costs(plan, args)
            if status not in (0, cli.EXIT_FAILED, cli.EXIT_WRONG_INPUT):
                return status  # interrupted; without costs the report is still right
        printable.print_text(f"== {program}")
        run_stage = importlib.import_module(program).main
        # Stages that compute plan again: data can change in the hours that the first one takes.
        run_status: int = run_stage(arguments, plan) if args.plan else run_stage(arguments)
        if run_status not in (0, 1):
            return run_status
        worst_status = max(worst_status, run_status)
    return worst_status


if __name__ == "__main__":
    run_program(main)
