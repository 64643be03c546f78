"""Links to a view of the viewer; `reports.viewer` describes the format."""

from collections.abc import Sequence
from urllib.parse import quote

PAGE = "viewer.html"  # relative to the report


def build_gallery_link(task: str, **choices: str) -> str:
    """Build the link to the gallery of a task.

    Args:
        task: Name of the task.
        choices: Further values, e.g. ``show="gained"``, ``sort="gain"``, ``candidate="dmfuse"``.

    Returns:
        An address relative to the report's folder; escape it as an HTML attribute.
    """
    return _build_link({"task": quote(task, safe="")}, choices)


def build_pair_link(task: str, key: str, sources: Sequence[str] = (), **choices: str) -> str:
    """Build the link to a pair.

    Args:
        task: Name of the task.
        key: Key of the pair.
        sources: Names of the sources to show, first one first.
        choices: Further values, e.g. ``view="curtain"``.

    Returns:
        An address relative to the report's folder; escape it as an HTML attribute.
    """
    values = {"task": quote(task, safe=""), "image": quote(key, safe="")}
    if sources:
        values["sources"] = ",".join(quote(name, safe="") for name in sources)
    return _build_link(values, choices)


def _build_link(encoded: dict[str, str], choices: dict[str, str]) -> str:
    values = encoded | {name: quote(value, safe="") for name, value in choices.items()}
    return f"{PAGE}#" + "&".join(f"{name}={value}" for name, value in values.items())
