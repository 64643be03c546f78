"""Names of files and folders in which a word in braces stands for what differs."""

from collections.abc import Mapping

from fusebench.errors import UserError


def fill_template(text: str, known: Mapping[str, str], where: str) -> str:
    """The text with the words for their names in braces.

    Args:
        text: E.g. ``boxes-{source}.json``.
        known: What may stand in braces, and what it is here.
        where: What the text is, for the message.

    Raises:
        UserError: If something else stands in braces, or a brace has no partner.
    """
    try:
        return text.format_map(dict(known))
    except (LookupError, ValueError, AttributeError):
        *most, last = (f"{{{name}}}" for name in known)
        said = f"{', '.join(most)} and {last}" if most else last
        raise UserError(
            f"{where} {text!r}: only {said} can be filled in; write a brace of the name itself "
            "twice"
        ) from None
