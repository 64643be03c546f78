"""The report as one HTML page: nothing is loaded from a network, everything shown is escaped.

The page's own script is the only one that the browser will run: its hash stands in the page's
content security policy, so that no name or path can bring another one in.
"""

import base64
import hashlib
import re
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from reports.document.efficiency import HEADERS, TEXT_HEADERS
from reports.document.section_order import list_appendices, list_subsections
from reports.document.sections import Report
from reports.results import confusion_matrices
from reports.tables import result_text

SPACE_BEFORE_PERCENT = re.compile(
    r"(<(script|pre|code)\b.*?</\2>)|(?<=\d) (?=%)", re.DOTALL
)  # code is kept
RETRAINED_PROTOCOL = "retrained"  # the protocol of a record that says nothing else


def render_report(found: Report) -> str:
    """The whole page."""
    rooms = Environment(
        loader=PackageLoader("reports.formats"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = files("reports.formats").joinpath("templates/page.js").read_text(encoding="utf-8")
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = rooms.get_template("report.html").render(
        report=found,
        sources=list_sources(found),
        certain=any(one.results.bootstrap for one in found.sections),
        parts=list_subsections,
        ends=list(list_appendices(found.sections)),
        counted=result_text.format_count,
        retrained=_is_every_task_retrained(found),
        number=result_text.format_correlation,
        efficiency_heads=HEADERS,
        efficiency_texts=TEXT_HEADERS,
        confusions_note=confusion_matrices.NOTE_BY_KIND,
        script=Markup(script),  # this project's own file
        script_hash=Markup(f"sha256-{seal}"),
    )
    return SPACE_BEFORE_PERCENT.sub(lambda found: found[1] or "\N{NO-BREAK SPACE}", page) + "\n"


def list_sources(found: Report) -> list[str]:
    """The names of all sources of all tasks, once each, in the order of the task file."""
    names = (row.source_name for chapter in found.sections for row in chapter.results.sources)
    return list(dict.fromkeys(names))


def _is_every_task_retrained(found: Report) -> bool:
    """Whether every task with a model trains it on each source."""
    modelled = [one for one in found.sections if one.results.kind != "quality"]
    said = {one.protocol.common_facts.get("protocol", RETRAINED_PROTOCOL) for one in modelled}
    return said == {RETRAINED_PROTOCOL}
