"""Library chatter into a file: mmengine's logger, prints, and the warnings of the whole family."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO


@contextmanager
def redirect_library_output(log: Path) -> Iterator[None]:
    """Within, mmengine's messages, all warnings and all prints are appended to ``log``.

    The first import of mmcv, which warns that it has no compiled operators (none is used),
    belongs within.
    """
    with log.open("a", encoding="utf-8") as said, warnings.catch_warnings(), redirect_stdout(said):
        warnings.simplefilter("default")

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            said.write(f"{category.__name__}: {message}\n")

        warnings.showwarning = show
        from mmengine.logging import MMLogger

        logger = MMLogger.get_current_instance()
        handlers = logger.handlers
        logger.handlers = [logging.StreamHandler(said)]
        try:
            yield
        finally:
            logger.handlers = handlers
