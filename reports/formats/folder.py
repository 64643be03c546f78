"""The report's folder: written beside the old one and put in its place when it is complete.

Killed at any moment there is the old report, the new one, or none; the next run repairs that.
A folder that holds anything else than a report of this program is refused, not replaced.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import lock
from bench.errors import BenchError

STAMP = "report.json"  # what the report was made from, and which files are its own
SCORES = "tables/scores.csv"  # a head, then a line per score


def up_to_date(report: Path, spec: str) -> bool:
    """Whether the report there was made from the same things, and is whole."""
    stamp = _stamp(report)
    return stamp.get("spec") == spec and all((report / name).is_file() for name in stamp["files"])


def has_scores(report: Path) -> bool:
    """Whether there is a report that shows any result."""
    file = report / SCORES
    return file.is_file() and len(file.read_bytes().splitlines()) > 1


def replace(report: Path, spec: str, write: Callable[[Path], None]) -> None:
    """Make the report anew; one process at a time, and once if two want the same.

    Args:
        report: Where it is to be.
        spec: Digest of everything it is made from.
        write: Writes it into the empty folder it is given.

    Raises:
        BenchError: If something that this program did not write is in the folder, or nothing
            can be written beside it.
    """
    report = report.resolve()
    _check_own(report)
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        beside = report.with_name(f".{report.name}.lock")
        beside.touch()
    except OSError as fault:
        raise _refused(report, fault) from None
    with lock.held(beside, f"the report {report}"):
        if not up_to_date(report, spec):
            _replace(report, spec, write)


def _replace(report: Path, spec: str, write: Callable[[Path], None]) -> None:
    _check_own(report)
    new, old = (report.with_name(f".{report.name}.{word}") for word in ("new", "old"))
    try:
        for left_over in (new, old):
            if left_over.exists():
                shutil.rmtree(left_over)
        new.mkdir()
    except OSError as fault:
        raise _refused(report, fault) from None
    write(new)
    stamp = {"spec": spec, "files": sorted(_files(new))}
    (new / STAMP).write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    if report.exists():
        report.rename(old)
    new.rename(report)
    if old.exists():
        shutil.rmtree(old)


def _refused(report: Path, fault: OSError) -> BenchError:
    return BenchError(
        f"--to {report}: no report can be written there ({fault.strerror}); name another folder"
    )


def _check_own(report: Path) -> None:
    if not report.exists():
        return
    if not report.is_dir():
        raise BenchError(f"--to {report}: is a file; name a folder")
    own = {*_stamp(report).get("files", ()), STAMP}
    other = next((name for name in _files(report) if name not in own), None)
    if other is not None:
        raise BenchError(
            f"--to {report}: the folder holds {other}, which is no part of a report and would "
            "be lost; move it away or name another folder"
        )


def _files(folder: Path) -> Iterator[str]:
    return (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def _stamp(report: Path) -> dict[str, Any]:
    try:
        found = json.loads((report / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("files"), list) else {}
