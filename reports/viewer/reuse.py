"""Reuse of pictures of the previous report whose source images have not changed.

Encoding takes most of the viewer's time, and a report is written again after every run. An image
counts as the same if its file has the same path, size and times; a picture, if its SHA-256 is the
one that was written.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime.reading.json_files import read_json
from fusebench.storage import hashing
from reports.viewer import pictures

INDEX_FILE = f"{pictures.FOLDER}/pictures.json"  # file to fingerprint of its image, and SHA-256


def copy_unchanged(files: Mapping[str, Path], previous: Path, report: Path) -> set[str]:
    """Copy the pictures whose images are unchanged from the report before.

    Args:
        files: Picture, relative to the report, to the image that it shows.
        previous: Folder of the report before; need not exist.
        report: Folder of the report.

    Returns:
        The pictures that were copied.
    """
    index = _read_index(previous / INDEX_FILE)
    copied = set()
    for name, path in files.items():
        picture = previous / name
        if name not in index or index[name] != _describe(path, picture):
            continue
        (report / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, report / name)
        copied.add(name)
    return copied


def write_index(files: Mapping[str, Path], report: Path) -> None:
    """Write what `copy_unchanged` compares, for the pictures that exist."""
    index = {
        name: _describe(path, report / name)
        for name, path in files.items()
        if (report / name).is_file()
    }
    file = report / INDEX_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(index, indent=0), encoding="utf-8")


def _describe(image: Path, picture: Path) -> list[str]:
    """Compute the fingerprint of an image and the SHA-256 of its picture; empty if one is gone."""
    try:
        status = image.stat()
        content = {
            "path": str(image.absolute()),
            "size": status.st_size,
            "times": [status.st_mtime_ns, status.st_ctime_ns],
            "encoding": [pictures.QUALITY, pictures.EFFORT],
        }
        return [hashing.content_hash(content), hashing.compute_file_sha256(picture)]
    except (OSError, UserError):
        return []


def _read_index(file: Path) -> dict[str, list[str]]:
    """Read the index of a report; empty if there is no valid one."""
    try:
        index = read_json(file)
    except UserError:
        return {}
    return index if isinstance(index, dict) else {}
