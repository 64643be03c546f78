"""Paths with placeholders in braces, e.g. ``boxes-{source}.json``."""

from collections.abc import Mapping

from fusebench.errors import UserError


def fill_template(template: str, values: Mapping[str, str], where: str) -> str:
    """Replace each ``{name}`` by its value; ``{{`` and ``}}`` are literal braces.

    Args:
        template: E.g. ``boxes-{source}.json``.
        values: Placeholder name to value.
        where: What the template is, for the error message.

    Raises:
        UserError: If a placeholder is unknown or a brace has no partner.
    """
    try:
        return template.format_map(dict(values))
    except (LookupError, ValueError, AttributeError):
        *most, last = (f"{{{name}}}" for name in values)
        placeholders = f"{', '.join(most)} and {last}" if most else last
        raise UserError(
            f"{where} {template!r}: only {placeholders} can be filled in; write a brace that "
            "belongs to the name twice"
        ) from None
