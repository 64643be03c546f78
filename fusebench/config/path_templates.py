"""Paths with placeholders in braces, e.g. ``boxes-{source}.json``."""

from collections.abc import Mapping
from string import Formatter

from fusebench.errors import UserError, format_value


def fill_template(template: str, values: Mapping[str, str], where: str) -> str:
    """Replace each ``{name}`` by its value; ``{{`` and ``}}`` are literal braces.

    Only plain names are placeholders: attributes, conversions and format specifications are
    refused, because ``{name:>1000000000}`` would build a text that fills the memory.

    Args:
        template: E.g. ``boxes-{source}.json``.
        values: Placeholder name to value.
        where: What the template is, for the error message.

    Raises:
        UserError: If a placeholder is unknown or not plain, or a brace has no partner.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise UserError(_describe_error(template, values, where)) from None
    filled = []
    for literal, name, specification, conversion in parts:
        filled.append(literal)
        if name is None:
            continue
        if name not in values or specification or conversion:
            raise UserError(_describe_error(template, values, where))
        filled.append(values[name])
    return "".join(filled)


def _describe_error(template: str, values: Mapping[str, str], where: str) -> str:
    *most, last = (f"{{{name}}}" for name in values)
    placeholders = f"{', '.join(most)} and {last}" if most else last
    return (
        f"{where} {format_value(template)}: only {placeholders} can be filled in, without "
        "anything else between the braces; write a brace that belongs to the name twice"
    )
