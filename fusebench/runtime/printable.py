r"""Text that is printed: names and messages from elsewhere cannot control the terminal.

A file name, a class name or a library's message may contain escape sequences, which a terminal
executes: they recolor or clear it, or let a line look like another. `escape_controls` shows such
characters as Python writes them, e.g. ``\x1b``.
"""

import sys
import traceback
from typing import TextIO

from fusebench.errors import limit_lines

MAX_ERROR_LENGTH = 20_000  # characters of a printed error


def escape_controls(text: str, keep: str = "\n\t") -> str:
    r"""Replace characters that control a terminal or cannot be seen by their escape sequences.

    These are control characters, marks of direction (bidi), zero-width characters, line separators
    and surrogates: everything that `str.isprintable` rejects.

    Args:
        text: Any text.
        keep: Characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


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
