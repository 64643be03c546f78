"""Write the report of all finished runs: tables, statistics, charts, sample images.

python -m reports.run                 report/index.html, report.md, tables/*.csv, figures
python -m reports.run --to FOLDER     into another folder
python -m reports.run --pictures none without the image viewer
python -m reports.run --open          open the page in the browser afterwards
python -m reports.run --plan          list which runs are finished, and exit

Nothing is trained or fused: missing runs are listed with the command that executes them. Bootstrap
statistics are computed from saved results and stored under statistics/ of --out.
"""

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.experiments import commands, failures
from fusebench.experiments.plan import Plan, SkippedTask
from fusebench.runtime import file_names, printable
from fusebench.runtime.program import run_program
from fusebench.runtime.system_errors import name_file
from fusebench.storage.store import Store
from reports.assembly import collection, files
from reports.document import (
    efficiency,
    section_figures,
    sections,
)
from reports.document.model import Report, TaskSection
from reports.document.section_figures import FigureWriter
from reports.figures import bars_and_curves, figure_workers, sample_selection
from reports.formats import (
    open_page,
    report_folder,
    terminal,
)
from reports.results.task_results import TaskResults
from reports.tables import (
    metric_correlation,
    result_text,
)
from reports.tables.inference import metric_prediction
from reports.viewer.writing import PictureOptions

TITLE = "Does the fused image help?"


def build_report(
    plan: Plan, task_results: Sequence[TaskResults], sections: Sequence[TaskSection], command: str
) -> Report:
    """Assemble the report without its efficiency section.

    Args:
        plan: Tasks and runs.
        task_results: All tasks.
        sections: Their sections.
        command: Command line that executes all missing runs.
    """
    waiting = [task.task_name for task in plan.skipped_tasks if task.will_be_generated]
    is_complete = not waiting and all(results.is_complete for results in task_results)
    return Report(
        title=TITLE,
        status=result_text.describe_progress(task_results, waiting),
        command="" if is_complete else command,
        skipped_tasks=tuple(
            (task.task_name, _format_skip_reason(task))
            for task in plan.skipped_tasks
            if not task.will_be_generated
        ),
        sections=tuple(sections),
        sample_selection_rule=sample_selection.SELECTION_RULE,
        metric_correlations=tuple(metric_correlation.compute_correlations(task_results)),
        metric_predictions=tuple(metric_prediction.predict_tasks(task_results)),
    )


def _format_skip_reason(task: SkippedTask) -> str:
    return f"{task.reason} (sources: {', '.join(task.task.sources)})"


def _update_report(plan: Plan, store: Store, args: argparse.Namespace) -> str:
    """Write the report unless it is up to date; return its text for the terminal."""
    task_results = collection.collect_results(plan, store, args)
    pictures = PictureOptions(args.pictures, args.pictures_limit)
    command = commands.build_full_run_command(args)
    bare_sections = [sections.build_section(results) for results in task_results]
    styles = bars_and_curves.assign_source_styles(
        {name: source.kind for name, source in plan.task_file.sources.items()}
    )

    def write(folder: Path) -> None:
        # otherwise matplotlib would write its font cache into the user's home folder
        os.environ.setdefault("MPLCONFIGDIR", str(store.root.resolve() / ".matplotlib"))
        with figure_workers.open_figure_pool() as draw:
            costs = collection.build_efficiency(plan, store, task_results, args)
            if costs:
                stems = efficiency.draw_cost_charts(costs.costs, task_results, styles, folder, draw)
                costs = replace(costs, chart_stems=tuple(stems))
            finished_sections = list(
                _add_figures(bare_sections, plan, store, FigureWriter(folder, styles, draw))
            )
            report = build_report(plan, task_results, finished_sections, command)
            section_figures.draw_metric_predictions(
                report.metric_predictions,
                {results.name: results.figure_title for results in task_results},
                FigureWriter(folder, styles, draw),
            )
            viewer_file = files.write_viewer(
                plan, store, finished_sections, folder, pictures, previous=args.to
            )
            report = replace(report, efficiency=costs, viewer_file=viewer_file)
            files.write_report(report, task_results, folder)

    _check_store(store, task_results, args.to)
    inputs_hash = collection.compute_inputs_hash(plan, store, task_results, (command, pictures))
    if not report_folder.is_up_to_date(args.to, inputs_hash):
        report_folder.replace_report(args.to, inputs_hash, write)
    report = build_report(plan, task_results, bare_sections, command)
    return terminal.render_report(
        report, get_terminal_size().columns, with_intervals=args.intervals
    )


def _add_figures(
    bare_sections: Iterable[TaskSection], plan: Plan, store: Store, writer: FigureWriter
) -> Iterator[TaskSection]:
    for section in bare_sections:
        runs = [run for run in plan.runs if run.task_name == section.results.name]
        yield section_figures.add_figures(section, runs, store, writer)


def _check_store(store: Store, task_results: Sequence[TaskResults], report: Path) -> None:
    """Raise an error if an empty store, e.g. a mistyped ``--out``, would replace a full report."""
    has_results = any(
        source.records or source.failures for results in task_results for source in results.sources
    )
    if (
        not has_results
        and report_folder.has_scores(report)
        and not any(store.root.glob(f"*/*/{file_names.SPEC_FILE}"))
    ):
        problem = "contains no results" if store.root.is_dir() else "no such folder"
        raise UserError(
            f"--out {store.root}: {problem}, but the report {report} has some and is kept; name "
            "the folder of its results, or another folder for the report (--to)"
        )
    _warn_if_store_missing(store)


def _warn_if_store_missing(store: Store) -> None:
    if not store.root.is_dir():
        warning = f"--out {store.root}: no such folder, so every run is missing"
        printable.print_message(f"reports.run: {warning}")


def _print_plan(plan: Plan, store: Store) -> None:
    for run in plan.all_runs:
        if run.read_record(store):
            status = "finished"
        elif failure := failures.read_failure(run, store):
            status = f"failed: {failure.reason} ({failure.context})"
        else:
            status = "missing"
        printable.print_text(f"{run.label}: {status}")
    for task in plan.skipped_tasks:
        status = "missing" if task.will_be_generated else "skipped"
        printable.print_text(f"{task.task_name}: {status}: {task.reason}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = cli.build_parser("reports.run", __doc__ or "")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument(
        "--intervals", action="store_true", help="print the 95 %% intervals in the terminal"
    )
    args = parser.parse_args(argv)
    store = Store(args.out)
    try:
        plan = cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=False)
        if args.plan:
            _warn_if_store_missing(store)
            _print_plan(plan, store)
            return 0
        with name_file(args.to):
            printable.print_text(_update_report(plan, store, args))
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("reports.run", error)
    except KeyboardInterrupt:
        return cli.report_interrupt("reports.run")
    printable.print_text(f"\nReport: {args.to / 'index.html'}")
    if args.open:
        open_page.open_page(args.to / "index.html")
    return 0


if __name__ == "__main__":
    run_program(main)
