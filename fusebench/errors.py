"""Errors that the user can fix: a wrong file, a wrong name, a missing input."""

import reprlib

from pydantic import ValidationError

MAX_MESSAGE_LENGTH = 2000  # characters of a message about the content of a file
MAX_PART_LENGTH = 300  # characters of a value, a location or a reason in a message
QUOTES_HINT = "; a name such as yes, null or 1 has to be in quotes"
MAX_INTEGER_BITS = 256  # a longer integer is described: Python refuses to print very long ones


class UserError(Exception):
    """Error with a message for the user: where, what was found, what was expected, what to do.

    A program prints the message and exits with status 2. Every other exception is a bug in this
    project and keeps its traceback. Messages quote names and values of files: control characters
    in them, which a terminal would obey, are escaped.
    """

    def __str__(self) -> str:
        """Return the message without control characters and undecodable bytes."""
        return escape_controls(super().__str__())


class NotEnoughMemoryError(UserError):
    """A computation does not fit into memory; a smaller part of it may."""


class DatasetNotFoundError(UserError):
    """The data set is not on this machine; other tasks can still run.

    Attributes:
        message: The message without the alternative.
        summary: Its first sentence.
    """

    def __init__(self, message: str, alternative: str = "") -> None:
        super().__init__(f"{message}. Without it: {alternative}" if alternative else message)
        self.message = message
        self.summary = message.partition(". ")[0]


class PluginError(Exception):
    """Exception within a plug-in, with the input that caused it; a bug, so it has a traceback."""


class _ShortRepr(reprlib.Repr):
    """``repr`` of bounded length: long texts and collections are cut."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = MAX_PART_LENGTH
        self.maxlevel = 4

    def repr_int(self, x: int, level: int) -> str:
        """Describe an integer that is too long to be printed."""
        bits = x.bit_length()
        return (
            f"<integer of {bits} bits>" if bits > MAX_INTEGER_BITS else super().repr_int(x, level)
        )


def format_value(value: object) -> str:
    """Format a given value for a message, at most `MAX_PART_LENGTH` characters."""
    return shorten(_ShortRepr().repr(value), MAX_PART_LENGTH)


def shorten(text: str, length: int = MAX_PART_LENGTH) -> str:
    """Cut a text in the middle to at most ``length`` characters."""
    if len(text) <= length:
        return text
    end = (length - 5) // 3
    return f"{text[: length - 5 - end]} ... {text[len(text) - end :]}"


def limit_lines(text: str, length: int = MAX_MESSAGE_LENGTH) -> str:
    """Limit a message of several lines to ``length`` characters; says how many lines are left out.

    A single line that is longer is cut in the middle.
    """
    if len(text) <= length:
        return text
    first, *others = text.splitlines()
    lines = [shorten(first, length - 100)]
    for line in others:
        if sum(map(len, lines)) + len(lines) + len(line) > length - 100:
            break
        lines.append(line)
    omitted = 1 + len(others) - len(lines)
    return "\n".join([*lines, f"... and {omitted} more"] if omitted else lines)


def format_validation_error(where: str, error: ValidationError) -> str:
    """Format a pydantic error, one line per fault: location, what is wrong, given value.

    Long values are cut, and a message of many faults lists the first ones.
    """
    lines = []
    for fault in error.errors():
        location = shorten(".".join(map(str, fault["loc"])), MAX_PART_LENGTH)
        reason = shorten(fault["msg"].removeprefix("Value error, "), MAX_PART_LENGTH)
        hint = QUOTES_HINT if fault["loc"][-1:] == ("[key]",) else ""
        # A check of a whole section names the values that do not fit together.
        is_section = fault["type"] == "value_error" and isinstance(fault["input"], dict)
        given = "" if is_section else f" (given: {format_value(fault['input'])})"
        lines.append(f"{where}: {location}: {reason}{given}{hint}")
    return limit_lines("\n".join(lines))


def escape_controls(text: str, keep: str = "\n\t") -> str:
    r"""Escape characters that control a terminal or cannot be seen, as Python writes them.

    These are control characters (``\x1b``), marks of direction, zero-width characters, line
    separators and surrogates: everything that `str.isprintable` rejects. Bytes of a file name that
    are not UTF-8 (PEP 383) are shown as bytes, e.g. ``\xba``.

    Args:
        text: Any text.
        keep: Characters that stay.
    """
    if text.isprintable():
        return text
    if any("\udc80" <= sign <= "\udcff" for sign in text) and _is_from_bytes(text):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        sign
        if sign.isprintable() or sign in keep
        else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def _is_from_bytes(text: str) -> bool:
    """Return whether every surrogate stands for a byte that is not UTF-8 (PEP 383)."""
    return all(not "\ud800" <= sign <= "\udfff" or "\udc80" <= sign <= "\udcff" for sign in text)
