"""The one exception that means "the user can fix this": wrong file, wrong name, missing input."""

from pydantic import ValidationError


class UserError(Exception):
    """A message for a person: where, what was found, what was expected, what to do next.

    A program prints it as it is and exits with 2. Any other exception is a bug in this project
    and keeps its traceback.
    """


class DatasetNotFoundError(UserError):  # noqa: N818 - named for what it says, like FileNotFound would be
    """The data set is not on this machine: other tasks can still be run.

    Attributes:
        fault: The message without what can be run instead.
    """

    def __init__(self, fault: str, instead: str = "") -> None:
        super().__init__(f"{fault}. Without it: {instead}" if instead else fault)
        self.message = fault


def format_validation_error(where: str, fault: ValidationError) -> str:
    """One line per fault: where it is, what is wrong, what was given."""
    return "\n".join(
        f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']} (given: {e['input']!r})"
        for e in fault.errors()
    )
