"""Garbage collection around steps that build very many objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collection() -> Iterator[None]:
    """Look for no circular garbage in the block: it would visit all objects again and again.

    For steps that build hundreds of thousands of objects without circles. Objects outside circles
    are freed as always.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
