"""Failures of runs, kept in the store until the run succeeds, so that the report can show them.

The file is ``failed/<name of the record's folder>.json``. Ctrl-C does not count as a failure.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from fusebench.errors import UserError, escape_controls
from fusebench.experiments.planning.run import Run
from fusebench.runtime import printable
from fusebench.runtime.system_errors import is_disk_fault
from fusebench.storage import documents
from fusebench.storage.file_lock import LockHeldError
from fusebench.storage.records import StoredModel
from fusebench.storage.store import Store

STORE_KIND = "failed"
MAX_MESSAGE_LENGTH = 200  # characters of a message that are kept


class Failure(StoredModel):
    """The last failure of a run.

    Attributes:
        error_type: Name of the exception's class.
        message: First line of its message, at most `MAX_MESSAGE_LENGTH` characters; may be empty.
        utc_time: Time of the failure, ISO 8601.
        device: Device that the run was executed on.
        program: Module of the program, e.g. ``detection.run``.
    """

    error_type: str
    message: str
    utc_time: str
    device: str
    program: str

    @property
    def reason(self) -> str:
        """The message; preceded by the exception's type unless it is a `UserError`."""
        if self.error_type == UserError.__name__:
            return self.message
        return f"{self.error_type}: {self.message}" if self.message else self.error_type

    @property
    def context(self) -> str:
        """Time, program and device of the failure."""
        return f"{self.utc_time[:16].replace('T', ' ')} UTC, {self.program} on {self.device}"


@contextmanager
def record_failure(run: Run, store: Store, device: str, program: str) -> Iterator[None]:
    """Write the failure of a run executed in the block; delete an earlier one on success."""
    try:
        yield
    except LockHeldError:  # another process does the work
        raise
    except Exception as error:
        keep_failure(run, store, device, program, error)
        raise
    remove_failure(run, store)


def remove_failure(run: Run, store: Store) -> None:
    """Delete the failure of a run that has succeeded since."""
    with suppress(OSError):  # the failure of a finished run is not shown anyway
        _failure_path(run, store).unlink(missing_ok=True)


def keep_failure(run: Run, store: Store, device: str, program: str, error: Exception) -> None:
    """Write the failure of a run; if that is impossible, it is printed only."""
    failure = Failure(
        error_type=type(error).__name__,
        message=_shorten_message(str(error)),
        utc_time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        device=device,
        program=program,
    )
    try:
        _write_failure(_failure_path(run, store), failure)
    except OSError as write_error:  # it must not hide the failure itself
        if not is_disk_fault(error):  # else it is the same fault again
            file = _failure_path(run, store)
            printable.print_message(f"{file}: the failure could not be written ({write_error})")


def read_failure(run: Run, store: Store) -> Failure | None:
    """Read the last failure of a run; None if it did not fail or has succeeded since.

    Raises:
        UserError: If the file is damaged.
    """
    file = _failure_path(run, store)
    if not file.exists() or (run.get_record_folder(store) / "record.json").exists():
        return None
    return documents.read_document(file, Failure)


def _failure_path(run: Run, store: Store) -> Path:
    return store.root / STORE_KIND / f"{run.get_record_folder(store).name}.json"


def _write_failure(file: Path, failure: Failure) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    documents.write_document(file, failure)


def _shorten_message(message: str) -> str:
    """Return the printable first line of a message, cut to `MAX_MESSAGE_LENGTH`."""
    first_line = next(iter(message.strip().splitlines()), "")
    text = escape_controls(" ".join(first_line.split()))
    if len(text) <= MAX_MESSAGE_LENGTH:
        return text
    return f"{text[: MAX_MESSAGE_LENGTH - 1].rstrip()}…"
