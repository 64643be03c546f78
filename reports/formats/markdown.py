"""The report as one Markdown file, as GitHub shows it."""

from collections.abc import Sequence
from operator import attrgetter

from reports.contents import order
from reports.contents.chapters import Chapter, Gap, Report
from reports.formats import markdown_tables
from reports.formats.markdown_tables import escape
from reports.records.confusions import NOTES
from reports.scores.wording import counted


def text(found: Report) -> str:
    """The whole file, in the order of the page."""
    parts = [f"# {escape(found.title)}", escape(found.status)]
    parts += [
        f"**{escape(one.results.name)}**{_badge(one)}: {escape(one.answer)}"
        for one in found.chapters
    ]
    parts += [_chapter(chapter) for chapter in found.chapters]
    if found.efficiency:
        parts.append(markdown_tables.efficiency(found.efficiency))
    if found.relations:
        parts.append(markdown_tables.relations(found.relations))
    for part, title, chapters in order.ends(found.chapters):
        parts.append(f"## {title}")
        if part == order.PICTURES:
            parts.append(escape(found.rule))
        for chapter in chapters.values():
            parts += [f"### {escape(chapter.results.name)}{_badge(chapter)}", *_end(part, chapter)]
    if found.command:
        parts.append(f"To make what is missing:\n\n{markdown_tables.code(found.command)}")
    parts += [f"**{escape(name)}** is left out: {escape(why)}" for name, why in found.absent]
    files = ("scores", "means", "protocol")
    names = ", ".join(f"[tables/{name}.csv](tables/{name}.csv)" for name in files)
    parts.append(f"All scores, their means with intervals, and how they were made: {names}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _badge(found: Chapter) -> str:
    return " (simulated)" if found.results.simulated else ""


def _chapter(found: Chapter) -> str:
    parts = [f"## {escape(found.results.name)}{_badge(found)}"]
    parts += [f"> **Warning:** {escape(warning)}" for warning in found.protocol.warnings]
    for part, title in order.parts(found):
        parts += [f"### {title}", *_part(part, found)]
    return "\n\n".join(parts)


def _end(part: str, found: Chapter) -> list[str]:
    return _samples(found) if part == order.PICTURES else [markdown_tables.facts(found)]


def _part(part: str, found: Chapter) -> list[str]:
    if part == order.PUBLISHED:
        return _beside(found)
    if part == order.CURVES:
        return [f"![curves]({found.curves}.png)", f"[numbers]({found.curves_file})"]
    if part == order.CONFUSIONS:
        return [_confusions(found)]
    if part == order.MORE:
        return [
            _folded(
                counted(len(found.more), "table"),
                [markdown_tables.grid(grid, found) for grid in found.more],
            )
        ]
    if part == order.MISSING:
        return [_gap(gap) for gap in found.gaps]
    return _tables(part, found)


def _tables(part: str, found: Chapter) -> list[str]:
    """The tables of the comparison, the slices or the errors, and their chart."""
    shown = [grid for grid in found.main if (grid.part or order.COMPARISON) == part]
    said = [markdown_tables.grid(grid, found) for grid in shown]
    if part == order.COMPARISON and found.figure:
        alt = f"{escape(found.results.name)}: {escape(shown[0].title)}"
        said.insert(1, f"![{alt}]({found.figure}.png)")
    if part == order.ERRORS and found.errors:
        said.append(f"![what kinds of error cost]({found.errors}.png)")
    return said


def _beside(found: Chapter) -> list[str]:
    parts = [markdown_tables.published(part) for part in found.published if part.alike]
    if apart := [markdown_tables.published(part) for part in found.published if not part.alike]:
        parts.append(_folded("Published rows that were not made as ours", apart))
    return [*parts, f"All of these rows: [CSV]({found.published_file})"]


def _confusions(found: Chapter) -> str:
    pictures = [f"![{escape(source)}]({stem}.png)" for source, stem in found.confusions]
    said = f"{NOTES[found.results.kind]} [Numbers]({found.confusions_file})"
    return _folded("What is taken for what", [said, *pictures])


def _folded(title: str, parts: Sequence[str]) -> str:
    folded = "\n\n".join(parts)
    return f"<details><summary>{title}</summary>\n\n{folded}\n\n</details>"


def _samples(found: Chapter) -> list[str]:
    parts = [escape(found.legend)]
    for sample in filter(attrgetter("panels"), found.samples):
        parts.append(f"**{escape(sample.key)}** ({escape(sample.scene)}): {escape(sample.why)}")
        parts.append(markdown_tables.panels(sample))
    return parts


def _gap(gap: Gap) -> str:
    who, what = escape(gap.source), escape(gap.what)
    return f"**{who}**: {what}. To make it:\n\n{markdown_tables.code(gap.command)}"
