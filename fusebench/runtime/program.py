"""Start and end of every program: its streams can print any text and may be closed by the reader.

Exit status, beside those that a program returns itself:

- 141 if stdout or stderr was closed by its reader, as in ``fusebench run --plan | head -1``. It is
  the status that a shell reports for tools that such a pipe ends (128 + SIGPIPE). The program stops
  as after Ctrl-C; the same command resumes it.
- 1 if stdout or stderr cannot be written for another reason, e.g. a full disk, and after an
  exception that no program expects, whose traceback is printed.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TextIO

from fusebench.runtime import printable
from fusebench.runtime.interrupts import run_interruptible

EXIT_CLOSED_OUTPUT = 141
EXIT_FAILED = 1
ASCII_HINT = (
    "Python opens only files with ASCII names here (PYTHONUTF8=0 in an ASCII locale); if a file "
    "with another name is missing, set PYTHONUTF8=1"
)


class LostOutputError(BaseException):
    """Stdout or stderr cannot be written: nobody sees what the program does.

    Like KeyboardInterrupt it is no `Exception`, so that no run is recorded as failed.

    Attributes:
        cause: The error of the system.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _OutputStream(io.TextIOWrapper):
    """Output stream whose errors end the program, whatever it is doing."""

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            LostOutputError: If it cannot be written, e.g. because its reader has gone.
        """
        try:
            return super().write(text)
        except OSError as error:
            raise LostOutputError(error) from None

    def flush(self) -> None:
        """Flush the stream; see `write`."""
        try:
            super().flush()
        except OSError as error:
            raise LostOutputError(error) from None


def run_program(main: Callable[[], int]) -> NoReturn:
    """Run the ``main`` of a program and exit with the status that it returns.

    Raises:
        SystemExit: Always.
    """
    open_missing_streams()
    sys.stdout, sys.stderr = _guard(sys.stdout), _guard(sys.stderr)
    try:
        try:
            status: object = run_interruptible(main)
        except SystemExit as end:  # argparse
            status = end.code
        except Exception:  # noqa: BLE001 - a bug: its traceback, with control characters escaped
            printable.print_traceback()
            status = EXIT_FAILED
        if status and sys.getfilesystemencoding() == "ascii":
            printable.print_message(ASCII_HINT)
        sys.stdout.flush()
        sys.stderr.flush()
    except LostOutputError as error:
        is_closed = isinstance(error.cause, BrokenPipeError)
        if not is_closed:
            with suppress(LostOutputError):
                printable.print_message(f"the output cannot be written ({error.cause.strerror})")
        _discard_output()
        status = EXIT_CLOSED_OUTPUT if is_closed else EXIT_FAILED
    sys.exit(status)  # type: ignore[arg-type]  # what argparse raises is of any type


def open_missing_streams() -> None:
    """Open stdin, stdout and stderr that the caller closed (``>&-``), as the null device.

    Otherwise the next file that is opened would get the number of stdout, and whatever a library
    prints would be written into it.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        os.set_inheritable(descriptor, True)
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # keeps its buffer open


def _guard(stream: TextIO) -> TextIO:
    """Return a stream to the same file that prints any text: what cannot be encoded is escaped."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return _OutputStream(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _discard_output() -> None:
    """Let what is still buffered go to the null device, also when Python ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
