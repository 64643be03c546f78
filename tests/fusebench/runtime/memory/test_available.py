"""Available memory: the smallest of the machine's, the control groups' and the process's limit."""

import resource
from pathlib import Path

import pytest

from fusebench.errors import UserError
from fusebench.runtime.memory import available
from fusebench.runtime.memory.available import AvailableMemory, check_memory

GIB = 2**30
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A machine with 8 GiB free and 1 GiB of swap, without other limits."""
    monkeypatch.setattr(resource, "getrlimit", lambda kind: NO_LIMIT)
    write(tmp_path / "proc/meminfo", f"MemTotal: 99 kB\nMemAvailable: {8 * 2**20} kB\n")
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def set_available(monkeypatch, size):
    monkeypatch.setattr(
        available, "read_available_memory", lambda: size and AvailableMemory(size, "ulimit -v")
    )


def test_free_memory_and_swap_of_the_machine(root):
    assert available.read_available_memory(root).size == 8 * GIB
    with (root / "proc/meminfo").open("a") as file:
        file.write(f"SwapFree: {2**20} kB\n")
    assert available.read_available_memory(root).size == 9 * GIB


def test_the_limit_of_a_control_group_and_those_above_it_without_caches(root):
    write(root / "proc/self/cgroup", "0::/batch/job\n")
    for folder, limit, used in (("batch/job", "max", 5), ("batch", 3 * GIB, 2 * GIB)):
        write(root / "sys/fs/cgroup" / folder / "memory.max", f"{limit}\n")
        write(root / "sys/fs/cgroup" / folder / "memory.current", f"{used}\n")
    assert available.read_available_memory(root) == AvailableMemory(
        GIB, "memory limit of the container, cgroup"
    )
    write(root / "sys/fs/cgroup/batch/memory.stat", f"anon 7\ninactive_file {GIB // 2}\n")
    assert available.read_available_memory(root).size == 1.5 * GIB


def test_the_limit_of_a_control_group_of_version_1(root):
    write(root / "proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/docker/a\n0::/\n")
    folder = root / "sys/fs/cgroup/memory"  # a container sees its own group as the root
    write(folder / "memory.limit_in_bytes", str(2 * GIB))
    write(folder / "memory.usage_in_bytes", str(GIB))
    assert available.read_available_memory(root).size == GIB


def test_the_limits_of_the_process_count_what_it_has_already(root, monkeypatch):
    write(root / "proc/self/status", f"Name:\tpython\nVmSize:\t{3 * 2**20} kB\nVmData:\t5 kB\n")
    limits = {resource.RLIMIT_AS: (4 * GIB, 4 * GIB)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits.get(kind, NO_LIMIT))
    assert available.read_available_memory(root) == AvailableMemory(GIB, "ulimit -v")


def test_nothing_is_known_and_nothing_refused_on_a_system_without_proc(tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: NO_LIMIT)
    assert available.read_available_memory(tmp_path) is None
    set_available(monkeypatch, None)
    check_memory(10**18, "it", "stop")
    assert available.count_fitting(10**18) is None


def test_the_error_has_the_estimate_what_is_available_and_the_advice(monkeypatch):
    set_available(monkeypatch, GIB)
    message = (
        r"^fusing a\.png needs about 2\.0 GiB of memory, but only 1\.0 GiB are available "
        r"\(ulimit -v\); set tile$"
    )
    with pytest.raises(UserError, match=message):
        check_memory(2 * GIB, "fusing a.png", "set tile")


def test_an_estimate_that_may_fit_is_not_refused(monkeypatch):
    set_available(monkeypatch, GIB)
    check_memory(int(1.2 * GIB), "it", "stop")
    with pytest.raises(UserError):
        check_memory(int(1.3 * GIB), "it", "stop")
    set_available(monkeypatch, 1000)
    check_memory(50 * 2**20, "a small image", "stop")


def test_this_machine_has_some_memory_and_less_than_it_has_in_total():
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total = 1024 * sum(int(meminfo[name].split()[0]) for name in ("MemTotal", "SwapTotal"))
    assert 0 < available.read_available_memory().size <= total


def test_memory_is_ample_if_every_pixel_has_its_share(monkeypatch):
    set_available(monkeypatch, 1000)
    assert available.is_ample(99, 10)
    assert not available.is_ample(100, 10)
