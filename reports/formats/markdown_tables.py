"""The tables of the report in Markdown, as GitHub shows them."""

import re
from collections.abc import Sequence

from reports.document.efficiency import (
    COSTS_FILE,
    HEADERS,
    TEXT_HEADERS,
    TRAINING_TIMES_FILE,
    Efficiency,
)
from reports.document.sections import TaskSection
from reports.figures.sample_panels import SamplePair
from reports.literature.published_comparison import PublishedComparison
from reports.tables.metric_correlation import MetricCorrelation
from reports.tables.result_text import UNDEFINED, format_correlation
from reports.tables.text_table import TextRow, TextTable

SPECIAL_CHARACTERS = re.compile(r"([\\`*_{}\[\]#|~$])")


def escape(word: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    safe = SPECIAL_CHARACTERS.sub(r"\\\1", " ".join(word.split()))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render_protocol_facts(found: TaskSection) -> str:
    """The protocol of a task, fact by fact."""
    said = [(fact, escape(value)) for fact, value in found.protocol.common_facts.items()]
    said += [
        (fact, "<br>".join(f"{escape(who)}: {escape(value)}" for who, value in values.items()))
        for fact, values in found.protocol.differing_facts.items()
    ]
    return "\n".join(
        [
            _render_row(["", ""]),
            _render_row(["---", "---"]),
            *(_render_row([escape(a), b]) for a, b in said),
        ]
    )


def render_panels(found: SamplePair) -> str:
    """The pictures of one pair, one beside the other."""
    names = [escape(panel.title) for panel in found.panels]
    pictures = [f"![{escape(panel.alt_text)}]({panel.file})" for panel in found.panels]
    return "\n".join([_render_row(names), _render_row(["---"] * len(names)), _render_row(pictures)])


def render_table(found: TextTable, chapter: TaskSection) -> str:
    """A table with its notes, its protocol and its files."""
    said = f" ({escape(found.caption)})" if found.caption else ""
    heads = [escape(f"{title} ({note})" if note else title) for title, note in found.headers]
    lines = [_render_row(["source", *heads]), _render_row(["---", *["---:"] * len(heads)])]
    lines += [
        _render_row([_render_row_label(row), *_render_cells(row, len(heads))]) for row in found.rows
    ]
    lines += [
        _render_row(
            [
                f"difference: {_render_row_label(row)}" if i else _render_row_label(row),
                *_render_cells(row, len(heads)),
            ]
        )
        for i, row in enumerate(found.difference_rows)
    ]
    badge = " **simulated**" if chapter.results.is_simulated else ""
    parts = [f"#### {escape(found.title)}{said}{badge}", "\n".join(lines)]
    parts.append(escape(" ".join(found.notes)))
    parts.append(_render_protocol(chapter))
    parts.append(f"[CSV]({found.csv_file}), [LaTeX]({found.tex_file})")
    return "\n\n".join(part for part in parts if part)


def render_published_comparison(part: PublishedComparison) -> str:
    """Published rows with what is known of them."""
    lines = [
        _render_row(["method", *map(escape, part.headers)]),
        _render_row(["---", *["---:"] * len(part.headers)]),
    ]
    for line in part.rows:
        marks = f"<sup>{', '.join(map(str, line.note_numbers))}</sup>" if line.note_numbers else ""
        remark = f" ({escape(line.remark)})" if line.remark else ""
        lines.append(
            _render_row([f"{escape(line.label)}{marks}{remark}", *map(escape, line.cells)])
        )
    notes = [
        f"<sup>{mark}</sup> {escape(said)}" if mark else escape(said)
        for mark, said in part.audit_notes
    ]
    return "\n\n".join(
        [
            f"#### {escape(part.title)}, as published",
            "\n".join(lines),
            escape(f"{part.reason} {part.table_note}"),
            *(["The audit found:<br>\n" + "<br>\n".join(notes)] if notes else []),
        ]
    )


def render_metric_correlations(found: Sequence[MetricCorrelation]) -> str:
    """How fusion metrics and task scores order the sources."""
    heads = ("fusion metric", "task", "score", "sources", "correlation", "95 % interval")
    lines = [_render_row(heads), _render_row(["---", "---", "---", *["---:"] * 3])]
    for one in found:
        ends = " to ".join(map(format_correlation, one.interval)) if one.interval else UNDEFINED
        numbers = [str(one.source_count), format_correlation(one.rho), ends]
        lines.append(
            _render_row([*map(escape, (one.fusion_metric, one.task, one.task_metric)), *numbers])
        )
    said = "Rank correlation (Spearman) over the sources; an interval that holds 0 shows none."
    title = "## Do fusion metrics predict the task?"
    return "\n\n".join([title, said, "\n".join(lines), "[CSV](tables/relations.csv)"])


def render_efficiency(found: Efficiency) -> str:
    """What fusing and training cost."""
    parts = ["## Efficiency"]
    if found.costs:
        lines = [
            _render_row(HEADERS),
            _render_row(["---" if head in TEXT_HEADERS else "---:" for head in HEADERS]),
        ]
        lines += [_render_row(list(map(escape, row))) for row in found.cost_rows]
        parts += ["\n".join(lines), f"[CSV]({COSTS_FILE})"]
    parts += [
        f"![{escape(task)}: score against cost]({stem}.png)" for task, stem in found.chart_stems
    ]
    if found.training_times:
        parts.append(
            f"How long detectors and segmenters were trained: [CSV]({TRAINING_TIMES_FILE})"
        )
    if found.sources_without_profile:
        who = escape(", ".join(found.sources_without_profile))
        parts.append(
            f"Not measured: {who}. To measure:\n\n{render_code_block(found.profile_command)}"
        )
    return "\n\n".join(parts)


def _render_protocol(chapter: TaskSection) -> str:
    if not chapter.results.records:
        return ""
    lines = [f"<sub>Protocol: {escape(chapter.protocol.common_line)}</sub>"]
    lines += [
        f"<sub>{escape(name)}: "
        + "; ".join(f"{escape(source)}: {escape(value)}" for source, value in values.items())
        + "</sub>"
        for name, values in chapter.protocol.differing_facts.items()
    ]
    return "<br>\n".join(lines)


def _render_row_label(row: TextRow) -> str:
    return escape(row.label) + (f" ({escape(row.remark)})" if row.remark else "")


def _render_cells(row: TextRow, columns: int) -> list[str]:
    if not row.cells:
        return [row.absence_label] * columns
    marks = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}
    return [marks[rank].format(escape(cell)) for cell, rank in row.cells]


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render_code_block(command: str) -> str:
    """A block that no run of backticks in the command ends."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{command}\n{fence}"
