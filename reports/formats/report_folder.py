"""The report's folder: written beside the old one and put in its place when it is complete.

Killed at any moment there is the old report, the new one, or none; the next run repairs that.
A folder that holds anything else than a report of this program is refused, not replaced.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.storage import file_lock

MANIFEST_FILE = "report.json"  # what the report was made from, and which files are its own
SCORES_FILE = "tables/scores.csv"  # a head, then a line per score


def is_up_to_date(report: Path, spec: str) -> bool:
    """Whether the report there was made from the same things, and is whole."""
    stamp = _read_manifest(report)
    return stamp.get("spec") == spec and all((report / name).is_file() for name in stamp["files"])


def has_scores(report: Path) -> bool:
    """Whether there is a report that shows any result."""
    file = report / SCORES_FILE
    return file.is_file() and len(file.read_bytes().splitlines()) > 1


def replace_report(report: Path, spec: str, write: Callable[[Path], None]) -> None:
    """Make the report anew; one process at a time, and once if two want the same.

    Args:
        report: Where it is to be.
        spec: Digest of everything it is made from.
        write: Writes it into the empty folder it is given.

    Raises:
        UserError: If something that this program did not write is in the folder, or nothing
            can be written beside it.
    """
    report = report.resolve()
    _check_no_foreign_files(report)
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        beside = report.with_name(f".{report.name}.lock")
        beside.touch()
    except OSError as fault:
        raise _build_write_error(report, fault) from None
    with file_lock.hold_lock(beside, f"the report {report}"):
        if not is_up_to_date(report, spec):
            _write_and_swap(report, spec, write)


def _write_and_swap(report: Path, spec: str, write: Callable[[Path], None]) -> None:
    _check_no_foreign_files(report)
    new, old = (report.with_name(f".{report.name}.{word}") for word in ("new", "old"))
    try:
        for left_over in (new, old):
            if left_over.exists():
                shutil.rmtree(left_over)
        new.mkdir()
    except OSError as fault:
        raise _build_write_error(report, fault) from None
    write(new)
    stamp = {"spec": spec, "files": sorted(_list_files(new))}
    (new / MANIFEST_FILE).write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    if report.exists():
        report.rename(old)
    new.rename(report)
    if old.exists():
        shutil.rmtree(old)


def _build_write_error(report: Path, fault: OSError) -> UserError:
    return UserError(
        f"--to {report}: no report can be written there ({fault.strerror}); name another folder"
    )


def _check_no_foreign_files(report: Path) -> None:
    if not report.exists():
        return
    if not report.is_dir():
        raise UserError(f"--to {report}: is a file; name a folder")
    own = {*_read_manifest(report).get("files", ()), MANIFEST_FILE}
    other = next((name for name in _list_files(report) if name not in own), None)
    if other is not None:
        raise UserError(
            f"--to {report}: the folder holds {other}, which is no part of a report and would "
            "be lost; move it away or name another folder"
        )


def _list_files(folder: Path) -> Iterator[str]:
    return (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def _read_manifest(report: Path) -> dict[str, Any]:
    try:
        found = json.loads((report / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("files"), list) else {}
