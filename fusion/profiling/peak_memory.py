"""Main memory of this process: resident size, and its peak during a call.

Linux keeps the peak of the resident set in /proc and lets a process reset it to its current size.
getrusage is not usable there: its peak starts with the size of the parent process. On other
systems only getrusage exists; its peak never falls, so that an earlier peak can hide a later one.
"""

import sys
from collections.abc import Callable
from pathlib import Path

STATUS_FILE = Path("/proc/self/status")
CLEAR_REFS_FILE = Path("/proc/self/clear_refs")


def measure_peak_memory(call: Callable[[], object]) -> tuple[int, int]:
    """Measure the resident bytes before a call, and their peak during the call."""
    if STATUS_FILE.exists():
        CLEAR_REFS_FILE.write_text("5")  # resets the peak
    before = _read_memory_bytes("VmRSS")
    call()
    return before, max(before, _read_memory_bytes("VmHWM"))


def _read_memory_bytes(field: str) -> int:
    """Read one field of the status file; elsewhere the peak of getrusage."""
    if STATUS_FILE.exists():
        lines = (line.split() for line in STATUS_FILE.read_text().splitlines())
        return next(int(line[1]) * 1024 for line in lines if line[0] == f"{field}:")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS: bytes, others: KiB
