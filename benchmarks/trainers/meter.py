"""Processor time, elapsed time and peak memory of a training, counted after its warm-up."""

import json
import resource
import time
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Measurement:
    """What a training needed.

    Attributes:
        start_cpu_seconds: Processor time of the process before the first image was trained on.
        cpu_seconds: Processor time after the warm-up.
        seconds: Elapsed time after the warm-up.
        images: Images trained on after the warm-up.
        peak_mib: Largest resident memory of the process until the last image.
    """

    start_cpu_seconds: float
    cpu_seconds: float
    seconds: float
    images: int
    peak_mib: float


@dataclass
class Meter:
    """Clocks of a training that calls `start` before and `stop` after each part of it.

    Attributes:
        warm_up: Number of first parts that are not counted.
        marks: (processor time, elapsed time) at the start of every part and at the last stop.
    """

    warm_up: int
    marks: list[tuple[float, float]] = field(default_factory=list)
    stopped: tuple[float, float] = (0.0, 0.0)
    peak_mib: float = 0.0

    def start(self) -> None:
        """Note the start of a part: an epoch or a step."""
        self.marks.append((time.process_time(), time.monotonic()))

    def stop(self) -> None:
        """Note the end of a part."""
        self.stopped = (time.process_time(), time.monotonic())
        # Linux counts KiB, and from the size of the parent process on, which is smaller here.
        self.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def print_measurement(self, images: int) -> None:
        """Print the measurement as the last line of the standard output, in JSON.

        Args:
            images: Images per part.
        """
        first = self.marks[self.warm_up]
        measurement = Measurement(
            start_cpu_seconds=self.marks[0][0],
            cpu_seconds=self.stopped[0] - first[0],
            seconds=self.stopped[1] - first[1],
            images=images * (len(self.marks) - self.warm_up),
            peak_mib=self.peak_mib,
        )
        print("\n" + json.dumps(asdict(measurement)), flush=True)
