"""Errors that the user can fix: a wrong file, a wrong name, a missing input."""

import re

from pydantic import ValidationError

# Control characters but the line feed, line separators, and marks that reorder text on a screen.
_UNPRINTABLE = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class UserError(Exception):
    """Error with a message for the user: where, what was found, what was expected, what to do.

    A program prints the message and exits with status 2. Every other exception is a bug in this
    project and keeps its traceback. Messages quote names and values of files: control characters
    in them, which a terminal would obey, are escaped.
    """

    def __str__(self) -> str:
        """Return the message without control characters and undecodable bytes."""
        return escape_unprintable(super().__str__())


class DatasetNotFoundError(UserError):
    """The data set is not on this machine; other tasks can still run.

    Attributes:
        message: The message without the alternative.
    """

    def __init__(self, message: str, alternative: str = "") -> None:
        super().__init__(f"{message}. Without it: {alternative}" if alternative else message)
        self.message = message


def format_validation_error(where: str, error: ValidationError) -> str:
    """Format a pydantic error, one line per fault: location, what is wrong, given value."""
    return "\n".join(
        f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']} (given: {e['input']!r})"
        for e in error.errors()
    )


def escape_unprintable(text: str) -> str:
    r"""Escape what must not reach a terminal or a UTF-8 file; line feeds stay.

    Undecodable bytes of a file name (surrogates in Python's text) become ``\xba``, an escape
    character ``\x1b``.
    """
    if not text.isascii():
        data = text.encode("utf-8", "surrogateescape" if _is_from_bytes(text) else "replace")
        text = data.decode("utf-8", "backslashreplace")
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def _is_from_bytes(text: str) -> bool:
    """Return whether every surrogate stands for a byte that is not UTF-8 (PEP 383)."""
    return all(not "\ud800" <= sign <= "\udfff" or "\udc80" <= sign <= "\udcff" for sign in text)
