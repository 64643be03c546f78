r"""Text that is printed: names and messages from elsewhere cannot control the terminal.

A file name, a class name or a library's message may contain escape sequences, which a terminal
executes: they recolor or clear it, or let a line look like another. Such characters are shown as
Python writes them, e.g. ``\x1b`` (see `fusebench.errors.escape_controls`).
"""

import argparse
import sys
import traceback
from typing import NoReturn, TextIO

from fusebench.errors import escape_controls, limit_lines

MAX_ERROR_LENGTH = 20_000  # characters of a printed error


class ArgumentParser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` whose errors quote what the user typed, but printable."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message to stderr and exit with status 2."""
        super().error(limit_lines(escape_controls(message)))


def print_text(text: str) -> None:
    """Print a result to stdout, at once."""
    _print(text, sys.stdout)


def print_message(text: str) -> None:
    """Print a message to stderr; a very long one is cut."""
    _print(limit_lines(text, MAX_ERROR_LENGTH), sys.stderr)


def print_traceback() -> None:
    """Print the traceback of the exception that is being handled to stderr."""
    _print(traceback.format_exc().rstrip("\n"), sys.stderr)


def _print(text: str, stream: TextIO | None) -> None:
    print(escape_controls(text), file=stream, flush=True)
