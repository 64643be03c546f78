"""The report as one Markdown file, as GitHub shows it."""

from collections.abc import Sequence

from reports.document import section_order
from reports.document.model import MissingRuns, Report, TaskSection
from reports.document.robustness.section import RobustnessSection
from reports.formats import markdown_tables
from reports.formats.markdown_tables import escape
from reports.results.confusion_matrices import NOTE_BY_KIND
from reports.tables.result_text import format_count

DATA_FILES = ("tables/scores.csv", "tables/means.csv", "tables/protocol.csv")


def render_report(report: Report) -> str:
    """Render the whole file, in the order of the page."""
    parts = [f"# {escape(report.title)}", escape(report.status)]
    parts += [
        f"**{escape(section.results.name)}**{_render_badge(section)}: {_render_answer(section)}"
        for section in report.sections
    ]
    if report.viewer_file:
        parts.append(f"All test pairs in pictures: [image viewer]({report.viewer_file})")
    if any(section.samples for section in report.sections):
        parts.append(escape(report.sample_selection_rule))
    parts += [_render_section(section) for section in report.sections]
    if report.efficiency:
        parts.append(markdown_tables.render_efficiency(report.efficiency))
    if report.metric_correlations:
        parts.append(markdown_tables.render_metric_correlations(report.metric_correlations))
    if report.metric_predictions:
        parts.append(markdown_tables.render_metric_predictions(report.metric_predictions))
    for _, title, sections in section_order.list_appendices(report.sections):
        parts.append(f"## {title}")
        for section in sections.values():
            parts.append(f"### {escape(section.results.name)}{_render_badge(section)}")
            parts.append(markdown_tables.render_protocol_facts(section))
    if report.command:
        command = markdown_tables.render_code_block(report.command)
        parts.append(f"To execute all missing runs:\n\n{command}")
    parts += [
        f"Task **{escape(name)}** is skipped: {escape(reason)}"
        for name, reason in report.skipped_tasks
    ]
    links = ", ".join(f"[{file}]({file})" for file in DATA_FILES)
    parts.append(f"Data (all scores, their means with intervals, their protocol): {links}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _render_badge(section: TaskSection) -> str:
    return " (simulated)" if section.results.is_simulated else ""


def _render_answer(section: TaskSection) -> str:
    """Render the headline, then the statistics unless they are the same sentence."""
    headline = section.headline
    plain = f"{headline.label}. {headline.text}"
    if headline.sentence in section.answer:
        return escape(section.answer)
    return f"{escape(plain)}\n\n{_render_collapsed('Statistics', [escape(section.answer)])}"


def _render_section(section: TaskSection) -> str:
    parts = [f"## {escape(section.results.name)}{_render_badge(section)}"]
    parts += [f"> **Warning:** {escape(warning)}" for warning in section.protocol.warnings]
    for subsection, title in section_order.list_subsections(section):
        parts += [f"### {title}", *_render_subsection(subsection, section)]
    return "\n\n".join(parts)


def _render_subsection(subsection: str, section: TaskSection) -> list[str]:
    if subsection == section_order.EQUIVALENCE and section.equivalence_table:
        return [markdown_tables.render_table(section.equivalence_table, section)]
    if subsection == section_order.SAMPLES:
        return _render_samples(section)
    if subsection == section_order.GAINS and section.gain_table:
        chart = f"![rank correlation of attributes with the gain]({section.gain_chart_stem}.png)"
        table = markdown_tables.render_table(section.gain_table, section)
        return [table, chart] if section.gain_chart_stem else [table]
    if subsection == section_order.PUBLISHED:
        return _render_published_comparisons(section)
    if subsection == section_order.ROBUSTNESS and section.robustness:
        return _render_robustness(section, section.robustness)
    if subsection == section_order.CURVES:
        return [
            f"![precision-recall curves]({section.curves_stem}.png)",
            f"[CSV]({section.curves_file})",
        ]
    if subsection == section_order.CONFUSION_MATRICES:
        return [_render_confusion_matrices(section)]
    if subsection == section_order.COLLAPSED_TABLES:
        tables = [
            markdown_tables.render_table(table, section) for table in section.collapsed_tables
        ]
        return [_render_collapsed(format_count(len(tables), "table"), tables)]
    if subsection == section_order.MISSING_RUNS:
        return [_render_missing_runs(missing) for missing in section.missing_runs]
    return _render_tables(subsection, section)


def _render_tables(subsection: str, section: TaskSection) -> list[str]:
    """Render the tables of comparison, conditions or error types, and their chart."""
    tables = [
        table
        for table in section.main_tables
        if (table.subsection or section_order.COMPARISON) == subsection
    ]
    parts = [markdown_tables.render_table(table, section) for table in tables]
    if subsection == section_order.COMPARISON and section.bar_chart_stem:
        alt = f"{escape(section.results.name)}: {escape(tables[0].title)}"
        parts.insert(1, f"![{alt}]({section.bar_chart_stem}.png)")
    if subsection == section_order.ERRORS and section.error_chart_stem:
        parts.append(f"![AP lost per error type]({section.error_chart_stem}.png)")
    return parts


def _render_robustness(section: TaskSection, robustness: RobustnessSection) -> list[str]:
    means, by_severity = (
        markdown_tables.render_table(table, section) for table in robustness.tables
    )
    figure = section.robustness_stem
    return [
        escape(robustness.sentence),
        escape(robustness.missing),
        means,
        f"![retained score over severity]({figure}.png)" if figure else "",
        _render_collapsed("Every severity", [by_severity]),
    ]


def _render_published_comparisons(section: TaskSection) -> list[str]:
    comparable, others = (
        [
            markdown_tables.render_published_comparison(comparison)
            for comparison in section.published_comparisons
            if comparison.is_comparable is is_comparable
        ]
        for is_comparable in (True, False)
    )
    if others:
        title = "Published results that are not comparable with ours"
        comparable.append(_render_collapsed(title, others))
    return [*comparable, f"All published results for this task: [CSV]({section.published_file})"]


def _render_confusion_matrices(section: TaskSection) -> str:
    images = [
        f"![confusion matrix of {escape(source)}]({stem}.png)"
        for source, stem in section.confusion_matrix_stems
    ]
    note = f"{NOTE_BY_KIND[section.results.kind]} [CSV]({section.confusion_matrices_file})"
    return _render_collapsed(format_count(len(images), "source"), [note, *images])


def _render_collapsed(title: str, parts: Sequence[str]) -> str:
    content = "\n\n".join(parts)
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def _render_samples(section: TaskSection) -> list[str]:
    parts = [escape(section.sample_legend)]
    for sample in section.samples:
        if sample.panels:
            title = f"**{escape(sample.key)}** ({escape(sample.condition)})"
            parts.append(f"{title}: {escape(sample.reason)}")
            parts.append(markdown_tables.render_panels(sample))
    return parts


def _render_missing_runs(missing: MissingRuns) -> str:
    text = f"**{escape(missing.source)}**: {escape(missing.description)}. To run:"
    return f"{text}\n\n{markdown_tables.render_code_block(missing.command)}"
