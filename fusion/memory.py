"""How much main memory this process takes: now, and at most while something runs.

Linux keeps the high-water mark of the resident set in /proc, and lets a process lower it to its
present size. What getrusage tells there begins with the size of the parent process. Elsewhere
getrusage is all there is: its mark never falls, so that an earlier peak can hide a later one.
"""

import sys
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
FORGET = Path("/proc/self/clear_refs")


def peak_of(call: Callable[[], object]) -> tuple[int, int]:
    """Resident bytes before a call, and their peak while it ran."""
    if STATUS.exists():
        FORGET.write_text("5")
    before = _read("VmRSS")
    call()
    return before, max(before, _read("VmHWM"))


def _read(mark: str) -> int:
    if STATUS.exists():
        found = (line.split() for line in STATUS.read_text().splitlines())
        return next(int(words[1]) * 1024 for words in found if words[0] == f"{mark}:")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
