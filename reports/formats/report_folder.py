"""Folder of the report: written beside the old one, then swapped in.

If the process is killed, the folder has the old report, the new one, or none; the next run repairs
it. A folder with files that are not part of a report is an error and is not replaced.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime import atomic_write
from fusebench.runtime.reading.json_files import read_json
from fusebench.storage import file_lock, hashing

MANIFEST_FILE = "report.json"  # hash of the report's inputs, and of each of its files
SCORES_FILE = "tables/scores.csv"  # a header, then a line per score


def is_up_to_date(report: Path, inputs_hash: str) -> bool:
    """Return whether the report was made from the same inputs and none of its files changed."""
    manifest = _read_manifest(report)
    return manifest.get("inputs_hash") == inputs_hash and all(
        (report / name).is_file() and hashing.compute_file_sha256(report / name) == sha256
        for name, sha256 in manifest["files"].items()
    )


def has_scores(report: Path) -> bool:
    """Return whether there is a report with at least one score."""
    file = report / SCORES_FILE
    return file.is_file() and len(file.read_bytes().splitlines()) > 1


def replace_report(report: Path, inputs_hash: str, write: Callable[[Path], None]) -> None:
    """Write the report unless it is up to date; processes wait for each other.

    Args:
        report: Folder of the report.
        inputs_hash: Hash of everything that the report is made from.
        write: Writes the report into the empty folder that it is called with.

    Raises:
        UserError: If the folder has files that are not part of a report, or cannot be written.
    """
    report = report.resolve()
    _check_no_foreign_files(report)
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        lock_file = report.with_name(f".{report.name}.lock")
        lock_file.touch()
    except OSError as error:
        raise _build_write_error(report, error) from None
    with file_lock.hold_lock(lock_file, f"the report {report}"):
        if not is_up_to_date(report, inputs_hash):
            _write_and_swap(report, inputs_hash, write)


def _write_and_swap(report: Path, inputs_hash: str, write: Callable[[Path], None]) -> None:
    _check_no_foreign_files(report)
    new, old = (report.with_name(f".{report.name}.{suffix}") for suffix in ("new", "old"))
    try:
        for left_over in (new, old):  # of a killed run
            if left_over.exists():
                shutil.rmtree(left_over)
        new.mkdir()
    except OSError as error:
        raise _build_write_error(report, error) from None
    write(new)
    files = {name: hashing.compute_file_sha256(new / name) for name in sorted(_list_files(new))}
    manifest = {"inputs_hash": inputs_hash, "files": files}
    (new / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    atomic_write.sync_tree(new)
    if report.exists():
        report.rename(old)
    new.rename(report)
    atomic_write.sync_folder(report.parent)
    if old.exists():
        shutil.rmtree(old)


def _build_write_error(report: Path, error: OSError) -> UserError:
    return UserError(
        f"--to {report}: the report cannot be written there ({error.strerror}); name another folder"
    )


def _check_no_foreign_files(report: Path) -> None:
    if not report.exists():
        return
    if not report.is_dir():
        raise UserError(f"--to {report}: is a file, expected a folder; name another path")
    own_files = {*_read_manifest(report).get("files", ()), MANIFEST_FILE}
    foreign = next((name for name in _list_files(report) if name not in own_files), None)
    if foreign is not None:
        raise UserError(
            f"--to {report}: the folder contains {foreign}, which is not part of a report and "
            "would be deleted; move it away or name another folder"
        )


def _list_files(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _read_manifest(report: Path) -> dict[str, Any]:
    """Read the manifest; empty if there is no valid one."""
    try:
        manifest = read_json(report / MANIFEST_FILE)
    except UserError:
        return {}
    if not isinstance(manifest, dict):
        return {}
    files = manifest.get("files")
    if isinstance(files, list):  # of an earlier version, which had no checksums
        return manifest | {"files": dict.fromkeys(map(str, files))}
    return manifest if isinstance(files, dict) else {}
