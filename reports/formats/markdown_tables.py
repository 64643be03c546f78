"""The tables of the report in Markdown, as GitHub shows them."""

import re
from collections.abc import Sequence

from reports.contents.chapters import Chapter
from reports.contents.efficiency import COSTS, HEADS, TEXTS, TRAININGS, Efficiency
from reports.papers.beside import Part
from reports.pictures.panels import Sample
from reports.scores.grids import Grid, Printed
from reports.scores.relations import Relation
from reports.scores.wording import UNDEFINED, correlation

SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")


def escape(word: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    safe = SPECIAL.sub(r"\\\1", " ".join(word.split()))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def facts(found: Chapter) -> str:
    """The protocol of a task, fact by fact."""
    said = [(fact, escape(value)) for fact, value in found.protocol.common.items()]
    said += [
        (fact, "<br>".join(f"{escape(who)}: {escape(value)}" for who, value in values.items()))
        for fact, values in found.protocol.differing.items()
    ]
    return "\n".join(
        [_row(["", ""]), _row(["---", "---"]), *(_row([escape(a), b]) for a, b in said)]
    )


def panels(found: Sample) -> str:
    """The pictures of one pair, one beside the other."""
    names = [escape(panel.title) for panel in found.panels]
    pictures = [f"![{escape(panel.alt)}]({panel.file})" for panel in found.panels]
    return "\n".join([_row(names), _row(["---"] * len(names)), _row(pictures)])


def grid(found: Grid, chapter: Chapter) -> str:
    """A table with its notes, its protocol and its files."""
    said = f" ({escape(found.caption)})" if found.caption else ""
    heads = [escape(f"{title} ({note})" if note else title) for title, note in found.heads]
    lines = [_row(["source", *heads]), _row(["---", *["---:"] * len(heads)])]
    lines += [_row([_name(row), *_cells(row, len(heads))]) for row in found.rows]
    lines += [
        _row([f"difference: {_name(row)}" if i else _name(row), *_cells(row, len(heads))])
        for i, row in enumerate(found.differences)
    ]
    badge = " **simulated**" if chapter.results.simulated else ""
    parts = [f"#### {escape(found.title)}{said}{badge}", "\n".join(lines)]
    parts.append(escape(" ".join(found.notes)))
    parts.append(_protocol(chapter))
    parts.append(f"[CSV]({found.file}), [LaTeX]({found.tex})")
    return "\n\n".join(part for part in parts if part)


def published(part: Part) -> str:
    """Published rows with what is known of them."""
    lines = [_row(["method", *map(escape, part.heads)]), _row(["---", *["---:"] * len(part.heads)])]
    for line in part.lines:
        marks = f"<sup>{', '.join(map(str, line.marks))}</sup>" if line.marks else ""
        remark = f" ({escape(line.remark)})" if line.remark else ""
        lines.append(_row([f"{escape(line.label)}{marks}{remark}", *map(escape, line.cells)]))
    notes = [
        f"<sup>{mark}</sup> {escape(said)}" if mark else escape(said) for mark, said in part.notes
    ]
    return "\n\n".join(
        [
            f"#### {escape(part.title)}, as published",
            "\n".join(lines),
            escape(f"{part.reason} {part.about}"),
            *(["The audit found:<br>\n" + "<br>\n".join(notes)] if notes else []),
        ]
    )


def relations(found: Sequence[Relation]) -> str:
    """How fusion metrics and task scores order the sources."""
    heads = ("fusion metric", "task", "score", "sources", "correlation", "95 % interval")
    lines = [_row(heads), _row(["---", "---", "---", *["---:"] * 3])]
    for one in found:
        ends = " to ".join(map(correlation, one.interval)) if one.interval else UNDEFINED
        numbers = [str(one.sources), correlation(one.rho), ends]
        lines.append(_row([*map(escape, (one.metric, one.task, one.score)), *numbers]))
    said = "Rank correlation (Spearman) over the sources; an interval that holds 0 shows none."
    title = "## Do fusion metrics predict the task?"
    return "\n\n".join([title, said, "\n".join(lines), "[CSV](tables/relations.csv)"])


def efficiency(found: Efficiency) -> str:
    """What fusing and training cost."""
    parts = ["## Efficiency"]
    if found.costs:
        lines = [_row(HEADS), _row(["---" if head in TEXTS else "---:" for head in HEADS])]
        lines += [_row(list(map(escape, row))) for row in found.rows]
        parts += ["\n".join(lines), f"[CSV]({COSTS})"]
    parts += [f"![{escape(task)}: score against cost]({stem}.png)" for task, stem in found.charts]
    if found.trainings:
        parts.append(f"How long detectors and segmenters were trained: [CSV]({TRAININGS})")
    if found.unmeasured:
        who = escape(", ".join(found.unmeasured))
        parts.append(f"Not measured: {who}. To measure:\n\n{code(found.command)}")
    return "\n\n".join(parts)


def _protocol(chapter: Chapter) -> str:
    if not chapter.results.records:
        return ""
    lines = [f"<sub>Protocol: {escape(chapter.protocol.line)}</sub>"]
    lines += [
        f"<sub>{escape(name)}: "
        + "; ".join(f"{escape(source)}: {escape(value)}" for source, value in values.items())
        + "</sub>"
        for name, values in chapter.protocol.differing.items()
    ]
    return "<br>\n".join(lines)


def _name(row: Printed) -> str:
    return escape(row.label) + (f" ({escape(row.remark)})" if row.remark else "")


def _cells(row: Printed, columns: int) -> list[str]:
    if not row.cells:
        return [row.absence] * columns
    marks = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}
    return [marks[rank].format(escape(cell)) for cell, rank in row.cells]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def code(command: str) -> str:
    """A block that no run of backticks in the command ends."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{command}\n{fence}"
