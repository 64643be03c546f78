"""Progress bars for a terminal and for a log."""

import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn, TypeVar

from tqdm import tqdm

from fusebench.errors import escape_controls

T = TypeVar("T")

LOG_INTERVAL_SECONDS = 30.0  # between two lines of a log
TERMINAL_INTERVAL_SECONDS = 0.1  # between two updates in a terminal


def track_progress(items: Sequence[T], title: str) -> Iterator[T]:
    """Yield the items and show the progress on stderr; nothing is shown if there are no items."""
    seconds = _get_interval_seconds()
    title = escape_controls(title, "")
    yield from tqdm(items, desc=title, mininterval=seconds, disable=not items, file=sys.stderr)


def open_bar(count: int) -> "tqdm[NoReturn]":
    """Open a progress bar on stderr that its user advances; it ends with the ``with`` block.

    ``update(0)`` shows the elapsed time again, at most as often as the stream allows.
    """
    return tqdm(total=count, mininterval=_get_interval_seconds(), miniters=0, file=sys.stderr)


def _get_interval_seconds() -> float:
    return TERMINAL_INTERVAL_SECONDS if sys.stderr.isatty() else LOG_INTERVAL_SECONDS
