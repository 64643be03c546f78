"""Write the report of what is finished: tables, charts, sample pictures.

python -m reports.run                 report/index.html, report.md, tables/*.csv, figures
python -m reports.run --to elsewhere  into another folder
python -m reports.run --plan          which records are there, and stop

Nothing is trained or measured for it: what has not been run yet is shown as missing, with its
command. What is computed is how sure the numbers are, from saved results; it is kept under
statistics/ of --out.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.experiments import failures
from fusebench.experiments.plan import Plan, SkippedTask
from fusebench.runtime import file_names
from fusebench.storage import cost_profiles, hashing
from fusebench.storage.store import Store
from reports.document import efficiency, section_figures, sections, table_text, tidy_means
from reports.document.efficiency import Efficiency
from reports.document.sections import Report, TaskSection
from reports.figures import bars_and_curves, figure_workers, sample_selection
from reports.formats import commands, html_page, latex, markdown, report_folder, terminal
from reports.literature import published_comparison_csv
from reports.results import bootstrap_cache, bootstrap_scoring, protocol
from reports.results.predictions import get_modified_times
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import (
    csv_files,
    interval_tables,
    metric_correlation,
    result_text,
    significance,
    tidy_scores,
)

TITLE = "Does the fused image help?"


def collect_results(found: Plan, store: Store, args: argparse.Namespace) -> list[TaskResults]:
    """What the store has of every planned task."""
    every = []
    for name, mine in groupby(found.runs, key=lambda cell: cell.task_name):
        cells = list(mine)
        rows = []
        for source, same in groupby(cells, key=lambda cell: cell.source_name):
            group = list(same)
            records = [cell.read_record(store) for cell in group]
            faults = [(cell.seed, failures.read_failure(cell, store)) for cell in group]
            lacking = [cell for cell, record in zip(group, records, strict=True) if not record]
            others = [store.with_label(cell.task.kind, cell.label) for cell in lacking]
            rows.append(
                SourceResults(
                    source_name=source,
                    source_kind=group[0].source.kind,
                    planned_seeds=tuple(cell.seed for cell in group),
                    records=tuple(record for record in records if record is not None),
                    command=commands.build_source_command(args, group[0].task.kind, name, source),
                    failures=tuple((seed, fault) for seed, fault in faults if fault is not None),
                    mismatched_run_count=sum(map(len, others)),
                )
            )
        kind, dataset = cells[0].task.kind, cells[0].test_split.dataset
        drawn = bootstrap_cache.collect_task_bootstrap(cells, store)
        preset = cells[0].task.preset or ""
        every.append(TaskResults(name, kind, dataset, tuple(rows), drawn, preset))
    return every


def write_report(found: Report, every: Sequence[TaskResults], to: Path) -> None:
    """Write the page, the text and the numbers; pictures are there already."""
    (to / "index.html").write_text(html_page.render_report(found), encoding="utf-8")
    (to / "report.md").write_text(markdown.render_report(found), encoding="utf-8")
    (to / "tables").mkdir(exist_ok=True)
    records = [record for results in every for record in results.records]
    csv_files.write_csv(tidy_scores.build_dataframe(records), to / report_folder.SCORES_FILE)
    csv_files.write_csv(protocol.build_dataframe(records), to / "tables" / "protocol.csv")
    if found.efficiency:
        efficiency.write_csv_files(found.efficiency, to)
    if found.metric_correlations:
        csv_files.write_csv(
            metric_correlation.build_dataframe(found.metric_correlations),
            to / "tables" / "relations.csv",
        )
    tabled = []
    for chapter in found.sections:
        shown, folded = sections.select_tables(chapter.results)
        every_table, grids = [*shown, *folded], [*chapter.main_tables, *chapter.collapsed_tables]
        tabled.append((chapter.results, every_table))
        for table, grid in zip(every_table, grids, strict=False):  # those of the appendix follow
            csv_files.write_csv(csv_files.build_wide_dataframe(table), to / grid.csv_file)
        for table in shown:
            between = significance.build_pairwise_dataframe(table, chapter.results.bootstrap)
            if between is not None:
                file = table_text.get_csv_path(table).removesuffix(".csv")
                csv_files.write_csv(between, to / f"{file}-pairs.csv")
        if chapter.published_comparisons:
            csv_files.write_csv(
                published_comparison_csv.build_dataframe(chapter.published_comparisons),
                to / chapter.published_file,
            )
        for file, sheet in interval_tables.build_dataframes(
            chapter.results, shown, grids[len(every_table) :]
        ):
            csv_files.write_csv(sheet, to / file)
        for grid in grids:
            (to / grid.tex_file).write_text(latex.render_table(grid, chapter), encoding="utf-8")
    csv_files.write_csv(tidy_means.build_dataframe(tabled), to / "tables" / "means.csv")


def build_report(
    found: Plan, every: Sequence[TaskResults], made: Sequence[TaskSection], command: str
) -> Report:
    """The whole report."""
    undrawn = [gone.task_name for gone in found.skipped_tasks if gone.will_be_generated]
    whole = not undrawn and all(len(one.records) == one.planned_run_count for one in every)
    return Report(
        title=TITLE,
        status=result_text.describe_progress(every, undrawn),
        command="" if whole else command,
        skipped_tasks=tuple(
            (gone.task_name, _format_skip_reason(gone))
            for gone in found.skipped_tasks
            if not gone.will_be_generated
        ),
        sections=tuple(made),
        sample_selection_rule=sample_selection.SELECTION_RULE,
        metric_correlations=tuple(metric_correlation.compute_correlations(every)),
    )


def build_efficiency(
    found: Plan, store: Store, every: Sequence[TaskResults], args: argparse.Namespace
) -> Efficiency | None:
    """What fusing and training cost, as far as it was measured; None where nothing is fused."""
    fused = {
        cell.source_name: cell.source.config
        for cell in found.runs
        if isinstance(cell.source.config, schema.FusionMethodSource)
    }
    if not fused:
        return None
    costs = efficiency.find_profiles(store.root, fused)
    known = {source for source, _ in costs}
    missing = tuple(name for name in fused if name not in known)
    command = commands.build_profile_command(args, missing if known else ())
    return Efficiency(
        tuple(costs), tuple(efficiency.collect_training_times(every)), missing, command
    )


def _format_skip_reason(gone: SkippedTask) -> str:
    return f"{gone.reason} (sources: {', '.join(gone.task.sources)})"


def _update_report(found: Plan, store: Store, args: argparse.Namespace) -> str:
    """Write the report unless it is there already; return what the terminal shows."""
    every = collect_results(found, store, args)
    command = commands.build_full_run_command(args)
    looks = bars_and_curves.assign_source_styles(
        {name: source.kind for name, source in found.task_file.sources.items()}
    )
    bare = [sections.build_section(results, "", ()) for results in every]

    def work(to: Path) -> None:
        # matplotlib would keep its list of fonts in the user's home
        os.environ.setdefault("MPLCONFIGDIR", str(store.root.resolve() / ".matplotlib"))
        with figure_workers.open_figure_pool() as draw:
            costs = build_efficiency(found, store, every, args)
            if costs:
                drawn = efficiency.draw_cost_charts(costs.costs, every, looks, to, draw)
                costs = replace(costs, chart_stems=tuple(drawn))
            made = [
                section_figures.add_figures(
                    chapter,
                    [cell for cell in found.runs if cell.task_name == chapter.results.name],
                    *(store, looks, to, draw),
                )
                for chapter in bare
            ]
            whole = replace(build_report(found, every, made, command), efficiency=costs)
            write_report(whole, every, to)

    _check_store(store, every, args.to)
    spec = _compute_inputs_hash(found, store, every, command)
    if not report_folder.is_up_to_date(args.to, spec):
        report_folder.replace_report(args.to, spec, work)
    return terminal.render_report(
        build_report(found, every, bare, command), get_terminal_size().columns
    )


def _check_store(store: Store, every: Sequence[TaskResults], to: Path) -> None:
    """Keep a report that has results from being replaced because of a mistyped ``--out``."""
    known = any(row.records or row.failures for results in every for row in results.sources)
    if (
        not known
        and report_folder.has_scores(to)
        and not any(store.root.glob(f"*/*/{file_names.SPEC_FILE}"))
    ):
        what = "holds no results" if store.root.is_dir() else "no such folder"
        raise UserError(
            f"--out {store.root}: {what}, but the report {to} has some and is kept; name the "
            "folder of its results, or another one for the report (--to)"
        )
    _warn_if_store_missing(store)


def _warn_if_store_missing(store: Store) -> None:
    if not store.root.is_dir():
        said = f"--out {store.root}: no such folder, so every run is missing"
        print(f"reports.run: {said}", file=sys.stderr)


def _compute_inputs_hash(
    found: Plan, store: Store, every: Sequence[TaskResults], command: str
) -> str:
    """Digest of everything the report is made from: records, plan, and these files themselves."""
    here = Path(__file__).parent
    patterns = ("*.py", "formats/templates/*", "published/*")
    code = sorted(file for pattern in patterns for file in here.rglob(pattern))
    return hashing.content_hash(
        {
            "records": [r.model_dump(mode="json") for results in every for r in results.records],
            "failed": [
                [results.name, row.source_name, seed, fault.model_dump(mode="json")]
                for results in every
                for row in results.sources
                for seed, fault in row.failures
            ],
            "cells": [str(cell.get_record_folder(store)) for cell in found.runs],
            "pictures": [get_modified_times(cell, store) for cell in found.runs],
            "others": [row.mismatched_run_count for results in every for row in results.sources],
            "absent": [[gone.task_name, gone.reason] for gone in found.skipped_tasks],
            "command": command,
            "profiles": [
                one.model_dump(mode="json") for one in cost_profiles.read_profiles(store.root)
            ],
            "evidence": [
                bootstrap_scoring.VERSION,
                bootstrap.RESAMPLE_COUNT,
                bootstrap.DEFAULT_SEED,
            ],
            "code": [hashing.compute_file_sha256(file) for file in code if file.is_file()],
        }
    )


def _print_plan(found: Plan, store: Store) -> None:
    for cell in found.runs:
        fault = failures.read_failure(cell, store)
        lacking = f"failed: {fault.reason} ({fault.context})" if fault else "missing"
        print(f"{cell.label}: {'there' if cell.read_record(store) else lacking}")
    for gone in found.skipped_tasks:
        print(
            f"{gone.task_name}: {'missing' if gone.will_be_generated else 'left out'}: {gone.reason}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = cli.build_parser("reports.run", __doc__ or "").parse_args(argv)
    store = Store(args.out)
    try:
        found = cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=False)
        if args.plan:
            _warn_if_store_missing(store)
            _print_plan(found, store)
            return 0
        print(_update_report(found, store, args))
    except (UserError, OSError) as fault:
        print(f"reports.run: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.report_interrupt("reports.run")
    print(f"\nReport: {args.to / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
