"""Reading of text files and of the numbers in them."""

import math
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime.regular_file import require_regular_file


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Raises:
        UserError: If the file cannot be read, is no regular file or is not UTF-8.
    """
    try:
        require_regular_file(path)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def parse_float(text: str) -> float:
    """Convert text to a float; NaN if it is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
