"""Memory between two large arrays of the same size: kept, and given back at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusebench.runtime.memory import allocator

# Page faults of an array of 64 MiB that follows another one; and the MiB that stay afterwards.
PROGRAM = """
import resource
from contextlib import nullcontext
from pathlib import Path
from fusebench.runtime.memory.allocator import keep_freed_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    array = b"x" * 2**26
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def read_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

start = read_mib()
with {block}:
    count_faults()
    faults = min(count_faults() for _ in range(3))
    kept = read_mib() - start
print(faults, kept, read_mib() - start)
"""

needs_glibc = pytest.mark.skipif(
    allocator._load_glibc() is None or not Path("/proc/self/statm").exists(),
    reason="not Linux with glibc",
)


def measure(block, **variables):
    """Page faults, MiB kept within the block, MiB kept after it, of a new process."""
    environment = {k: v for k, v in os.environ.items() if k not in allocator.USER_VARIABLES}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(block=block)],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in result.stdout.split()]


@needs_glibc
def test_second_array_gets_the_pages_of_the_first():
    faults, kept, kept_after = measure("keep_freed_memory()")
    usual_faults, usual_kept, _ = measure("nullcontext()")
    assert usual_faults > 10 * max(faults, 1)
    assert kept > 60 > 10 > usual_kept
    assert kept_after < 10


@needs_glibc
@pytest.mark.parametrize(
    "variables",
    [{"MALLOC_MMAP_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=65536"}],
)
def test_thresholds_of_the_user_stay(variables):
    _, kept, _ = measure("keep_freed_memory()", **variables)
    assert kept < 10


def test_without_glibc_the_block_is_executed(monkeypatch):
    monkeypatch.setattr(allocator.os, "confstr", lambda name: None)
    with allocator.keep_freed_memory():
        executed = True
    assert executed


class RefusingLibrary:
    """Refuses every threshold, as glibc before 2.35 does with large ones."""

    def __init__(self):
        self.calls = []

    def mallopt(self, parameter, value):
        self.calls.append(parameter)
        return 0


def test_a_refused_threshold_changes_no_other(monkeypatch):
    library = RefusingLibrary()
    monkeypatch.setattr(allocator, "_load_glibc", lambda: library)
    for name in (*allocator.USER_VARIABLES, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    with allocator.keep_freed_memory():
        pass
    assert library.calls == [allocator.M_MMAP_THRESHOLD]
