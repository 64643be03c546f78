"""Tables of the report in Markdown, as GitHub shows them."""

import re
from collections.abc import Sequence

from reports.document.efficiency import (
    COST_HEADERS,
    COSTS_FILE,
    TEXT_HEADERS,
    TRAINING_TIMES_FILE,
    Efficiency,
)
from reports.document.model import CORRELATIONS_FILE, PREDICTIONS_FILE, TaskSection
from reports.figures.sample_panels import SamplePair
from reports.literature.published_comparison import PublishedComparison
from reports.tables.inference import metric_prediction
from reports.tables.inference.metric_prediction import PREDICTION_NOTE, MetricPrediction
from reports.tables.metric_correlation import MetricCorrelation
from reports.tables.result_text import UNDEFINED, format_correlation
from reports.tables.text_table import TextRow, TextTable

SPECIAL_CHARACTERS = re.compile(r"([\\`*_{}\[\]#|~$])")
RANK_FORMATS = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}
TEXT_COLUMN, NUMBER_COLUMN = "---", "---:"  # left and right aligned


def escape(text: str) -> str:
    """Escape text so that Markdown and HTML show it literally, on one line."""
    escaped = SPECIAL_CHARACTERS.sub(r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render_code_block(command: str) -> str:
    """Render a code block whose fence is longer than any run of backticks in the command."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{command}\n{fence}"


def render_protocol_facts(section: TaskSection) -> str:
    """Render the protocol of a task as a table of facts."""
    facts = [(fact, escape(value)) for fact, value in section.protocol.common_facts.items()]
    facts += [
        (
            fact,
            "<br>".join(f"{escape(source)}: {escape(value)}" for source, value in values.items()),
        )
        for fact, values in section.protocol.differing_facts.items()
    ]
    rows = [_render_row([escape(fact), value]) for fact, value in facts]
    return "\n".join([_render_row(["", ""]), _render_row([TEXT_COLUMN] * 2), *rows])


def render_panels(sample: SamplePair) -> str:
    """Render the sample panels of one pair side by side."""
    titles = [escape(panel.title) for panel in sample.panels]
    images = [f"![{escape(panel.alt_text)}]({panel.file})" for panel in sample.panels]
    alignment = [TEXT_COLUMN] * len(titles)
    return "\n".join([_render_row(titles), _render_row(alignment), _render_row(images)])


def render_table(table: TextTable, section: TaskSection) -> str:
    """Render a table with its notes, its protocol and links to its files."""
    caption = f" ({escape(table.caption)})" if table.caption else ""
    badge = " **simulated**" if section.results.is_simulated else ""
    headers = [
        escape(f"{title} ({subtitle})" if subtitle else title) for title, subtitle in table.headers
    ]
    lines = [
        _render_row([escape(table.row_title), *headers]),
        _render_row([TEXT_COLUMN, *[NUMBER_COLUMN] * len(headers)]),
        *(
            _render_row([_render_label(row), *_render_cells(row, len(headers))])
            for row in table.rows
        ),
    ]
    for number, row in enumerate(table.difference_rows):
        label = _render_label(row) if number == 0 else f"difference: {_render_label(row)}"
        lines.append(_render_row([label, *_render_cells(row, len(headers))]))
    parts = [
        f"#### {escape(table.title)}{caption}{badge}",
        "\n".join(lines),
        escape(" ".join(table.notes)),
        _render_protocol(section),
        f"[CSV]({table.csv_file}), [LaTeX]({table.tex_file})",
    ]
    return "\n\n".join(part for part in parts if part)


def render_published_comparison(comparison: PublishedComparison) -> str:
    """Render published results, our comparable ones, and the findings of the audit."""
    headers = list(map(escape, comparison.headers))
    lines = [
        _render_row(["method", *headers]),
        _render_row([TEXT_COLUMN, *[NUMBER_COLUMN] * len(headers)]),
    ]
    for row in comparison.rows:
        numbers = ", ".join(map(str, row.note_numbers))
        superscript = f"<sup>{numbers}</sup>" if numbers else ""
        remark = f" ({escape(row.remark)})" if row.remark else ""
        label = f"{escape(row.label)}{superscript}{remark}"
        lines.append(_render_row([label, *map(escape, row.cells)]))
    parts = [
        f"#### {escape(comparison.title)}, as published",
        "\n".join(lines),
        escape(f"{comparison.reason} {comparison.table_note}"),
    ]
    if comparison.audit_notes:
        notes = [
            f"<sup>{number}</sup> {escape(text)}" if number else escape(text)
            for number, text in comparison.audit_notes
        ]
        parts.append("<br>\n".join(["Findings of the audit:", *notes]))
    return "\n\n".join(parts)


def render_metric_correlations(correlations: Sequence[MetricCorrelation]) -> str:
    """Render the rank correlations of fusion metrics with task scores."""
    headers = ("fusion metric", "task", "task score", "sources", "rho", "95 % interval")
    lines = [_render_row(headers), _render_row([*[TEXT_COLUMN] * 3, *[NUMBER_COLUMN] * 3])]
    for correlation in correlations:
        names = (correlation.fusion_metric, correlation.task, correlation.task_metric)
        interval = (
            " to ".join(map(format_correlation, correlation.interval))
            if correlation.interval
            else UNDEFINED
        )
        rho = format_correlation(correlation.rho)
        lines.append(
            _render_row([*map(escape, names), str(correlation.source_count), rho, interval])
        )
    return "\n\n".join(
        [
            "## Do fusion metrics predict task scores?",
            "Rank correlation (Spearman's rho) over the sources; an interval that contains 0 shows "
            "no correlation.",
            "\n".join(lines),
            f"[CSV]({CORRELATIONS_FILE})",
        ]
    )


def render_metric_predictions(predictions: Sequence[MetricPrediction]) -> str:
    """Render the rank correlations of fusion metrics with scores within pairs, task by task."""
    parts = ["## Do fusion metrics predict the better image of a pair?", escape(PREDICTION_NOTE)]
    for group, members in metric_prediction.group_by_task(predictions).items():
        headers = ("fusion metric", "sources", "images", "mean rho", "95 % interval", "shown")
        lines = [_render_row(headers), _render_row([TEXT_COLUMN, *[NUMBER_COLUMN] * 5])]
        lines += [
            _render_row([escape(each.metric), *metric_prediction.format_cells(each)])
            for each in members
        ]
        parts += [
            f"### {escape(group[0])}: {escape(members[0].task_score)}",
            f"![mean rank correlation]({metric_prediction.build_figure_stem(group)}.png)",
            "\n".join(lines),
        ]
    return "\n\n".join([*parts, f"[CSV]({PREDICTIONS_FILE})"])


def render_efficiency(efficiency: Efficiency) -> str:
    """Render the cost of fusion, charts of score over cost, and training times."""
    parts = ["## Efficiency"]
    if efficiency.costs:
        alignment = [
            TEXT_COLUMN if header in TEXT_HEADERS else NUMBER_COLUMN for header in COST_HEADERS
        ]
        lines = [_render_row(COST_HEADERS), _render_row(alignment)]
        lines += [_render_row(list(map(escape, row))) for row in efficiency.cost_rows]
        parts += ["\n".join(lines), f"[CSV]({COSTS_FILE})"]
    parts += [
        f"![{escape(task)}: score over cost]({stem}.png)" for task, stem in efficiency.chart_stems
    ]
    if efficiency.training_times:
        parts.append(
            f"Training times of detectors and segmentation models: [CSV]({TRAINING_TIMES_FILE})"
        )
    if efficiency.sources_without_profile:
        names = escape(", ".join(efficiency.sources_without_profile))
        command = render_code_block(efficiency.profile_command)
        parts.append(f"Not profiled: {names}. To measure their cost:\n\n{command}")
    return "\n\n".join(parts)


def _render_protocol(section: TaskSection) -> str:
    if not section.results.records:
        return ""
    lines = [f"<sub>Protocol: {escape(section.protocol.common_line)}</sub>"]
    for fact, values in section.protocol.differing_facts.items():
        text = "; ".join(f"{escape(source)}: {escape(value)}" for source, value in values.items())
        lines.append(f"<sub>{escape(fact)}: {text}</sub>")
    return "<br>\n".join(lines)


def _render_label(row: TextRow) -> str:
    letters = f"<sup>{escape(row.letters)}</sup>" if row.letters else ""
    return escape(row.label) + letters + (f" ({escape(row.remark)})" if row.remark else "")


def _render_cells(row: TextRow, column_count: int) -> list[str]:
    if not row.cells:
        return [row.absence_label] * column_count
    return [RANK_FORMATS[rank].format(escape(text)) for text, rank in row.cells]


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
