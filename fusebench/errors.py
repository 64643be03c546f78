"""Errors that the user can fix: a wrong file, a wrong name, a missing input."""

from pydantic import ValidationError


class UserError(Exception):
    """Error with a message for the user: where, what was found, what was expected, what to do.

    A program prints the message and exits with status 2. Every other exception is a bug in this
    project and keeps its traceback.
    """


class DatasetNotFoundError(UserError):
    """The data set is not on this machine; other tasks can still run.

    Attributes:
        message: The message without the alternative.
    """

    def __init__(self, message: str, alternative: str = "") -> None:
        super().__init__(f"{message}. Without it: {alternative}" if alternative else message)
        self.message = message


class PluginError(Exception):
    """Exception within a plug-in, with the input that caused it; a bug, so it has a traceback."""


def format_validation_error(where: str, error: ValidationError) -> str:
    """Format a pydantic error, one line per fault: location, what is wrong, given value."""
    return "\n".join(
        f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']} (given: {e['input']!r})"
        for e in error.errors()
    )
