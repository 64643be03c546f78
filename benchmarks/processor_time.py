"""Processor time of processes that a program does not wait for, e.g. those of a Ray cluster."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SAMPLE_SECONDS = 0.1
VARIABLE = "FUSEBENCH_BENCHMARK"


class ProcessorTime:
    """Sums user and system time of all processes with a marker in their environment.

    The times of a process that ends between two samples are those of the last sample.
    """

    def __init__(self, marker: str) -> None:
        """Start with the block; ``marker`` is the value of the variable ``VARIABLE``."""
        self._marker = f"{VARIABLE}={marker}".encode()
        self._ticks: dict[tuple[int, str], int] = {}  # process and its start
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample_repeatedly, daemon=True)

    def __enter__(self) -> "ProcessorTime":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """The sum so far."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def _sample_repeatedly(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, ValueError):  # it has ended
                    if self._marker in (folder / "environ").read_bytes().split(b"\0"):
                        fields = (folder / "stat").read_text().rpartition(")")[2].split()
                        key = int(folder.name), fields[19]
                        self._ticks[key] = int(fields[11]) + int(fields[12])
