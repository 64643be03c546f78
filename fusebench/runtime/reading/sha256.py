"""SHA-256 of files of any size."""

import hashlib
from typing import BinaryIO

PIECE_BYTES = 1 << 20  # read at a time


def compute_sha256(file: BinaryIO) -> str:
    """Compute the SHA-256 of a file from its position to its end, as 64 hex digits.

    (`hashlib.file_digest` does the same, but not in Python 3.10.)
    """
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()
