"""Completeness of single files by their format: what a power cut or a kill has left half written.

A format with checksums (PNG, ZIP: .npz and .pt) shows a changed byte too. Others show whether the
end is missing. Files of a finished folder have a manifest, which shows every change.
"""

import json
import zipfile
import zlib
from pathlib import Path
from xml.etree.ElementTree import ParseError

from fusebench.data import images
from fusebench.runtime.file_names import TEMPORARY_FILE

CHECKPOINTS = (".pt",)
PARSE_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # of `zipfile`: an unknown version, an encrypted file; of `json`: nested deeply
    LookupError,  # the next three: a header of another structure
    TypeError,
    AttributeError,
)


def find_fault(path: Path) -> str | None:
    """Return what is wrong with a file; None if it is complete or its format is not known.

    Known formats: PNG, JSON, XML, CSV, NumPy archives, checkpoints and safetensors.

    Raises:
        PermissionError: If the file may not be read.
    """
    suffix = path.suffix
    if suffix not in (".png", ".json", ".xml", ".csv", ".npz", ".pt", ".safetensors"):
        return None
    try:
        if path.stat().st_size == 0:
            return "empty"
        is_complete = _is_complete(path, suffix)
    except PermissionError:
        raise
    except PARSE_ERRORS:
        is_complete = False
    return None if is_complete else "incomplete or changed"


def _is_complete(path: Path, suffix: str) -> bool:
    if suffix == ".png":
        return images.is_intact_png(path)
    if suffix in (".npz", ".pt"):
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    if suffix == ".safetensors":
        return _is_complete_safetensors(path)
    content = path.read_bytes()
    if suffix == ".csv":
        return b"\0" not in content  # some file systems fill with zeros what was not written
    if suffix == ".json":
        json.loads(content)
    if suffix == ".xml":
        from defusedxml import ElementTree

        ElementTree.fromstring(content)
    return True


def _is_complete_safetensors(path: Path) -> bool:
    """Return whether the file has the length that its header states."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = path.stat().st_size
        if length > size - 8:
            return False
        tensors = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    return bool(size == 8 + length + max(ends, default=0))


def remove_incomplete_files(folder: Path) -> list[Path]:
    """Delete what a power cut or a kill has left of files in an unfinished folder.

    These are temporary files, empty files, and files that are incomplete by their format. What is
    deleted is made again when the folder is resumed. Checkpoints are kept: they are flushed before
    they count, and deleting one means that a training starts over.

    Args:
        folder: The folder. Links in it are not followed.

    Returns:
        The deleted files, without temporary ones.
    """
    damaged = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if TEMPORARY_FILE.fullmatch(path.name):
            path.unlink()
        elif path.suffix not in CHECKPOINTS and find_fault(path):
            path.unlink()
            damaged.append(path)
    return damaged
