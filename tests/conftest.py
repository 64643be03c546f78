"""Settings of every test process: one thread each, as many processes as there are CPUs.

A test process and whatever it starts compute with one thread. Several test processes share the
CPUs, and threads that wait for each other's turn take many times as long; and another number of
threads adds floating-point numbers in another order.
"""

import os
import sys

import pytest

# OpenMP (torch), MKL, OpenBLAS (NumPy) and OpenCV read these once, when they are imported. The
# pytest-xdist workers and the subprocesses of tests inherit them.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
MAX_WORKERS = 8  # each imports torch and may hold a model: about 2 GB

SECONDS_PER_FAULT_TEST = 4.0  # about a minute for all of tests/faults

os.environ |= dict.fromkeys(THREAD_VARIABLES, "1")


def pytest_addoption(parser):
    """Add the options of tests/faults; only this file is read early enough for that."""
    parser.addoption(
        "--fault-seconds",
        type=float,
        default=SECONDS_PER_FAULT_TEST,
        help="how long each test of tests/faults makes up new faults (default: %(default)s)",
    )
    parser.addoption(
        "--fault-seed", type=int, default=0, help="random seed of these faults (default: 0)"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Number of worker processes for ``pytest -n auto``: the CPUs this process may use."""
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Let the workers start with the files of slow tests, so that none has one left at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def one_thread():
    """Restore one torch thread after a test that set another number."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
