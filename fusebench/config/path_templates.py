"""Paths with placeholders in braces, e.g. ``boxes-{source}.json``."""

from collections.abc import Mapping
from string import Formatter

from fusebench.errors import UserError, format_value


def fill_template(template: str, values: Mapping[str, str], where: str) -> str:
    """Replace each ``{name}`` by its value; ``{{`` and ``}}`` are literal braces.

    Args:
        template: E.g. ``boxes-{source}.json``.
        values: Placeholder name to value.
        where: What the template is, for the error message.

    Raises:
        UserError: If a placeholder is unknown or has a format, or a brace has no partner.
    """
    try:
        parts = list(Formatter().parse(template))
        # A width such as {source:>999999999} would build a text of that length.
        if any(specification or conversion for _, _, specification, conversion in parts):
            raise ValueError("a format")
        return "".join(text + ("" if name is None else values[name]) for text, name, _, _ in parts)
    except (LookupError, ValueError):
        *most, last = (f"{{{name}}}" for name in values)
        placeholders = f"{', '.join(most)} and {last}" if most else last
        raise UserError(
            f"{where} {format_value(template)}: only {placeholders} can be filled in; write a "
            "brace that belongs to the name twice"
        ) from None
