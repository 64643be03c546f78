"""Progress a person can watch and a log can keep."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LOG_INTERVAL_SECONDS = (
    30.0  # seconds between two lines in a log; a terminal is rewritten ten times a second
)


def track_progress(items: Sequence[T], title: str) -> Iterator[T]:
    """Yield the items; say on stderr how far along we are. Nothing is said about no items."""
    every = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_SECONDS
    yield from tqdm(items, desc=title, mininterval=every, disable=not items, file=sys.stderr)
