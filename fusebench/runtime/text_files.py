"""Reading of text files and of the numbers in them."""

import math
import reprlib
import stat
from pathlib import Path

from fusebench.errors import UserError

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 100


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Raises:
        UserError: If the file cannot be read or is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def read_bytes(path: Path) -> bytes:
    """Read a regular file; a pipe or a device could block or never end.

    Raises:
        UserError: If the file cannot be read or is no regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            raise UserError(f"{path}: is {kind}, expected a file")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def parse_float(text: str) -> float:
    """Convert text to a float; NaN if it is not a number.

    Digits are ASCII. Python's own forms, such as ``1_000`` or full-width digits, are no numbers in
    the files of other programs.
    """
    if "_" in text or not text.isascii():
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def abbreviate(value: object) -> str:
    """Return the representation of a value, shortened if it is long or deep, for messages."""
    return _REPR.repr(value)


def shorten(text: str) -> str:
    """Return a text as `abbreviate` does, without quotes."""
    return abbreviate(text)[1:-1]
