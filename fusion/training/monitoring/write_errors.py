"""Error message for a log or checkpoint that cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusebench.errors import UserError


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Turn errors of a block that writes ``path`` into one line that names the file.

    Raises:
        UserError: If the file cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError on a full disk
        raise UserError(
            f"{path}: cannot be written ({error}); make room, then run the same command again: "
            "it resumes from the last checkpoint"
        ) from None
