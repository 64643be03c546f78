"""Figures of one task: bar charts, curves, confusion matrices and sample images, as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fusebench.experiments.planning.run import Run
from fusebench.runtime import file_names
from fusebench.storage.store import Store
from reports.document import sections, selection
from reports.document.model import TaskSection
from reports.document.parts import paper_text
from reports.document.robustness.curves import build_curves
from reports.figures import (
    bars_and_curves,
    heatmap_and_scatter,
    interval_plots,
    paper_figures,
    robustness_curves,
    sample_panels,
)
from reports.figures.bars_and_curves import SourceStyles
from reports.figures.figure_workers import DrawFunction
from reports.figures.interval_plots import IntervalPoint
from reports.results import confusion_matrices, pr_curves
from reports.results.confusion_matrices import ConfusionMatrix
from reports.results.per_image import TITLE_BY_KIND
from reports.statistics.clustered_correlation import CorrelationEstimate
from reports.statistics.clustered_mean import MeanEstimate
from reports.tables import builders, csv_files
from reports.tables.comparison import ScoreTable
from reports.tables.inference import gain_attributes, metric_prediction
from reports.tables.inference.metric_prediction import MetricPrediction

GAIN_AXIS_TITLE = "rank correlation with gain"
PREDICTION_AXIS_TITLE = "mean rank correlation"


@dataclass(frozen=True)
class FigureWriter:
    """Output folder, styles and drawing function of the figures of a report.

    Attributes:
        report: Folder of the report.
        styles: See `bars_and_curves.assign_source_styles`.
        draw: See `figure_workers.open_figure_pool`.
    """

    report: Path
    styles: SourceStyles
    draw: DrawFunction

    def draw_bar_chart(self, table: ScoreTable, stem: str, note: str) -> None:
        """Draw a table as bars; ``stem`` is the path without suffix, relative to the report."""
        files = bars_and_curves.build_figure_paths(self.report, stem)
        self.draw(bars_and_curves.draw_bar_chart, table, self.styles, files, note)


def add_figures(
    section: TaskSection, runs: Sequence[Run], store: Store, writer: FigureWriter
) -> TaskSection:
    """Write the figures and sample images of a task; return its section with their paths.

    Args:
        section: Section without figures.
        runs: All runs of the task.
        store: Where images, predictions and records are.
        writer: Where and how to draw.
    """
    results = section.results
    if not results.records:
        return section
    for folder in ("figures", "tables"):
        (writer.report / folder).mkdir(exist_ok=True)
    table = selection.build_main_table(results)
    stem = f"figures/{file_names.make_safe_file_name(results.name)}"
    note = results.figure_title
    writer.draw_bar_chart(table, stem, note)
    samples = sample_panels.write_panels(runs, selection.rank_sources(table), store, writer.report)
    section = sections.attach_samples(section, stem, samples)
    _draw_paper_figures(section, table, writer, note)
    if families := builders.list_error_families(results):
        error_table = builders.build_means_table(results, families[0])
        writer.draw_bar_chart(error_table, f"{stem}-errors", note)
        section = replace(section, error_chart_stem=f"{stem}-errors")
    if section.gain_table:
        section = _add_gain_chart(section, writer, note)
    section = _add_curves(section, runs, store, writer, note)
    section = _add_robustness_curves(section, writer, note)
    if matrices := confusion_matrices.read_confusion_matrices(runs, store):
        section = _add_confusion_matrices(section, matrices, writer, note)
    return section


def draw_metric_predictions(
    predictions: Sequence[MetricPrediction], titles: Mapping[str, str], writer: FigureWriter
) -> None:
    """Draw the correlations of fusion metrics with a task's scores within pairs, one chart each.

    Args:
        predictions: All correlations.
        titles: Task to the title of its figures.
        writer: Where and how to draw.
    """
    groups = metric_prediction.group_by_task(predictions)
    if groups:
        (writer.report / "figures").mkdir(exist_ok=True)
    for group, members in groups.items():
        rows = {
            each.metric: {"": _make_point(each.estimate.mean, each.estimate, each.is_shown)}
            for each in members
        }
        files = bars_and_curves.build_figure_paths(
            writer.report, metric_prediction.build_figure_stem(group)
        )
        title = f"{titles[group[0]]}\n{members[0].task_score}, within pairs"
        writer.draw(
            interval_plots.draw_intervals,
            rows,
            writer.styles,
            files,
            (title, PREDICTION_AXIS_TITLE),
        )


def _add_gain_chart(section: TaskSection, writer: FigureWriter, note: str) -> TaskSection:
    """Draw the correlations of attributes with the gain of every fused source."""
    rows = {
        title: {
            source: _make_point(each.correlation.rho, each.correlation, each.is_shown)
            for source, each in row.items()
        }
        for title, row in gain_attributes.collect_points(section.gain_explanations).items()
    }
    stem = f"{section.bar_chart_stem}-gain-attributes"
    files = bars_and_curves.build_figure_paths(writer.report, stem)
    sensor = section.gain_explanations[0].sensor
    score = TITLE_BY_KIND[section.results.kind]
    titles = f"{note}\ngain over {sensor}, {score}", GAIN_AXIS_TITLE
    writer.draw(interval_plots.draw_intervals, rows, writer.styles, files, titles)
    return replace(section, gain_chart_stem=stem)


def _make_point(
    value: float, estimate: CorrelationEstimate | MeanEstimate, is_shown: bool
) -> IntervalPoint:
    has_interval = estimate.low is not None and estimate.high is not None
    interval = (estimate.low or 0.0, estimate.high or 0.0) if has_interval else None
    return IntervalPoint(value, interval, is_shown)


def _draw_paper_figures(
    section: TaskSection, table: ScoreTable, writer: FigureWriter, note: str
) -> None:
    """Draw the forest plot of the main table and the panel of samples, as PDF for a paper."""
    (writer.report / paper_text.FOLDER).mkdir(exist_ok=True)
    if section.difference_plots:
        file = writer.report / paper_text.get_forest_file(section)
        writer.draw(paper_figures.draw_forest_plot, table, writer.styles, file, note)
    if rows := paper_text.select_panel_rows(section):
        panels = [[(panel.title, writer.report / panel.file) for panel in row] for row in rows]
        file = writer.report / paper_text.get_panel_file(section)
        writer.draw(paper_figures.draw_sample_panel, panels, file)


def _add_curves(
    section: TaskSection, runs: Sequence[Run], store: Store, writer: FigureWriter, note: str
) -> TaskSection:
    """Draw the precision-recall curves and write their CSV file, if there are any."""
    curves = pr_curves.read_curves(runs, store)
    if curves.empty:
        return section
    stem = f"{section.bar_chart_stem}-curves"
    writer.draw(
        bars_and_curves.draw_precision_recall_curves,
        pr_curves.select_plotted_curves(curves),
        writer.styles,
        bars_and_curves.build_figure_paths(writer.report, stem),
        note,
    )
    csv_files.write_task_csv(
        curves, writer.report / section.curves_file, is_simulated=section.results.is_simulated
    )
    return replace(section, curves_stem=stem)


def _add_robustness_curves(section: TaskSection, writer: FigureWriter, note: str) -> TaskSection:
    """Draw the scores on corrupted pairs over the severity, if there are any."""
    if section.robustness is None:
        return section
    curves = build_curves(section.robustness)
    if not curves:
        return section
    stem = f"{section.bar_chart_stem}-robustness"
    files = bars_and_curves.build_figure_paths(writer.report, stem)
    score_title = section.robustness.estimates[0].column.mean_title
    draw = robustness_curves.draw_robustness_curves
    writer.draw(draw, curves, writer.styles, files, note, score_title)
    return replace(section, robustness_stem=stem)


def _add_confusion_matrices(
    section: TaskSection, matrices: Mapping[str, ConfusionMatrix], writer: FigureWriter, note: str
) -> TaskSection:
    """Draw one confusion matrix per source and write their CSV file."""
    stems = []
    for number, (source, matrix) in enumerate(matrices.items(), 1):
        stem = f"{section.bar_chart_stem}-confusion-{number}"
        files = bars_and_curves.build_figure_paths(writer.report, stem)
        title = f"{note}, {source}"
        writer.draw(heatmap_and_scatter.draw_confusion_matrix, matrix, files, title)
        stems.append((source, stem))
    csv_files.write_task_csv(
        confusion_matrices.build_dataframe(dict(matrices)),
        writer.report / section.confusion_matrices_file,
        is_simulated=section.results.is_simulated,
    )
    return replace(section, confusion_matrix_stems=tuple(stems))
