"""Progress bars for a terminal and for a log."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

from fusebench.errors import escape_controls

T = TypeVar("T")

LOG_INTERVAL_SECONDS = 30.0  # between two lines of a log
TERMINAL_INTERVAL_SECONDS = 0.1  # between two updates in a terminal


def track_progress(items: Sequence[T], title: str) -> Iterator[T]:
    """Yield the items and show the progress on stderr; nothing is shown if there are no items."""
    seconds = TERMINAL_INTERVAL_SECONDS if sys.stderr.isatty() else LOG_INTERVAL_SECONDS
    title = escape_controls(title, "")
    yield from tqdm(items, desc=title, mininterval=seconds, disable=not items, file=sys.stderr)
