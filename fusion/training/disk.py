"""What a training says when it cannot write: one line that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes ``path``.

    Raises:
        BenchError: If it cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as fault:  # RuntimeError: torch's word for a full disk
        raise BenchError(
            f"{path}: cannot be written ({fault}); make room, then the same command goes on "
            "from the last checkpoint"
        ) from None
