"""What a report has for a paper: files, captions with the protocol, and the works to be cited."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fusebench.runtime import file_names
from reports.document.model import TaskSection
from reports.figures.sample_panels import SamplePanel
from reports.tables.text_table import TextTable

FOLDER = "paper"  # in the report's folder
KINDS_BY_KEY = {"dataset": "datasets", "method": "methods", "model": "models"}  # of a spec
METRICS = "metrics"


def get_table_file(section: TaskSection) -> str:
    """Return the path of a task's table in LaTeX, relative to the report."""
    return _build_path(section, "table.tex")


def get_forest_file(section: TaskSection) -> str:
    """Return the path of a task's forest plot, relative to the report."""
    return _build_path(section, "forest.pdf")


def get_panel_file(section: TaskSection) -> str:
    """Return the path of a task's panel of sample pairs, relative to the report."""
    return _build_path(section, "panel.pdf")


def get_captions_file(section: TaskSection) -> str:
    """Return the path of the captions of a task's table and figures, relative to the report."""
    return _build_path(section, "captions.txt")


def select_table(section: TaskSection) -> TextTable:
    """Select the table in the layout of the task's paper, or else the main table."""
    return next((t for t in section.main_tables if t.header_groups), section.main_tables[0])


def select_panel_rows(section: TaskSection) -> list[tuple[SamplePanel, ...]]:
    """Select the pairs of the panel: the largest gain and the largest loss, or else the first."""
    drawn = [sample for sample in section.samples if sample.panels]
    chosen = [
        next((sample for sample in drawn if sample.effect == effect), None)
        for effect in ("gain", "loss")
    ]
    samples = [sample for sample in chosen if sample] or drawn[:1]
    return [sample.panels for sample in samples]


def build_captions(section: TaskSection) -> str:
    """Build the captions of table, forest plot and panel, each with the protocol."""
    table, name = select_table(section), section.results.name
    data = " Simulated scenes, not camera images." if section.results.is_simulated else ""
    protocol = f"Protocol: {section.protocol.common_line}."
    differing = " ".join(
        f"{fact}: " + "; ".join(f"{source}: {value}" for source, value in values.items()) + "."
        for fact, values in section.protocol.differing_facts.items()
    )
    captions = [
        f"Table. {name}: {table.title}{f' ({table.caption})' if table.caption else ''}."
        f"{data} {' '.join(table.notes)}"
    ]
    if section.difference_plots:
        main = section.main_tables[0]
        captions.append(
            f"Forest plot. {name}: difference of every fused source to {main.baseline_name}, "
            f"{main.title}, with 95 % intervals. Triangles: better (up) or worse (down), p below "
            f"0.05 adjusted by Holm; circles: no difference shown.{data}"
        )
    if select_panel_rows(section):
        captions.append(f"Panel. {name}: sample pairs.{data} {section.sample_legend}")
    return "\n\n".join([*captions, " ".join(filter(None, [protocol, differing]))]) + "\n"


def list_used_names(sections: Sequence[TaskSection]) -> dict[str, list[str]]:
    """List the data sets, fusion methods, models and metrics that the records' specs name."""
    used: dict[str, dict[str, None]] = {}
    for section in sections:
        for record in section.results.records:
            for kind, name in [("datasets", record.dataset), *_iterate_names(record.spec)]:
                used.setdefault(kind, {})[name] = None
    return {kind: list(names) for kind, names in used.items()}


def _iterate_names(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of every plug-in that a spec names, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in KINDS_BY_KEY and isinstance(item, str):
                yield KINDS_BY_KEY[key], item
            elif key == METRICS and isinstance(item, Mapping):
                yield from ((METRICS, name.partition(".")[0]) for name in item)
            else:
                yield from _iterate_names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _iterate_names(item)


def _build_path(section: TaskSection, end: str) -> str:
    return f"{FOLDER}/{file_names.make_safe_file_name(section.results.name)}-{end}"
