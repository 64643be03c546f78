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
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.experiments import commands, costs, failures
from fusebench.experiments.plan import Plan, SkippedTask
from fusebench.experiments.planning.run import Run
from fusebench.runtime import file_names, printable
from fusebench.runtime.program import run_program
from fusebench.runtime.system_errors import name_file
from fusebench.storage import cost_profiles, hashing
from fusebench.storage.store import Store
from reports.attributes import stored_attributes
from reports.document import (
    efficiency,
    equivalence_text,
    section_figures,
    sections,
    selection,
    table_text,
    tidy_means,
)
from reports.document.efficiency import Efficiency
from reports.document.model import CORRELATIONS_FILE, PREDICTIONS_FILE, Report, TaskSection
from reports.document.robustness import files as robustness_files
from reports.document.section_figures import FigureWriter
from reports.figures import bars_and_curves, figure_workers, sample_selection
from reports.formats import (
    html_page,
    latex,
    markdown,
    open_page,
    paper,
    report_folder,
    terminal,
)
from reports.literature import published_comparison_csv
from reports.results import bootstrap_cache, bootstrap_scoring, protocol
from reports.results.images import image_scores, quality_bootstrap
from reports.results.predictions import get_modified_times
from reports.results.robustness.collection import collect_robustness
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import (
    csv_files,
    interval_tables,
    metric_correlation,
    result_text,
    significance,
    tidy_scores,
)
from reports.tables.comparison import ScoreTable
from reports.tables.inference import gain_attributes, metric_prediction, source_ranks
from reports.viewer import collection, links, writing
from reports.viewer.writing import PictureOptions

TITLE = "Does the fused image help?"


def collect_results(plan: Plan, store: Store, args: argparse.Namespace) -> list[TaskResults]:
    """Read the records of every planned task from the store, and its bootstrap statistics."""
    task_results = []
    for name, runs_of_task in groupby(plan.runs, key=lambda run: run.task_name):
        runs = list(runs_of_task)
        sources = [
            _collect_source(list(runs_of_source), store, args)
            for _, runs_of_source in groupby(runs, key=lambda run: run.source_name)
        ]
        task = runs[0].task
        results = TaskResults(
            name,
            task.kind,
            runs[0].test_split.dataset,
            tuple(sources),
            bootstrap_cache.collect_task_bootstrap(runs, store),
            task.preset or "",
            quality_bootstrap=quality_bootstrap.collect_quality_bootstrap(runs, store),
            image_scores=image_scores.collect_image_scores(runs, store),
        )
        if isinstance(task, schema.ModelTaskBase):
            corrupted = [run for run in plan.corrupted_runs if run.task_name == name]
            robustness = collect_robustness(runs, corrupted, store)
            results = replace(results, equivalence=task.equivalence, robustness=robustness)
            if results.image_scores:
                attributes = stored_attributes.collect_attributes(runs[0].test_split, store)
                results = replace(results, pair_attributes=attributes)
        task_results.append(results)
    return task_results


def write_report(report: Report, task_results: Sequence[TaskResults], folder: Path) -> None:
    """Write page, Markdown file and all tables; the figures are already written.

    Args:
        report: The report with its figures.
        task_results: Numeric results of the same tasks.
        folder: Folder of the report.
    """
    (folder / "index.html").write_text(html_page.render_report(report), encoding="utf-8")
    paper.write_paper(report.sections, folder)
    (folder / "report.md").write_text(markdown.render_report(report), encoding="utf-8")
    (folder / "tables").mkdir(exist_ok=True)
    records = [record for results in task_results for record in results.records]
    csv_files.write_csv(tidy_scores.build_dataframe(records), folder / report_folder.SCORES_FILE)
    csv_files.write_csv(protocol.build_dataframe(records), folder / "tables" / "protocol.csv")
    if report.efficiency:
        efficiency.write_csv_files(report.efficiency, folder)
    if report.metric_correlations:
        correlations = metric_correlation.build_dataframe(report.metric_correlations)
        csv_files.write_csv(correlations, folder / CORRELATIONS_FILE)
    if report.metric_predictions:
        predictions = metric_prediction.build_dataframe(report.metric_predictions)
        csv_files.write_csv(predictions, folder / PREDICTIONS_FILE)
    tables_by_task = [
        (section.results, _write_section_tables(section, folder)) for section in report.sections
    ]
    csv_files.write_csv(tidy_means.build_dataframe(tables_by_task), folder / "tables" / "means.csv")


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


def write_viewer(
    plan: Plan,
    store: Store,
    report_sections: Sequence[TaskSection],
    folder: Path,
    args: argparse.Namespace,
) -> str:
    """Write the image viewer, and print which pairs were left out.

    Args:
        plan: Tasks and runs.
        store: Where records, images and predictions are.
        report_sections: Sections of the report with their sample images.
        folder: Folder of the report.
        args: The command line: the report to replace, and which pictures are stored.

    Returns:
        Its page relative to the report; empty if there is nothing to show.
    """
    options = _get_picture_options(args)
    tasks = [] if options.pairs == "none" else collection.collect_tasks(plan.runs, store)
    if not tasks:
        return ""
    chosen = {
        section.results.name: [sample.key for sample in section.samples]
        for section in report_sections
    }
    note = writing.write_viewer(tasks, chosen, folder, options, previous=args.to)
    if note:
        printable.print_message(f"reports.run: image viewer: {note}")
    return links.PAGE


def _get_picture_options(args: argparse.Namespace) -> PictureOptions:
    return PictureOptions(args.pictures, args.pictures_limit)


def build_efficiency(
    plan: Plan, store: Store, task_results: Sequence[TaskResults], args: argparse.Namespace
) -> Efficiency | None:
    """Collect cost profiles and training times; None if no fusion method is planned."""
    fusion_methods = costs.select_fusion_methods(plan)
    if not fusion_methods:
        return None
    profiles = costs.find_profiles(store.root, fusion_methods)
    profiled = {source for source, _ in profiles}
    missing = tuple(name for name in fusion_methods if name not in profiled)
    return Efficiency(
        costs=tuple(profiles),
        training_times=tuple(efficiency.collect_training_times(task_results)),
        sources_without_profile=missing,
        profile_command=commands.build_profile_command(args, missing if profiled else ()),
    )


def _collect_source(runs: Sequence[Run], store: Store, args: argparse.Namespace) -> SourceResults:
    """Read records and failures of all runs of one source of a task."""
    records = [run.read_record(store) for run in runs]
    run_failures = [(run.seed, failures.read_failure(run, store)) for run in runs]
    unfinished = [run for run, record in zip(runs, records, strict=True) if not record]
    mismatched = [len(store.with_label(run.task.kind, run.label)) for run in unfinished]
    first = runs[0]
    return SourceResults(
        source_name=first.source_name,
        source_kind=first.source.kind,
        planned_seeds=tuple(run.seed for run in runs),
        records=tuple(record for record in records if record is not None),
        command=commands.build_task_command(
            args, first.task.kind, first.task_name, first.source_name
        ),
        failures=tuple((seed, failure) for seed, failure in run_failures if failure is not None),
        mismatched_run_count=sum(mismatched),
    )


def _write_section_tables(section: TaskSection, folder: Path) -> list[ScoreTable]:
    """Write all tables of a task as CSV and LaTeX; return those with scores."""
    visible, collapsed = selection.select_tables(section.results)
    tables = [*visible, *collapsed]
    text_tables = [*section.main_tables, *section.collapsed_tables]
    # interval, power and rank tables follow at the end of text_tables
    for table, text_table in zip(tables, text_tables, strict=False):
        csv_files.write_csv(csv_files.build_wide_dataframe(table), folder / text_table.csv_file)
    for table in visible:
        differences = significance.build_pairwise_dataframe(table, section.results.bootstrap)
        if differences is not None:
            stem = table_text.get_csv_path(table).removesuffix(".csv")
            csv_files.write_csv(differences, folder / f"{stem}-pairwise.csv")
        ranks = source_ranks.build_dataframe(table)
        if not ranks.empty:
            stem = table_text.get_csv_path(table).removesuffix(".csv")
            csv_files.write_csv(ranks, folder / f"{stem}{source_ranks.RANKS_SUFFIX}")
    if section.published_comparisons:
        published = published_comparison_csv.build_dataframe(section.published_comparisons)
        csv_files.write_csv(published, folder / section.published_file)
    interval_text_tables = [
        text_table
        for text_table in text_tables[len(tables) :]
        if not text_table.csv_file.endswith(source_ranks.RANKS_SUFFIX)
    ]
    for file, dataframe in interval_tables.build_dataframes(
        section.results, visible, interval_text_tables
    ):
        csv_files.write_csv(dataframe, folder / file)
    if section.equivalence_table:
        comparisons = equivalence_text.build_dataframe(
            section.results, section.equivalence_comparisons
        )
        csv_files.write_csv(comparisons, folder / section.equivalence_table.csv_file)
        text_tables.append(section.equivalence_table)
    if section.robustness:
        robustness_files.write_csv_files(section.robustness, folder)
        text_tables += section.robustness.tables
    if section.gain_table:
        gains = gain_attributes.build_dataframe(section.gain_explanations)
        csv_files.write_csv(gains, folder / section.gain_table.csv_file)
        text_tables.append(section.gain_table)
    for text_table in text_tables:
        (folder / text_table.tex_file).write_text(
            latex.render_table(text_table, section), encoding="utf-8"
        )
    return tables


def _format_skip_reason(task: SkippedTask) -> str:
    return f"{task.reason} (sources: {', '.join(task.task.sources)})"


def _update_report(plan: Plan, store: Store, args: argparse.Namespace) -> str:
    """Write the report unless it is up to date; return its text for the terminal."""
    task_results = collect_results(plan, store, args)
    command = commands.build_full_run_command(args)
    bare_sections = [sections.build_section(results) for results in task_results]
    styles = bars_and_curves.assign_source_styles(
        {name: source.kind for name, source in plan.task_file.sources.items()}
    )

    def write(folder: Path) -> None:
        # otherwise matplotlib would write its font cache into the user's home folder
        os.environ.setdefault("MPLCONFIGDIR", str(store.root.resolve() / ".matplotlib"))
        with figure_workers.open_figure_pool() as draw:
            costs = build_efficiency(plan, store, task_results, args)
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
            viewer_file = write_viewer(plan, store, finished_sections, folder, args)
            report = replace(report, efficiency=costs, viewer_file=viewer_file)
            write_report(report, task_results, folder)

    _check_store(store, task_results, args.to)
    inputs_hash = _compute_inputs_hash(
        plan, store, task_results, (command, _get_picture_options(args))
    )
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


def _compute_inputs_hash(
    plan: Plan,
    store: Store,
    task_results: Sequence[TaskResults],
    arguments: tuple[str, PictureOptions],
) -> str:
    """Hash all inputs of the report: records, plan, arguments, and the code of the report."""
    command, pictures = arguments
    code_folder = Path(__file__).parent
    patterns = ("*.py", "formats/templates/*", "viewer/templates/*", "published/*")
    code = sorted(file for pattern in patterns for file in code_folder.rglob(pattern))
    sources = [(results, source) for results in task_results for source in results.sources]
    profiles = cost_profiles.read_profiles(store.root)
    return hashing.content_hash(
        {
            "records": [
                record.model_dump(mode="json")
                for results in task_results
                for record in results.records
            ],
            "failures": [
                [results.name, source.source_name, seed, failure.model_dump(mode="json")]
                for results, source in sources
                for seed, failure in source.failures
            ],
            "runs": [str(run.get_record_folder(store)) for run in plan.all_runs],
            "robustness": [
                record.model_dump(mode="json")
                for results in task_results
                if results.robustness
                for record in results.robustness.records
            ],
            "sample_images": [get_modified_times(run, store) for run in plan.runs],
            "mismatched_runs": [source.mismatched_run_count for _, source in sources],
            "skipped_tasks": [[task.task_name, task.reason] for task in plan.skipped_tasks],
            "command": command,
            "pictures": asdict(pictures),
            "equivalence": [
                results.equivalence.model_dump(mode="json") for results in task_results
            ],
            "attributes": [results.pair_attributes is not None for results in task_results],
            "profiles": [profile.model_dump(mode="json") for profile in profiles],
            "bootstrap": [
                bootstrap_scoring.VERSION,
                bootstrap.RESAMPLE_COUNT,
                bootstrap.DEFAULT_SEED,
            ],
            "code": [hashing.compute_file_sha256(file) for file in code if file.is_file()],
        }
    )


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
