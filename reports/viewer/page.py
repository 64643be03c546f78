"""The page of the viewer as one HTML file: style, script and data are in it.

The content security policy contains the hashes of the style and the script, and the browser runs no
other. The data is JSON without a character that HTML could read as markup.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from fusebench.runtime.html.templates import compute_policy_hash, load_environment

# in this order: each uses names of those before it
SCRIPTS = (
    *("data.js", "counts.js", "view.js", "boxes.js", "viewport.js", "gestures.js"),
    *("panel.js", "gallery.js", "main.js"),
)


def render_page(data: Mapping[str, Any], note: str) -> str:
    """Render the page.

    Args:
        data: See `page_data.build_page_data`.
        note: Which pairs are left out; empty if all are there.
    """
    templates = load_environment("reports.viewer")
    script, style = build_script(), _read_template("viewer.css")
    return templates.get_template("viewer.html").render(
        script=Markup(script),  # this project's own files
        style=Markup(style),
        script_hash=Markup(compute_policy_hash(script)),
        style_hash=Markup(compute_policy_hash(style)),
        data=htmlsafe_json_dumps(data, separators=(",", ":")),
        note=note,
    )


def build_script() -> str:
    """Join the files of the script to one function, so that it defines no global name."""
    parts = "\n".join(_read_template(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _read_template(name: str) -> str:
    return files("reports.viewer").joinpath(f"templates/{name}").read_text(encoding="utf-8")
