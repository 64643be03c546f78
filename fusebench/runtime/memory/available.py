"""Memory that this process can still take: of the machine, of its container, of its own limits.

Linux only: elsewhere nothing is known, and nothing is refused.
"""

import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusebench.errors import NotEnoughMemoryError

ROOT = Path("/")
SHARE_OF_ESTIMATE = 0.8
"""An estimate is refused if this share of it does not fit. Estimates count the arrays that exist at
the same time, and the measured peaks are higher (``python -m benchmarks.memory``)."""
SMALLER_IMAGES_ADVICE = "reduce the images, or close other programs"
NEGLIGIBLE_BYTES = 64 * 2**20  # less is not compared: it takes no time to allocate it


@dataclass(frozen=True)
class AvailableMemory:
    """Bytes that can still be allocated, and what limits them."""

    size: int
    limit: str


def check_memory(estimate: int, where: str, advice: str) -> None:
    """Raise if a computation cannot fit into memory; it would be killed without a message.

    Args:
        estimate: Bytes that it needs at the same time.
        where: What is computed, e.g. the size of the image.
        advice: What makes it smaller.

    Raises:
        NotEnoughMemoryError: With the estimate, what is available, and the advice.
    """
    if estimate < NEGLIGIBLE_BYTES:
        return
    available = read_available_memory()
    if available is not None and estimate * SHARE_OF_ESTIMATE > available.size:
        raise NotEnoughMemoryError(
            f"{where} needs about {format_size(estimate)} of memory, but only "
            f"{format_size(max(available.size, 0))} are available ({available.limit}); {advice}"
        )


def check_fusion_memory(shape: tuple[int, ...], bytes_per_pixel: float) -> None:
    """Raise if fusing two images with a method whose memory is proportional to the pixels fails.

    Args:
        shape: Height and width in pixels.
        bytes_per_pixel: Of the arrays that exist at the same time.

    Raises:
        NotEnoughMemoryError: See `check_memory`.
    """
    height, width = shape
    check_memory(
        round(height * width * bytes_per_pixel),
        f"fusing an image of {width} x {height} pixels",
        SMALLER_IMAGES_ADVICE,
    )


def is_ample(pixels: int, bytes_per_pixel: int) -> bool:
    """Return whether there is so much memory that an estimate for an image is not worth its time.

    Args:
        pixels: Number of pixels of the image.
        bytes_per_pixel: More than anything needs.
    """
    available = read_available_memory()
    return available is None or available.size > pixels * bytes_per_pixel


def count_fitting(estimate: int) -> int | None:
    """Count how many computations of an estimated size fit into memory at the same time.

    Returns:
        0 or more; None if the available memory is not known.
    """
    available = read_available_memory()
    if available is None or estimate <= 0:
        return None
    return int(max(available.size, 0) / (estimate * SHARE_OF_ESTIMATE))


def format_size(size: float) -> str:
    """Format a number of bytes, e.g. ``1.5 GiB``."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def read_available_memory(root: Path = ROOT) -> AvailableMemory | None:
    """Return the smallest of all limits, less what is used already; None if it is not known.

    Args:
        root: The folder with ``proc`` and ``sys``.
    """
    amounts = [*_read_machine(root), *_read_control_groups(root), *_read_process_limits(root)]
    return min(amounts, key=lambda amount: amount.size, default=None)


def _read_machine(root: Path) -> Iterator[AvailableMemory]:
    """Yield what the machine has: free memory, caches that can be dropped, and swap."""
    fields = _read_fields(root / "proc/meminfo")
    if "MemAvailable" in fields:
        size = 1024 * (fields["MemAvailable"] + fields.get("SwapFree", 0))
        yield AvailableMemory(size, "free memory of the machine")


def _read_control_groups(root: Path) -> Iterator[AvailableMemory]:
    """Yield what the control groups of a container or batch system allow, of version 2 and 1."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:
                mount, names = root / "sys/fs/cgroup", ("memory.max", "memory.current")
                caches: tuple[str, ...] = ("active_file", "inactive_file")
            elif "memory" in controllers.split(","):
                mount = root / "sys/fs/cgroup/memory"
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
                caches = ("total_active_file", "total_inactive_file")
            else:
                continue
            path = PurePosixPath(group.lstrip("/"))
            for part in (path, *path.parents):  # a group is limited by those above it too
                yield from _read_control_group(mount / part, names, caches)


def _read_control_group(
    folder: Path, names: tuple[str, str], caches: tuple[str, ...]
) -> Iterator[AvailableMemory]:
    with suppress(OSError, ValueError):  # no limit is the word "max"
        limit, used = (int((folder / name).read_text()) for name in names)
        fields = _read_fields(folder / "memory.stat")
        cached = sum(fields.get(name, 0) for name in caches)
        yield AvailableMemory(limit - used + cached, "memory limit of the container, cgroup")


def _read_process_limits(root: Path) -> Iterator[AvailableMemory]:
    """Yield what the limits of this process allow."""
    used = _read_fields(root / "proc/self/status")
    for kind, field, option in (
        (resource.RLIMIT_AS, "VmSize", "-v"),
        (resource.RLIMIT_DATA, "VmData", "-d"),
    ):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY and field in used:
            yield AvailableMemory(limit - 1024 * used[field], f"ulimit {option}")


def _read_fields(path: Path) -> dict[str, int]:
    """Read the numbers of a file of lines ``name: number ...``; empty if there is no such file."""
    fields = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, *values = line.split()
            if values and values[0].isdigit():
                fields[name.rstrip(":")] = int(values[0])
    return fields
