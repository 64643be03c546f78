"""When a training writes its next checkpoint: seldom enough to take no time, often enough to help.

A checkpoint of a large network takes seconds to write, longer on a shared file system.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MIN_SECONDS = 30.0  # between two checkpoints: the most that a killed training loses, ...
WRITE_FACTOR = 20.0  # ... or this many times the duration of the last write, if that is longer


class CheckpointTimes:
    """The time of the next checkpoint, from the duration of the last one."""

    def __init__(self) -> None:
        self._due = time.monotonic() + MIN_SECONDS

    def is_due(self) -> bool:
        """Return whether it is time to write a checkpoint."""
        return time.monotonic() >= self._due

    @contextmanager
    def measure_write(self) -> Iterator[None]:
        """Measure the block, which writes a checkpoint; the next one is due after that."""
        start = time.monotonic()
        yield
        end = time.monotonic()
        self._due = end + max(MIN_SECONDS, WRITE_FACTOR * (end - start))
