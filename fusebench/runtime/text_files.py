"""Reading of text files and of the numbers in them."""

import math
import stat
from pathlib import Path

from fusebench.errors import UserError


def read_text(path: Path, max_bytes: int | None = None) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Args:
        path: The file; a folder, a pipe or a device is refused.
        max_bytes: Largest size of the file; None reads any size.

    Raises:
        UserError: If the file cannot be read, is larger or is not UTF-8.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path}: is no regular file, but a folder, a pipe or a device")
        if max_bytes is not None and status.st_size > max_bytes:
            raise UserError(
                f"{path}: has {status.st_size / 1e6:.1f} MB; expected a text file of at most "
                f"{max_bytes / 1e6:g} MB"
            )
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
