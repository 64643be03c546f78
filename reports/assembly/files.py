"""Writes the files of a report: page, Markdown, tables, image viewer."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from fusebench.experiments.plan import Plan
from fusebench.runtime import printable
from fusebench.storage.store import Store
from reports.document import (
    efficiency,
    equivalence_text,
    selection,
    table_text,
    tidy_means,
)
from reports.document.model import CORRELATIONS_FILE, PREDICTIONS_FILE, Report, TaskSection
from reports.document.robustness import files as robustness_files
from reports.formats import (
    html_page,
    latex,
    markdown,
    paper,
    report_folder,
)
from reports.literature import published_comparison_csv
from reports.results import protocol
from reports.results.task_results import TaskResults
from reports.tables import (
    csv_files,
    interval_tables,
    metric_correlation,
    significance,
    tidy_scores,
)
from reports.tables.comparison import ScoreTable
from reports.tables.inference import gain_attributes, metric_prediction, rank_csv, rank_text
from reports.viewer import collection, links, writing
from reports.viewer.writing import PictureOptions


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
    simulated = [results.name for results in task_results if results.is_simulated]
    records = [record for results in task_results for record in results.records]
    csv_files.write_csv(tidy_scores.build_dataframe(records), folder / report_folder.SCORES_FILE)
    csv_files.write_csv(protocol.build_dataframe(records), folder / "tables" / "protocol.csv")
    if report.efficiency:
        efficiency.write_csv_files(report.efficiency, folder)
    if report.metric_correlations:
        correlations = metric_correlation.build_dataframe(report.metric_correlations)
        correlations = csv_files.mark_simulated_tasks(correlations, simulated)
        csv_files.write_csv(correlations, folder / CORRELATIONS_FILE)
    if report.metric_predictions:
        predictions = metric_prediction.build_dataframe(report.metric_predictions)
        predictions = csv_files.mark_simulated_tasks(predictions, simulated)
        csv_files.write_csv(predictions, folder / PREDICTIONS_FILE)
    tables_by_task = [
        (section.results, _write_section_tables(section, folder)) for section in report.sections
    ]
    csv_files.write_csv(tidy_means.build_dataframe(tables_by_task), folder / "tables" / "means.csv")


def _write_section_tables(section: TaskSection, folder: Path) -> list[ScoreTable]:
    """Write all tables of a task as CSV and LaTeX; return those with scores."""
    visible, collapsed = selection.select_tables(section.results)
    tables = [*visible, *collapsed]
    text_tables = [*section.main_tables, *section.collapsed_tables]
    write = _build_writer(section)
    # interval, power and rank tables follow at the end of text_tables
    for table, text_table in zip(tables, text_tables, strict=False):
        write(csv_files.build_wide_dataframe(table), folder / text_table.csv_file)
    for table in visible:
        _write_tests(section, table, folder)
    if section.published_comparisons:
        published = published_comparison_csv.build_dataframe(section.published_comparisons)
        write(published, folder / section.published_file)
    interval_text_tables = [
        text_table
        for text_table in text_tables[len(tables) :]
        if not text_table.csv_file.endswith(rank_text.RANKS_SUFFIX)
    ]
    for file, dataframe in interval_tables.build_dataframes(
        section.results, visible, interval_text_tables
    ):
        write(dataframe, folder / file)
    if section.equivalence_table:
        comparisons = equivalence_text.build_dataframe(
            section.results, section.equivalence_comparisons
        )
        write(comparisons, folder / section.equivalence_table.csv_file)
        text_tables.append(section.equivalence_table)
    if section.robustness:
        robustness_files.write_csv_files(section.robustness, folder, write)
        text_tables += section.robustness.tables
    if section.gain_table:
        gains = gain_attributes.build_dataframe(section.gain_explanations)
        write(gains, folder / section.gain_table.csv_file)
        text_tables.append(section.gain_table)
    for text_table in text_tables:
        (folder / text_table.tex_file).write_text(
            latex.render_table(text_table, section), encoding="utf-8"
        )
    return tables


def _write_tests(section: TaskSection, table: ScoreTable, folder: Path) -> None:
    """Write the paired tests of a table, and the ranks that follow from them."""
    write = _build_writer(section)
    stem = table_text.get_csv_path(table).removesuffix(".csv")
    differences = significance.build_pairwise_dataframe(table, section.results.bootstrap)
    if differences is not None:
        write(differences, folder / f"{stem}-pairwise.csv")
    ranks = rank_csv.build_dataframe(table)
    if not ranks.empty:
        write(ranks, folder / f"{stem}{rank_text.RANKS_SUFFIX}")


def _build_writer(section: TaskSection) -> Callable[[pd.DataFrame, Path], None]:
    """Build the function that writes CSV files of a task."""
    return partial(csv_files.write_task_csv, is_simulated=section.results.is_simulated)


def write_viewer(
    plan: Plan,
    store: Store,
    report_sections: Sequence[TaskSection],
    folder: Path,
    options: PictureOptions,
    *,
    previous: Path,
) -> str:
    """Write the image viewer, and print which pairs were left out.

    Args:
        plan: Tasks and runs.
        store: Where records, images and predictions are.
        report_sections: Sections of the report with their sample images.
        folder: Folder of the report.
        options: Which pictures are stored.
        previous: The report to replace, from which unchanged pictures are taken over.

    Returns:
        Its page relative to the report; empty if there is nothing to show.
    """
    tasks = [] if options.pairs == "none" else collection.collect_tasks(plan.runs, store)
    if not tasks:
        return ""
    chosen = {
        section.results.name: [sample.key for sample in section.samples]
        for section in report_sections
    }
    note = writing.write_viewer(tasks, chosen, folder, options, previous=previous)
    if note:
        printable.print_message(f"reports.run: image viewer: {note}")
    return links.PAGE
