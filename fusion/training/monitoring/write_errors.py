"""What a training says when it cannot write: one line that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusebench.errors import UserError


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """A block that writes ``path``.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as fault:  # RuntimeError: torch's word for a full disk
        raise UserError(
            f"{path}: cannot be written ({fault}); make room, then the same command goes on "
            "from the last checkpoint"
        ) from None
