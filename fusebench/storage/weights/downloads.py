"""Downloaded weights: one process downloads, and their SHA-256 is compared at every use.

``<name>.sha256`` is written when the download is complete, in the format of ``sha256sum``.
"""

from collections.abc import Callable
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime import atomic_write
from fusebench.runtime.reading.text_files import read_text
from fusebench.storage import file_lock, hashing

HASH_SUFFIX = ".sha256"
MAX_HASH_BYTES = 1_000  # of the file with the hash
AGAIN = "delete it, and the same command downloads it again"


def get_or_download(
    path: Path, download: Callable[[Path], None], published_start: str = ""
) -> Path:
    """Return the path of a download that is complete and unchanged; download it if it is missing.

    Processes that need the same file at the same time, on any machine, wait for the first.

    Args:
        path: The file.
        download: Writes the complete file to the given path, or raises; then nothing is kept.
        published_start: Start of the SHA-256 as published; empty if it is not known.

    Raises:
        UserError: If the file was changed, or what ``download`` raises.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock.hold_lock(path.with_name(f".{path.name}.lock"), path.name):
            if not path.is_file():
                with atomic_write.replace_atomically(path) as temporary:
                    download(temporary)
                record_hash(path)
    return check_download(path, published_start)


def record_hash(path: Path) -> None:
    """Write the SHA-256 of a complete download beside it; both are on the disk afterwards."""
    atomic_write.sync_file(path)
    line = f"{hashing.compute_file_sha256(path)}  {path.name}\n"
    atomic_write.write_text_atomically(_get_hash_file(path), line)


def check_download(path: Path, published_start: str = "") -> Path:
    """Check that a download is what was downloaded; return its path.

    A file that has no hash yet, of an earlier version, gets one: it is taken as it is.

    Args:
        path: The file.
        published_start: Start of the SHA-256 as published; empty if it is not known.

    Raises:
        UserError: If it was changed.
    """
    sha256, hash_file = hashing.compute_file_sha256(path), _get_hash_file(path)
    if not sha256.startswith(published_start):
        raise UserError(
            f"{path}: damaged: its SHA-256 starts with {sha256[: len(published_start)]}, that of "
            f"the published file with {published_start}; {AGAIN}"
        )
    if not hash_file.is_file():
        record_hash(path)
    elif read_text(hash_file, MAX_HASH_BYTES).split()[:1] != [sha256]:
        raise UserError(
            f"{path}: damaged: changed since it was downloaded (its SHA-256 is not the one in "
            f"{hash_file.name}); delete both, and the same command downloads it again"
        )
    return path


def _get_hash_file(path: Path) -> Path:
    return path.with_name(f"{path.name}{HASH_SUFFIX}")
