"""Files for a paper: a LaTeX table and captions per task, and the BibTeX entries of what was used.

The figures beside them are drawn with all others. The entries are in ``published/references.yaml``.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fusebench.runtime.reading.yaml_text import parse_yaml
from reports.document.model import TaskSection
from reports.document.parts import paper_text
from reports.formats import latex

REFERENCES_FILE = f"{paper_text.FOLDER}/references.bib"


def write_paper(sections: Sequence[TaskSection], report: Path) -> None:
    """Write the files of all tasks with records; nothing without any.

    Args:
        sections: The tasks.
        report: Folder of the report.
    """
    finished = [section for section in sections if section.results.records]
    if not finished:
        return
    (report / paper_text.FOLDER).mkdir(exist_ok=True)
    for section in finished:
        table = latex.render_table(paper_text.select_table(section), section)
        (report / paper_text.get_table_file(section)).write_text(table, encoding="utf-8")
        captions = paper_text.build_captions(section)
        (report / paper_text.get_captions_file(section)).write_text(captions, encoding="utf-8")
    references = render_references(paper_text.list_used_names(finished))
    (report / REFERENCES_FILE).write_text(references, encoding="utf-8")


def render_references(used: Mapping[str, Sequence[str]]) -> str:
    """Render the BibTeX entries of plug-ins; those without one are named in a comment.

    Args:
        used: Kind (``datasets``, ``methods``, ``models``, ``metrics``) to names of plug-ins.
    """
    references = _read_references()
    entries: dict[str, str] = {}
    without: list[str] = []
    for kind, names in used.items():
        for name in names:
            keys = references[kind].get(name, ())
            entries |= {key: _render_entry(key, references["entries"][key]) for key in keys}
            if not keys:
                without.append(f"{name} ({kind})")
    comment = f"% no entry: {latex.escape(', '.join(without))}\n" if without else ""
    return comment + "\n".join(entries[key] for key in sorted(entries))


@cache
def _read_references() -> dict[str, Any]:
    text = files("reports").joinpath("published/references.yaml").read_text(encoding="utf-8")
    references: dict[str, Any] = parse_yaml(text, "references.yaml: cannot be read as YAML")
    return references


def _render_entry(key: str, entry: Mapping[str, Any]) -> str:
    fields = [f"  {name} = {{{value}}}," for name, value in entry.items() if name != "type"]
    return "\n".join([f"@{entry['type']}{{{key},", *fields, "}\n"])
