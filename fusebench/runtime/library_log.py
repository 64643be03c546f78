"""Redirection of library output to a log file: a library's logger, warnings and prints."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO


@contextmanager
def redirect_library_output(path: Path, get_logger: Callable[[], logging.Logger]) -> Iterator[None]:
    """Append the messages of a logger, all warnings and all prints of the block to ``path``.

    Args:
        path: The log.
        get_logger: Returns the library's logger; called within the block, so that the log has
            the warnings of a first import too.
    """
    with path.open("a", encoding="utf-8") as log, warnings.catch_warnings(), redirect_stdout(log):
        warnings.simplefilter("default")

        def write_warning(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            log.write(f"{category.__name__}: {message}\n")

        warnings.showwarning = write_warning
        logger = get_logger()
        handlers, propagate = logger.handlers, logger.propagate
        logger.handlers, logger.propagate = [logging.StreamHandler(log)], False
        try:
            yield
        finally:
            logger.handlers, logger.propagate = handlers, propagate
