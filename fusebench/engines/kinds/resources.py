"""Shares of this machine: which CPU cores and which GPU each worker process uses."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusebench.runtime import process_pool

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Share:
    """What one worker process uses.

    Attributes:
        cores: Numbers of the CPU cores that it may run on; empty: all of this process.
        threads: Threads of each of its computations.
        gpu: Value of ``CUDA_VISIBLE_DEVICES``; None: not set.
    """

    cores: tuple[int, ...]
    threads: int
    gpu: str | None = None

    def apply(self) -> None:
        """Restrict this process, before torch, NumPy and OpenCV are imported.

        A number of threads that the user has set stays. ``OMP_NUM_THREADS`` then holds for the
        other libraries too: torch would take the larger one of MKL.
        """
        if self.cores:
            os.sched_setaffinity(0, self.cores)
        threads = os.environ.get(THREAD_VARIABLES[0], str(self.threads))
        for name in THREAD_VARIABLES:
            os.environ.setdefault(name, threads)
        os.environ[process_pool.CPUS_VARIABLE] = str(self.threads)
        if self.gpu is not None:
            os.environ[GPU_VARIABLE] = self.gpu


def divide_machine(workers: int, device: str) -> list[Share]:
    """Divide the cores and GPUs that this process may use into one share per worker.

    Args:
        workers: Number of worker processes.
        device: Device of the jobs. GPUs are divided for ``auto`` and ``cuda`` only.
    """
    gpus: Sequence[str] = ()
    if device in ("auto", "cuda"):
        gpus = list_gpus(os.environ)
    return divide(
        sorted(os.sched_getaffinity(0)), process_pool.count_available_cpus(), gpus, workers
    )


def divide(cores: Sequence[int], cpu_count: int, gpus: Sequence[str], workers: int) -> list[Share]:
    """Divide cores and GPUs.

    A worker gets cores of its own if there are enough of them. Where a limit on processor time is
    lower than the number of cores, only the number of threads is divided.

    Args:
        cores: Numbers of the cores that may be used.
        cpu_count: Number of CPUs whose time may be used, at most the number of cores.
        gpus: Names of GPUs, as in ``CUDA_VISIBLE_DEVICES``.
        workers: Number of shares.
    """
    threads = max(1, cpu_count // workers)
    is_divided = cpu_count == len(cores) >= workers
    shares = []
    for number in range(workers):
        start, end = (len(cores) * edge // workers for edge in (number, number + 1))
        gpu = gpus[number % len(gpus)] if gpus else None
        shares.append(Share(tuple(cores[start:end]) if is_divided else (), threads, gpu))
    return shares


def list_gpus(environment: Mapping[str, str]) -> list[str]:
    """List the GPUs that this process may use, as in ``CUDA_VISIBLE_DEVICES``."""
    selected = environment.get(GPU_VARIABLE)
    if selected is not None:
        return [name.strip() for name in selected.split(",") if name.strip() not in ("", "-1")]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
