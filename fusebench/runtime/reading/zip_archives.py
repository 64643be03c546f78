"""Zip archives (.npz, .pt): whatever is wrong with one is one kind of error."""

import errno
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

# What `zipfile` raises for a damaged archive, depending on where the damage is: an unknown version
# or compression is a NotImplementedError, an encrypted entry a RuntimeError, a negative position an
# OSError. Opening the file can raise an OSError too.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,  # NotImplementedError too
    ValueError,  # UnicodeDecodeError too
    OverflowError,
    LookupError,
    EOFError,
    OSError,
)


def list_entries(path: Path, *, check_content: bool = False) -> list[str]:
    """List the names of the entries of an archive.

    Args:
        path: The file.
        check_content: Whether the entries are read and compared with their checksums.

    Raises:
        zipfile.BadZipFile: If the archive is damaged.
        OSError: If the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            corrupted_entry = archive.testzip() if check_content else None
            names = archive.namelist()
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        raise zipfile.BadZipFile(f"{error.strerror or error}") from None
    except ZIP_ERRORS as error:
        raise zipfile.BadZipFile(f"{error}") from None
    if corrupted_entry is not None:
        raise zipfile.BadZipFile(f"wrong checksum of {corrupted_entry} in it")
    return names
