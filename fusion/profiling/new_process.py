"""Results of a function that runs in a new process, as they are computed.

Processes are forked from a server that has imported torch, which takes seconds, and has no threads
of its own: each starts at once, with memory that no other computation has touched.
"""

import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, TypeVar

from fusebench.errors import NotEnoughMemoryError, UserError
from fusebench.runtime import system_errors

T = TypeVar("T")

PRELOADED = [
    "torch",
    "torch._dynamo",
    "fusebench.cli",
    "fusion.profiling.measurement",
    "fusion.profiling.files",
]
WAIT_SECONDS = 0.1
MAX_FOLDER_BYTES = 70  # a socket's path has at most 107, of which its name takes about 35
SMALLER_ADVICE = "try a smaller --size, or the option tile"


def iterate_results(
    function: Callable[..., Iterator[T]],
    *arguments: Any,
    deadline: float | None = None,
    on_wait: Callable[[], object] = lambda: None,
) -> Iterator[T]:
    """Yield what a generator function yields in a new process.

    The process is ended when the caller stops to read.

    Args:
        function: A function of a module.
        *arguments: Sent to the process.
        deadline: Time of the monotonic clock after which the process is ended; or None.
        on_wait: Called several times a second while there is no result.

    Raises:
        UserError: If the function raises one, or a plug-in ends the process.
        NotEnoughMemoryError: If memory runs out, or the process is killed.
        RuntimeError: For any other exception, with its traceback.
    """
    context = _select_context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_results, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        while deadline is None or time.monotonic() < deadline:
            if not receiver.poll(WAIT_SECONDS):
                on_wait()
                continue
            kind, value = receiver.recv()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    except EOFError:
        raise NotEnoughMemoryError(
            "the process was killed, most likely because it was out of memory; " + SMALLER_ADVICE
        ) from None
    finally:
        process.kill()
        process.join()
        receiver.close()


def call(
    function: Callable[..., T], *arguments: Any, on_wait: Callable[[], object] = lambda: None
) -> T:
    """Call a function of a module in a new process; see `iterate_results`."""
    result: T = next(iterate_results(_yield_result, function, arguments, on_wait=on_wait))
    return result


def _select_context() -> ForkServerContext | SpawnContext:
    """Return the context that starts processes: new interpreters if no server can be had.

    The server listens at a socket in the folder for temporary files, whose path has to be short.
    """
    if len(os.fsencode(tempfile.gettempdir())) > MAX_FOLDER_BYTES:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _yield_result(function: Callable[..., T], arguments: Sequence[Any]) -> Iterator[T]:
    yield function(*arguments)


def _send_results(
    sender: Connection, function: Callable[..., Iterator[Any]], arguments: Sequence[Any]
) -> None:
    """Send every result, then the end or an error; the parent may be gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        try:
            for result in function(*arguments):
                sender.send(("result", result))
            sender.send(("end", None))
        except BrokenPipeError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised again in the parent
            sender.send(("error", _convert_error(error)))
    except BrokenPipeError:
        return


def _convert_error(error: BaseException) -> Exception:
    """Return an exception that can be sent and has the text of this one."""
    if isinstance(error, UserError):
        return type(error)(*error.args)
    if isinstance(error, SystemExit):
        return UserError(f"failed: a plug-in ended the program (exit {error.code})")
    if system_errors.is_out_of_memory(error):
        size = system_errors.format_requested_size(error)
        return NotEnoughMemoryError(f"out of memory{size}; {SMALLER_ADVICE}")
    fault = system_errors.describe_fault(error)
    if fault is not None:
        return UserError(fault)
    return RuntimeError("".join(traceback.format_exception(error)).rstrip())
