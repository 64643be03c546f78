"""The pictures of a task's chapter, written into the report as they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fusebench.experiments.plan import Run
from fusebench.runtime import file_names
from fusebench.storage.store import Store
from reports.document import sections
from reports.document.sections import TaskSection
from reports.figures import bars_and_curves, heatmap_and_scatter, sample_panels
from reports.figures.figure_workers import DrawFunction
from reports.results import confusion_matrices, pr_curves
from reports.results.confusion_matrices import ConfusionMatrix
from reports.tables import builders, csv_files

SourceStyles = Mapping[str, tuple[str, str]]  # see `figures.styles`


def add_figures(
    bare: TaskSection,
    cells: Sequence[Run],
    store: Store,
    looks: SourceStyles,
    to: Path,
    draw: DrawFunction,
) -> TaskSection:
    """A task's chapter with its charts and sample sheets, which are written under ``to``."""
    results = bare.results
    if not results.records:
        return bare
    table = sections.build_main_table(results)
    stem = f"figures/{file_names.make_safe_file_name(results.name)}"
    for folder in ("figures", "tables"):
        (to / folder).mkdir(exist_ok=True)
    note = f"{results.name}: simulated scenes" if results.is_simulated else results.name
    draw(bars_and_curves.draw_bar_chart, table, looks, _build_figure_paths(to, stem), note)
    samples = sample_panels.write_panels(cells, sections.rank_sources(table), store, to)
    chapter = sections.with_figures(bare, stem, samples)
    if families := builders.list_error_families(results):
        files = _build_figure_paths(to, f"{stem}-errors")
        draw(
            bars_and_curves.draw_bar_chart,
            builders.build_means_table(results, families[0]),
            looks,
            files,
            note,
        )
        chapter = replace(chapter, error_chart_stem=f"{stem}-errors")
    lines = pr_curves.read_curves(cells, store)
    if not lines.empty:
        draw(
            bars_and_curves.draw_precision_recall_curves,
            pr_curves.select_plotted_curves(lines),
            looks,
            _build_figure_paths(to, f"{stem}-curves"),
            note,
        )
        csv_files.write_csv(lines, to / chapter.curves_file)
        chapter = replace(chapter, curves_stem=f"{stem}-curves")
    if matrices := confusion_matrices.read_confusion_matrices(cells, store):
        chapter = _add_confusion_matrices(chapter, matrices, to, note, draw)
    return chapter


def _add_confusion_matrices(
    chapter: TaskSection, found: dict[str, ConfusionMatrix], to: Path, note: str, draw: DrawFunction
) -> TaskSection:
    drawn = []
    for number, (source, one) in enumerate(found.items(), 1):
        stem = f"figures/{file_names.make_safe_file_name(chapter.results.name)}-confusion-{number}"
        draw(
            heatmap_and_scatter.draw_confusion_matrix,
            one,
            _build_figure_paths(to, stem),
            f"{note}, {source}",
        )
        drawn.append((source, stem))
    csv_files.write_csv(confusion_matrices.build_dataframe(found), to / chapter.confusions_file)
    return replace(chapter, confusion_matrix_stems=tuple(drawn))


def _build_figure_paths(to: Path, stem: str) -> list[Path]:
    return [to / f"{stem}.{ending}" for ending in bars_and_curves.FILE_FORMATS]
