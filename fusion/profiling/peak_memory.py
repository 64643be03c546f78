"""How much main memory this process takes: now, and at most while something runs.

Linux keeps the high-water mark of the resident set in /proc, and lets a process lower it to its
present size. What getrusage tells there begins with the size of the parent process. Elsewhere
getrusage is all there is: its mark never falls, so that an earlier peak can hide a later one.
"""

import sys
from collections.abc import Callable
from pathlib import Path

STATUS_FILE = Path("/proc/self/status")
CLEAR_REFS_FILE = Path("/proc/self/clear_refs")


def measure_peak_memory(call: Callable[[], object]) -> tuple[int, int]:
    """Resident bytes before a call, and their peak while it ran."""
    if STATUS_FILE.exists():
        CLEAR_REFS_FILE.write_text("5")
    before = _read_memory_mark("VmRSS")
    call()
    return before, max(before, _read_memory_mark("VmHWM"))


def _read_memory_mark(mark: str) -> int:
    if STATUS_FILE.exists():
        found = (line.split() for line in STATUS_FILE.read_text().splitlines())
        return next(int(words[1]) * 1024 for words in found if words[0] == f"{mark}:")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
