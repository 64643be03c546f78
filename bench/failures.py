"""Why a cell failed: kept in the store, so that a report can say it, until the cell is finished.

``failed/<folder name of the cell's record>.json``. Ctrl-C is no failure and leaves none.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from bench.errors import BenchError
from bench.plan import Cell
from bench.records import Saved
from bench.store import Store

KIND = "failed"
LONGEST = 200  # characters of a message that are kept


class Failure(Saved):
    """Why, when and where a cell failed last.

    Attributes:
        error: Name of the exception's class.
        message: Its first line, at most `LONGEST` characters; empty if it says nothing.
        at: ISO 8601, UTC.
        program: What ran the cell, e.g. ``detection.run``.
    """

    error: str
    message: str
    at: str
    device: str
    program: str

    @property
    def reason(self) -> str:
        """What went wrong, for a reader: a `BenchError`'s message speaks for itself."""
        if self.error == BenchError.__name__:
            return self.message
        return f"{self.error}: {self.message}" if self.message else self.error

    @property
    def where(self) -> str:
        """When, by what and on what it happened."""
        return f"{self.at[:16].replace('T', ' ')} UTC, {self.program} on {self.device}"


@contextmanager
def kept(cell: Cell, store: Store, device: str, program: str) -> Iterator[None]:
    """Bring a cell up to date within the block: its failure is kept, its success ends that."""
    try:
        yield
    except Exception as fault:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        what = type(fault).__name__, _line(str(fault))
        failure = Failure(error=what[0], message=what[1], at=now, device=device, program=program)
        _write(_file(cell, store), failure)
        raise
    with suppress(OSError):  # a finished cell's reason is not shown anyway
        _file(cell, store).unlink(missing_ok=True)


def read(cell: Cell, store: Store) -> Failure | None:
    """Why an unfinished cell failed last; None if it has not, or is finished by now.

    Raises:
        BenchError: If the file is damaged.
    """
    file = _file(cell, store)
    if not file.exists() or (cell.place(store) / "record.json").exists():
        return None
    try:
        return Failure.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as fault:
        raise BenchError(f"{file}: is no reason of a failure ({fault}); delete it") from None


def _file(cell: Cell, store: Store) -> Path:
    return store.root / KIND / f"{cell.place(store).name}.json"


def _write(file: Path, failure: Failure) -> None:
    """Write all of the file or nothing; a full disk must not hide the failure itself."""
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(failure.model_dump_json(indent=2) + "\n", encoding="utf-8")
        half.replace(file)
    except OSError as fault:
        print(f"{file}: the reason could not be kept ({fault})", file=sys.stderr)  # noqa: T201
        with suppress(OSError):
            half.unlink(missing_ok=True)


def _line(message: str) -> str:
    """The first line of a message, without what cannot be printed, and not too long."""
    first = next(iter(message.strip().splitlines()), "")
    shown = "".join(sign if sign.isprintable() else "?" for sign in " ".join(first.split()))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1].rstrip()}…"
