"""Robustness section of a task: tables, notes and missing runs, as text."""

from collections.abc import Mapping
from dataclasses import dataclass

from fusebench.runtime import file_names
from reports.document.robustness import sentences
from reports.document.robustness.estimates import (
    RobustnessEstimates,
    RobustnessValue,
    estimate_robustness,
)
from reports.results.robustness.collection import RobustnessResults
from reports.results.task_results import TaskResults
from reports.tables.number_format import UNDEFINED
from reports.tables.result_text import format_count
from reports.tables.text_table import TextRow, TextTable


@dataclass(frozen=True)
class RobustnessSection:
    """Contents of the section.

    Attributes:
        estimates: One entry per metric; the first is that of the tables and the figure.
        sentence: Result of the comparison of the sources.
        plain_sentence: The same without intervals and p-values, for the headline.
        tables: Means per corruption, then every severity.
        levels: Per corruption, its title and the description of its severities.
        missing: How many runs are missing; empty if none is.
        fused_sources: Sources that a method fuses.
    """

    estimates: tuple[RobustnessEstimates, ...]
    sentence: str
    plain_sentence: str
    tables: tuple[TextTable, ...]
    levels: Mapping[str, tuple[str, Mapping[int, str]]]
    missing: str
    fused_sources: tuple[str, ...]


def build_section(results: TaskResults) -> RobustnessSection | None:
    """Build the section; None for a task without corruptions or without finished runs."""
    robustness = results.robustness
    metrics = {
        name: column
        for name, column in results.columns.items()
        if column.has_intervals
        and column.is_in_points
        and not column.family
        and column.better == "higher"  # a retained share of errors has another meaning
    }
    if robustness is None or not metrics:
        return None
    estimates = tuple(
        estimate_robustness(robustness, name, column) for name, column in metrics.items()
    )
    levels = _describe_levels(robustness)
    notes = _build_notes(results, robustness, estimates[0], levels)
    stem = f"tables/{file_names.make_safe_file_name(results.name)}-robustness"
    tables = (
        _build_means_table(robustness, estimates[0], levels, stem, notes),
        _build_levels_table(robustness, estimates[0], levels, stem),
    )
    return RobustnessSection(
        estimates,
        sentences.build_sentence(estimates[0], robustness),
        sentences.build_plain_sentence(estimates[0], robustness),
        tables,
        levels,
        _describe_missing(robustness),
        robustness.fused_sources,
    )


def _describe_levels(robustness: RobustnessResults) -> dict[str, tuple[str, dict[int, str]]]:
    """Describe every corruption: a title that no other has, and its severities."""
    titles = {level.name: level.title for level in robustness.levels}
    levels: dict[str, tuple[str, dict[int, str]]] = {}
    for level in robustness.levels:
        is_unique = [*titles.values()].count(level.title) == 1
        title = level.title if is_unique else f"{level.title} ({level.name})"
        levels.setdefault(level.name, (title, {}))[1][level.severity] = level.description
    return levels


def _build_means_table(
    robustness: RobustnessResults,
    estimates: RobustnessEstimates,
    levels: Mapping[str, tuple[str, Mapping[int, str]]],
    stem: str,
    notes: tuple[str, ...],
) -> TextTable:
    """Build the table of the means over severities, and over corruptions."""
    title = estimates.column.mean_title
    rows = []
    for source in robustness.sources:
        values = [estimates.by_corruption[name].get(source) for name in levels]
        mean = estimates.means.get(source)
        if mean is None:
            rows.append(TextRow(source, "", (), absence_label="missing"))
            continue
        clean = sentences.format_percent(estimates.clean[source])
        cells = [clean, sentences.format_percent(mean.score)]
        cells += [_format_value(value) for value in (*values, mean)]
        intervals = ["", "", *(sentences.format_interval(value) for value in (*values, mean))]
        seeds = format_count(len(estimates.seeds[source]), "seed")
        rows.append(TextRow(source, seeds, tuple((c, 0) for c in cells), tuple(intervals)))
    headers = [("clean", title), ("corrupted", f"mean {title}")]
    headers += [(corruption_title, "% retained") for corruption_title, _ in levels.values()]
    return TextTable(
        title=f"Robustness: {title} on corrupted test pairs, in percent of that on clean pairs",
        caption="mean over severities; higher is better",
        csv_file=f"{stem}-means.csv",
        headers=(*headers, ("mean", "% retained")),
        rows=tuple(rows),
        difference_rows=(),
        notes=notes,
        has_mean_column=True,
        better_directions=("higher",) * (len(headers) + 1),
    )


def _build_levels_table(
    robustness: RobustnessResults,
    estimates: RobustnessEstimates,
    levels: Mapping[str, tuple[str, Mapping[int, str]]],
    stem: str,
) -> TextTable:
    """Build the table with a column per corruption and severity."""
    rows = []
    for source in robustness.sources:
        if source not in estimates.means:
            rows.append(TextRow(source, "", (), absence_label="missing"))
            continue
        values = [by_source[source] for by_source in estimates.by_level.values()]
        cells = tuple((_format_value(value), 0) for value in values)
        rows.append(TextRow(source, "", cells, tuple(map(sentences.format_interval, values))))
    headers = [
        (f"{title} {severity}", description)
        for title, descriptions in levels.values()
        for severity, description in descriptions.items()
    ]
    return TextTable(
        title=f"Robustness: retained {estimates.column.mean_title} by severity, in percent",
        caption="higher is better",
        csv_file=f"{stem}.csv",
        headers=tuple(headers),
        rows=tuple(rows),
        difference_rows=(),
        notes=(),
        has_mean_column=False,
        better_directions=("higher",) * len(headers),
        header_groups=tuple((title, len(texts)) for title, texts in levels.values()),
    )


def _build_notes(
    results: TaskResults,
    robustness: RobustnessResults,
    estimates: RobustnessEstimates,
    levels: Mapping[str, tuple[str, Mapping[int, str]]],
) -> tuple[str, ...]:
    notes = [
        "The models are those of the clean pairs; the test pairs are corrupted before they are "
        "fused. Retained: score on corrupted pairs divided by that on clean pairs, per seed; last "
        "column: mean over severities, then over corruptions (relative performance under "
        "corruption). It depends on the list of corruptions.",
    ]
    unchanged = {
        source: [
            title
            for name, (title, _) in levels.items()
            if source in estimates.means and estimates.by_corruption[name][source].is_unchanged
        ]
        for source in robustness.sources
    }
    notes += [
        f"{source} alone is not changed by {', '.join(titles)}: 100 % by definition."
        for source, titles in unchanged.items()
        if titles
    ]
    if robustness.sources_fused_elsewhere:
        names = ", ".join(robustness.sources_fused_elsewhere)
        notes.append(
            "Left out, because images that were fused elsewhere (of an ensemble: those of a "
            f"member) cannot be fused again: {names}."
        )
    bootstrap = results.bootstrap.first_scores if results.bootstrap else None
    if bootstrap is not None and any(value.estimate for value in estimates.means.values()):
        unit = "sequences" if bootstrap.is_clustered else "images"
        note = (
            f"Intervals: 95 %, from resamples of {bootstrap.unit_count} {unit}, the same for clean "
            "and corrupted pairs and for all sources, and from the variance over seeds; p-values "
            "are adjusted (Holm) over the pairs of sources."
        )
        if any(len(seeds) == 1 for seeds in estimates.seeds.values()):
            note += " With one seed they cover other images, not other trainings."
        notes.append(note)
    return tuple(notes)


def _describe_missing(robustness: RobustnessResults) -> str:
    planned, finished = robustness.planned_run_count, len(robustness.records)
    if planned == finished:
        return ""
    return (
        f"{planned - finished} of {format_count(planned, 'run')} on corrupted pairs are missing; "
        "a source is shown with the seeds whose runs are all finished."
    )


def _format_value(value: RobustnessValue | None) -> str:
    return UNDEFINED if value is None else sentences.format_percent(value.value)
