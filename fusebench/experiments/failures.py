"""Why a cell failed: kept in the store, so that a report can say it, until the cell is finished.

``failed/<folder name of the cell's record>.json``. Ctrl-C is no failure and leaves none.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from fusebench.errors import UserError
from fusebench.experiments.plan import Run
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.storage.records import StoredModel
from fusebench.storage.store import Store

STORE_KIND = "failed"
MAX_MESSAGE_LENGTH = 200  # characters of a message that are kept


class Failure(StoredModel):
    """Why, when and where a cell failed last.

    Attributes:
        error: Name of the exception's class.
        message: Its first line, at most `MAX_MESSAGE_LENGTH` characters; empty if it says nothing.
        at: ISO 8601, UTC.
        program: What ran the cell, e.g. ``detection.run``.
    """

    error_type: str
    message: str
    utc_time: str
    device: str
    program: str

    @property
    def reason(self) -> str:
        """What went wrong, for a reader: a `UserError`'s message speaks for itself."""
        if self.error_type == UserError.__name__:
            return self.message
        return f"{self.error_type}: {self.message}" if self.message else self.error_type

    @property
    def context(self) -> str:
        """When, by what and on what it happened."""
        return f"{self.utc_time[:16].replace('T', ' ')} UTC, {self.program} on {self.device}"


@contextmanager
def record_failure(cell: Run, store: Store, device: str, program: str) -> Iterator[None]:
    """Bring a cell up to date within the block: its failure is kept, its success ends that."""
    try:
        yield
    except Exception as fault:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        what = type(fault).__name__, _shorten_message(str(fault))
        failure = Failure(
            error_type=what[0], message=what[1], utc_time=now, device=device, program=program
        )
        _write_failure(_failure_path(cell, store), failure)
        raise
    with suppress(OSError):  # a finished cell's reason is not shown anyway
        _failure_path(cell, store).unlink(missing_ok=True)


def read_failure(cell: Run, store: Store) -> Failure | None:
    """Why an unfinished cell failed last; None if it has not, or is finished by now.

    Raises:
        UserError: If the file is damaged.
    """
    file = _failure_path(cell, store)
    if not file.exists() or (cell.get_record_folder(store) / "record.json").exists():
        return None
    try:
        return Failure.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as fault:
        raise UserError(f"{file}: is no reason of a failure ({fault}); delete it") from None


def _failure_path(cell: Run, store: Store) -> Path:
    return store.root / STORE_KIND / f"{cell.get_record_folder(store).name}.json"


def _write_failure(file: Path, failure: Failure) -> None:
    """Write all of the file or nothing; a full disk must not hide the failure itself."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replace_atomically(file) as temporary:
            temporary.write_text(failure.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as fault:
        print(f"{file}: the reason could not be kept ({fault})", file=sys.stderr)  # noqa: T201


def _shorten_message(message: str) -> str:
    """The first line of a message, without what cannot be printed, and not too long."""
    first = next(iter(message.strip().splitlines()), "")
    shown = "".join(sign if sign.isprintable() else "?" for sign in " ".join(first.split()))
    return (
        shown
        if len(shown) <= MAX_MESSAGE_LENGTH
        else f"{shown[: MAX_MESSAGE_LENGTH - 1].rstrip()}…"
    )
