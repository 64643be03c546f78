"""Reading of text files and of the numbers in them."""

import math
import os
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import open_regular_file


def read_text(path: Path | str, max_bytes: int | None = None) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Args:
        path: The file; a folder, a pipe or a device is refused.
        max_bytes: Largest size of the file; None reads any size.

    Raises:
        UserError: If the file cannot be read, is larger, is no regular file or is not UTF-8.
    """
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def read_bytes(path: Path | str, max_bytes: int | None = None) -> bytes:
    """Read a regular file; a pipe or a device could block or never end.

    Raises:
        UserError: If the file cannot be read, is larger or is no regular file.
    """
    try:
        with open_regular_file(path) as file:
            size = 0 if max_bytes is None else os.fstat(file.fileno()).st_size
            if max_bytes is not None and size > max_bytes:
                raise UserError(
                    f"{path}: has {size / 1e6:.1f} MB; expected at most {max_bytes / 1e6:g} MB"
                )
            return file.read()
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
