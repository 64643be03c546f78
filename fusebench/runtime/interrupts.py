"""Ctrl-C and SIGTERM: one line and a documented exit status, at whatever moment they arrive.

Everything that is written is complete at any time, so a program may end anywhere. The first signal
is raised as `KeyboardInterrupt`, so that measurements are printed and worker processes end. Python
cannot raise it safely while a library is being imported: a library in C++ then aborts. There, for
the second signal, and where the first one was lost in a library, the process ends at once.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

EXIT_INTERRUPTED = 130  # what a shell reports for Ctrl-C: 128 + SIGINT
MAX_CLEANUP_SECONDS = 8.0  # between the first signal and the end of the process
SIGNALS = (signal.SIGINT, signal.SIGTERM)

_received: list[int] = []


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, e.g. of a scheduler whose time limit is reached; handled like Ctrl-C."""


def guard_start() -> None:
    """End with one line if a signal arrives while ``python -m`` imports the program.

    Python sets the first argument to ``-m`` as long as it looks for the module, so that a package
    that is imported by another program leaves the signals alone.
    """
    if sys.argv[:1] == ["-m"] and threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, lambda received, _: _exit_now(received))


def run_interruptible(main: Callable[[], int]) -> int:
    """Run the ``main`` of a program; the process ends here if a signal arrived.

    Returns:
        The exit status of ``main``. Signals are ignored from then on: the program has finished.
    """
    for number in SIGNALS:
        signal.signal(number, _handle_signal)
    # Python's helper process removes the semaphores of a program that ends at once; it warns.
    os.environ["PYTHONWARNINGS"] = ",".join(
        filter(None, (os.environ.get("PYTHONWARNINGS"), "ignore:resource_tracker"))
    )
    try:
        status = main()
    except KeyboardInterrupt:
        _exit_now(_received[0] if _received else signal.SIGINT)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if _received:
        # Not through Python's own end: threads of libraries may abort there.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def get_exit_status() -> int:
    """Return the exit status after an interruption: of SIGTERM if that was received first."""
    return 128 + _received[0] if _received else EXIT_INTERRUPTED


def _handle_signal(number: int, frame: FrameType | None) -> None:
    if _received or _is_importing(frame):
        _exit_now(_received[0] if _received else number)
    _received.append(number)
    timer = threading.Timer(MAX_CLEANUP_SECONDS, _exit_now, (number,))
    timer.daemon = True
    timer.start()
    raise TerminatedError if number == signal.SIGTERM else KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    """Return whether the signal arrived within an import statement."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _exit_now(number: int) -> NoReturn:
    """Print one line and end the process without waiting for threads or calling destructors."""
    os.write(2, b"\ninterrupted; the same command resumes\n")
    os._exit(128 + number)
