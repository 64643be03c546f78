"""Damage to stored files as a disk does it: unnoticed by size and time of modification."""

import os
from pathlib import Path

from fusebench.storage import hashing, manifest


def flip_bit(path: Path, position: float = 0.5, *, bit: int = 1) -> None:
    """Flip one bit of a file; its time of modification stays. Caches of this process are cleared.

    Args:
        path: The file.
        position: Place of the byte, 0 (first) to 1 (last).
        bit: Value that the byte is combined with by XOR.
    """
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[min(int(position * len(content)), len(content) - 1)] ^= bit
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    forget_checks()


def forget_checks() -> None:
    """Forget which files this process has hashed, as a new process would."""
    hashing._compute_cached_sha256.cache_clear()
    manifest._read_cached.cache_clear()
