"""Redirection of library output to a log file: mmengine's logger, warnings and prints."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO


@contextmanager
def redirect_library_output(path: Path) -> Iterator[None]:
    """Append mmengine's messages, all warnings and all prints of the block to the log ``path``.

    Import mmcv for the first time within the block: it warns that it has no compiled operators
    (none is used).
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
        from mmengine.logging import MMLogger

        logger = MMLogger.get_current_instance()
        handlers = logger.handlers
        logger.handlers = [logging.StreamHandler(log)]
        try:
            yield
        finally:
            logger.handlers = handlers
