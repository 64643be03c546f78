"""The report as one Markdown file, as GitHub shows it."""

from collections.abc import Sequence
from operator import attrgetter

from reports.document import section_order
from reports.document.sections import MissingRuns, Report, TaskSection
from reports.formats import markdown_tables
from reports.formats.markdown_tables import escape
from reports.results.confusion_matrices import NOTE_BY_KIND
from reports.tables.result_text import format_count


def render_report(found: Report) -> str:
    """The whole file, in the order of the page."""
    parts = [f"# {escape(found.title)}", escape(found.status)]
    parts += [
        f"**{escape(one.results.name)}**{_render_badge(one)}: {escape(one.answer)}"
        for one in found.sections
    ]
    parts += [_render_section(chapter) for chapter in found.sections]
    if found.efficiency:
        parts.append(markdown_tables.render_efficiency(found.efficiency))
    if found.metric_correlations:
        parts.append(markdown_tables.render_metric_correlations(found.metric_correlations))
    for part, title, chapters in section_order.list_appendices(found.sections):
        parts.append(f"## {title}")
        if part == section_order.SAMPLES:
            parts.append(escape(found.sample_selection_rule))
        for chapter in chapters.values():
            parts += [
                f"### {escape(chapter.results.name)}{_render_badge(chapter)}",
                *_render_appendix(part, chapter),
            ]
    if found.command:
        parts.append(
            f"To make what is missing:\n\n{markdown_tables.render_code_block(found.command)}"
        )
    parts += [f"**{escape(name)}** is left out: {escape(why)}" for name, why in found.skipped_tasks]
    files = ("scores", "means", "protocol")
    names = ", ".join(f"[tables/{name}.csv](tables/{name}.csv)" for name in files)
    parts.append(f"All scores, their means with intervals, and how they were made: {names}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _render_badge(found: TaskSection) -> str:
    return " (simulated)" if found.results.is_simulated else ""


def _render_section(found: TaskSection) -> str:
    parts = [f"## {escape(found.results.name)}{_render_badge(found)}"]
    parts += [f"> **Warning:** {escape(warning)}" for warning in found.protocol.warnings]
    for part, title in section_order.list_subsections(found):
        parts += [f"### {title}", *_render_subsection(part, found)]
    return "\n\n".join(parts)


def _render_appendix(part: str, found: TaskSection) -> list[str]:
    return (
        _render_samples(found)
        if part == section_order.SAMPLES
        else [markdown_tables.render_protocol_facts(found)]
    )


def _render_subsection(part: str, found: TaskSection) -> list[str]:
    if part == section_order.PUBLISHED:
        return _render_published_comparisons(found)
    if part == section_order.CURVES:
        return [f"![curves]({found.curves_stem}.png)", f"[numbers]({found.curves_file})"]
    if part == section_order.CONFUSIONS:
        return [_render_confusion_matrices(found)]
    if part == section_order.COLLAPSED_TABLES:
        return [
            _render_collapsed(
                format_count(len(found.collapsed_tables), "table"),
                [markdown_tables.render_table(grid, found) for grid in found.collapsed_tables],
            )
        ]
    if part == section_order.MISSING:
        return [_render_missing_runs(gap) for gap in found.missing_runs]
    return _render_tables(part, found)


def _render_tables(part: str, found: TaskSection) -> list[str]:
    """The tables of the comparison, the slices or the errors, and their chart."""
    shown = [
        grid for grid in found.main_tables if (grid.subsection or section_order.COMPARISON) == part
    ]
    said = [markdown_tables.render_table(grid, found) for grid in shown]
    if part == section_order.COMPARISON and found.bar_chart_stem:
        alt = f"{escape(found.results.name)}: {escape(shown[0].title)}"
        said.insert(1, f"![{alt}]({found.bar_chart_stem}.png)")
    if part == section_order.ERRORS and found.error_chart_stem:
        said.append(f"![what kinds of error cost]({found.error_chart_stem}.png)")
    return said


def _render_published_comparisons(found: TaskSection) -> list[str]:
    parts = [
        markdown_tables.render_published_comparison(part)
        for part in found.published_comparisons
        if part.is_comparable
    ]
    if apart := [
        markdown_tables.render_published_comparison(part)
        for part in found.published_comparisons
        if not part.is_comparable
    ]:
        parts.append(_render_collapsed("Published rows that were not made as ours", apart))
    return [*parts, f"All of these rows: [CSV]({found.published_file})"]


def _render_confusion_matrices(found: TaskSection) -> str:
    pictures = [f"![{escape(source)}]({stem}.png)" for source, stem in found.confusion_matrix_stems]
    said = f"{NOTE_BY_KIND[found.results.kind]} [Numbers]({found.confusions_file})"
    return _render_collapsed("What is taken for what", [said, *pictures])


def _render_collapsed(title: str, parts: Sequence[str]) -> str:
    folded = "\n\n".join(parts)
    return f"<details><summary>{title}</summary>\n\n{folded}\n\n</details>"


def _render_samples(found: TaskSection) -> list[str]:
    parts = [escape(found.sample_legend)]
    for sample in filter(attrgetter("panels"), found.samples):
        parts.append(
            f"**{escape(sample.key)}** ({escape(sample.condition)}): {escape(sample.reason)}"
        )
        parts.append(markdown_tables.render_panels(sample))
    return parts


def _render_missing_runs(gap: MissingRuns) -> str:
    who, what = escape(gap.source), escape(gap.description)
    return f"**{who}**: {what}. To make it:\n\n{markdown_tables.render_code_block(gap.command)}"
