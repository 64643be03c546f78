"""The report as one Markdown file, as GitHub shows it."""

import re
from collections.abc import Sequence

from reports.beside import Part
from reports.chapters import Chapter, Report
from reports.confusions import NOTES
from reports.efficiency import COSTS, HEADS, TRAININGS, Efficiency
from reports.grids import Grid, Printed
from reports.panels import Sample
from reports.relations import Relation
from reports.wording import MISSING, UNDEFINED, correlation

SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")


def text(found: Report) -> str:
    """The whole file."""
    parts = [f"# {escape(found.title)}", escape(found.status)]
    if found.command:
        parts.append(f"To make what is missing:\n\n{_code(found.command)}")
    parts += [f"- **{escape(name)}** is left out: {escape(why)}" for name, why in found.absent]
    parts += [_chapter(chapter, found.rule) for chapter in found.chapters]
    if found.efficiency:
        parts.append(_efficiency(found.efficiency))
    if found.relations:
        parts.append(_relations(found.relations))
    parts.append("All scores as one table: [tables/scores.csv](tables/scores.csv)")
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(word: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    safe = SPECIAL.sub(r"\\\1", " ".join(word.split()))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _chapter(found: Chapter, rule: str) -> str:
    results = found.results
    badge = " (simulated)" if results.simulated else ""
    parts = [f"## {escape(results.name)}{badge}", f"**{escape(found.answer)}**"]
    parts += [f"> **Warning:** {escape(warning)}" for warning in found.protocol.warnings]
    parts += [
        f"**{escape(gap.source)}**: {escape(gap.what)}. To make it:\n\n{_code(gap.command)}"
        for gap in found.gaps
    ]
    parts += [_grid(grid, found) for grid in found.main]
    if found.figure:
        parts.append(
            f"![{escape(results.name)}: {escape(found.main[0].title)}]({found.figure}.png)"
        )
    if found.curves:
        said = f"[numbers]({found.curves_file})"
        parts.append(f"### Precision and recall\n\n![curves]({found.curves}.png)\n\n{said}")
    if found.errors:
        parts.append(f"![what kinds of error cost]({found.errors}.png)")
    if found.confusions:
        pictures = [f"![{escape(source)}]({stem}.png)" for source, stem in found.confusions]
        said = f"{NOTES[results.kind]} [Numbers]({found.confusions_file})"
        folded = "\n\n".join([said, *pictures])
        parts.append(f"<details><summary>Confusions</summary>\n\n{folded}\n\n</details>")
    if found.more:
        folded = "\n\n".join(_grid(grid, found) for grid in found.more)
        parts.append(f"<details><summary>More tables</summary>\n\n{folded}\n\n</details>")
    parts += [_published(part) for part in found.published if part.alike]
    if apart := [_published(part) for part in found.published if not part.alike]:
        folded = "\n\n".join(apart)
        said = "Published rows that were not made as ours"
        parts.append(f"<details><summary>{said}</summary>\n\n{folded}\n\n</details>")
    if found.samples:
        parts.append(f"### Samples\n\n{escape(rule)} {escape(found.legend)}")
    for sample in found.samples:
        parts.append(f"**{escape(sample.key)}** ({escape(sample.scene)}): {escape(sample.why)}")
        parts.append(_panels(sample))
    return "\n\n".join(parts)


def _panels(found: Sample) -> str:
    names = [escape(panel.title) for panel in found.panels]
    pictures = [f"![{escape(panel.alt)}]({panel.file})" for panel in found.panels]
    return "\n".join([_row(names), _row(["---"] * len(names)), _row(pictures)])


def _grid(found: Grid, chapter: Chapter) -> str:
    said = f" ({escape(found.caption)})" if found.caption else ""
    heads = [escape(f"{title} ({note})" if note else title) for title, note in found.heads]
    lines = [_row(["source", *heads]), _row(["---", *["---:"] * len(heads)])]
    lines += [_row([_name(row), *_cells(row, len(heads))]) for row in found.rows]
    lines += [
        _row([f"difference: {_name(row)}" if i else _name(row), *_cells(row, len(heads))])
        for i, row in enumerate(found.differences)
    ]
    badge = " **simulated**" if chapter.results.simulated else ""
    parts = [f"### {escape(found.title)}{said}{badge}", "\n".join(lines)]
    parts.append(escape(" ".join(found.notes)))
    parts.append(_protocol(chapter))
    parts.append(f"[CSV]({found.file}), [LaTeX]({found.tex})")
    return "\n\n".join(part for part in parts if part)


def _published(part: Part) -> str:
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
            f"### {escape(part.title)}, as published",
            "\n".join(lines),
            escape(f"{part.reason} {part.about}"),
            *(["The audit found:<br>\n" + "<br>\n".join(notes)] if notes else []),
        ]
    )


def _relations(found: Sequence[Relation]) -> str:
    heads = ("fusion metric", "task", "score", "sources", "correlation", "95 % interval")
    lines = [_row(heads), _row(["---", "---", "---", *["---:"] * 3])]
    for one in found:
        ends = " to ".join(map(correlation, one.interval)) if one.interval else UNDEFINED
        numbers = [str(one.sources), correlation(one.rho), ends]
        lines.append(_row([*map(escape, (one.metric, one.task, one.score)), *numbers]))
    said = "Rank correlation (Spearman) over the sources; an interval that holds 0 shows none."
    title = "## Do fusion metrics predict the task?"
    return "\n\n".join([title, said, "\n".join(lines), "[CSV](tables/relations.csv)"])


def _efficiency(found: Efficiency) -> str:
    parts = ["## Efficiency"]
    if found.costs:
        lines = [_row(HEADS), _row(["---", *["---:"] * (len(HEADS) - 1)])]
        lines += [_row(list(map(escape, row))) for row in found.rows]
        parts += ["\n".join(lines), f"[CSV]({COSTS})"]
    parts += [f"![{escape(task)}: score against cost]({stem}.png)" for task, stem in found.charts]
    if found.trainings:
        parts.append(f"How long detectors and segmenters were trained: [CSV]({TRAININGS})")
    if found.unmeasured:
        who = escape(", ".join(found.unmeasured))
        parts.append(f"Not measured: {who}. To measure:\n\n{_code(found.command)}")
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
        return [MISSING] * columns
    marks = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}
    return [marks[rank].format(escape(cell)) for cell, rank in row.cells]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(command: str) -> str:
    """A block that no run of backticks in the command ends."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{command}\n{fence}"
