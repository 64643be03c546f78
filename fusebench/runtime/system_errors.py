"""Faults of the machine in one sentence: a full disk, no memory, too many open files.

They are no bugs and no wrong input: when they are removed, the same command resumes. Libraries
report them in many ways: with or without the file's name, as `OSError`, `RuntimeError` (torch) or a
class of their own (safetensors).
"""

import errno
import os
import re
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

RESUME = "then run the same command again: what is finished is kept"
ADVICE = {  # of faults that also stop what would come next
    errno.ENOSPC: f"free some space on this disk, {RESUME}",
    errno.EDQUOT: f"your quota on this disk is used up: free some space, {RESUME}",
    errno.EROFS: "name a folder on a disk that can be written",
    errno.EIO: f"the disk or network drive has a fault: check it (dmesg), {RESUME}",
    errno.EMFILE: f"raise the limit of open files (ulimit -n), {RESUME}",
    errno.ENFILE: f"close other programs, {RESUME}",
    errno.EFBIG: f"raise the limit of a file's size (ulimit -f) or use another disk, {RESUME}",
}
PERMISSION_ERRORS = (errno.EACCES, errno.EPERM)
# torch reports a write that failed without the reason; a full disk is the common one.
TORCH_WRITE_ERROR = re.compile(r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+")
RUST_ERROR = re.compile(r"\(os error (\d+)\)")
NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|[Cc]annot allocate memory|std::bad_alloc"
    r"|[Oo]ut of memory|OutOfMemoryError|Insufficient memory|can't start new thread"
    r"|could not create a (?:primitive|memory)"
)
KILLED_WORKER = re.compile(r"DataLoader worker .* (?:killed by signal|exited unexpectedly)")
ALLOCATION_SIZE = re.compile(r"(?:allocate|Tried to allocate|Failed to allocate) (\d+) bytes")
SIZE_WITH_UNIT = re.compile(r"allocate ([\d.]+ [KMGTPE]i?B)")


@contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Let errors of writing within the block name the file.

    Raises:
        OSError: Instead of an error of another class that reports a fault of the disk.
        KeyboardInterrupt: Instead of the error of a file that is incomplete because of a signal.
    """
    try:
        yield
    except OSError as error:
        if error.errno in ADVICE and (
            error.filename is None or Path(str(error.filename)).name.startswith(f".{path.name}.")
        ):
            error.filename = str(path)
        raise
    except Exception as error:
        # torch then says that the file has not the expected length, as if the disk were full.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        number = _find_error_number(error)
        if match := RUST_ERROR.search(str(error)):  # any error of safetensors' writer
            number = int(match[1])
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def describe_fault(error: BaseException) -> str | None:
    """Return a sentence about a fault of the machine, with what to do; None for other errors.

    Args:
        error: Any exception.
    """
    if is_out_of_memory(error):
        return (
            f"out of memory{format_requested_size(error)}: close other programs, or lower batch, "
            f"image_size or crop of a model, or set tile for a fusion method, {RESUME}"
        )
    if isinstance(error, BrokenProcessPool) or KILLED_WORKER.search(str(error)):
        return (
            "a worker process was killed, probably because memory ran out: close other programs, "
            f"{RESUME}"
        )
    number = _find_error_number(error)
    if number is None:
        return None
    filename = getattr(error, "filename", None)
    return f"{f'{filename}: ' if filename else ''}{os.strerror(number)}; {ADVICE[number]}"


def describe_os_error(error: OSError) -> str:
    """Return the file and the reason of an error that is no fault of the machine."""
    if error.filename is None or error.strerror is None:
        return str(error)
    advice = "; name one that you may read and write" if error.errno in PERMISSION_ERRORS else ""
    return f"{os.fsdecode(error.filename)}: {error.strerror}{advice}"


def convert_disk_fault(error: Exception) -> OSError:
    """Return an error for which `is_disk_fault` holds as an `OSError`."""
    if isinstance(error, OSError):
        return error
    number = _find_error_number(error)
    assert number is not None
    return OSError(number, os.strerror(number))


def is_disk_fault(error: BaseException) -> bool:
    """Return whether the next file that is written will fail too, e.g. because the disk is full."""
    return _find_error_number(error) is not None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the memory of the CPU or the GPU was not enough."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    is_of_library = isinstance(error, RuntimeError) or type(error).__module__ == "cv2"
    return is_of_library and NO_MEMORY.search(f"{type(error).__name__}: {error}") is not None


def format_requested_size(error: BaseException) -> str:
    """Return `` (1.5 GiB were requested)``, or nothing if the error does not say how much."""
    if match := ALLOCATION_SIZE.search(str(error)):
        size = f"{int(match[1]) / 2**30:.2g} GiB"
    elif match := SIZE_WITH_UNIT.search(str(error)):
        size = match[1]
    else:
        return ""
    return f" ({size} were requested)"


def _find_error_number(error: BaseException) -> int | None:
    """Return the system's number of a disk fault, which a library may report in its own way."""
    if isinstance(error, OSError):
        return error.errno if error.errno in ADVICE else None
    if not isinstance(error, RuntimeError) and type(error).__name__ != "SafetensorError":
        return None
    if isinstance(error.__context__, OSError) and error.__context__.errno in ADVICE:
        return error.__context__.errno
    if TORCH_WRITE_ERROR.search(str(error)):
        return errno.ENOSPC
    return next((number for number in ADVICE if os.strerror(number) in str(error)), None)
