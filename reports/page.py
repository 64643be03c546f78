"""The report as one HTML page: no network, no scripts; everything shown is escaped."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from reports.chapters import Report


def html(found: Report) -> str:
    """The whole page."""
    rooms = Environment(
        loader=PackageLoader("reports"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return rooms.get_template("report.html").render(report=found) + "\n"
