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

from reports.contents.chapters import Report
from reports.contents.efficiency import HEADS, TEXTS
from reports.contents.order import ends, parts
from reports.records import confusions
from reports.scores import wording

BREAK = re.compile(r"(<(script|pre|code)\b.*?</\2>)|(?<=\d) (?=%)", re.DOTALL)  # code is kept
RETRAINED = "retrained"  # the protocol of a record that says nothing else


def html(found: Report) -> str:
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
        sources=sources(found),
        certain=any(one.results.evidence for one in found.chapters),
        parts=parts,
        ends=list(ends(found.chapters)),
        counted=wording.counted,
        retrained=_retrained(found),
        number=wording.correlation,
        efficiency_heads=HEADS,
        efficiency_texts=TEXTS,
        confusions_note=confusions.NOTES,
        script=Markup(script),  # this project's own file
        script_hash=Markup(f"sha256-{seal}"),
    )
    return BREAK.sub(lambda found: found[1] or "\N{NO-BREAK SPACE}", page) + "\n"


def sources(found: Report) -> list[str]:
    """The names of all sources of all tasks, once each, in the order of the task file."""
    names = (row.source for chapter in found.chapters for row in chapter.results.rows)
    return list(dict.fromkeys(names))


def _retrained(found: Report) -> bool:
    """Whether every task with a model trains it on each source."""
    modelled = [one for one in found.chapters if one.results.kind != "quality"]
    said = {one.protocol.common.get("protocol", RETRAINED) for one in modelled}
    return said == {RETRAINED}
