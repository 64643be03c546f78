"""Processes that are killed while they work."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

# Processes that an engine executes jobs in: of a pool, of submitit, and the commands of its jobs.
WORKER_MARKS = (b"spawn_main", b"submitit.core._submit", b"\0--job\0")


def list_children(pid):
    """Processes that were started by ``pid``, or by one of those, and that execute jobs."""
    parents, workers = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            if stat[0] != "Z":
                parents[int(path.name)] = int(stat[1])
                command = (path / "cmdline").read_bytes()
                if any(mark in command for mark in WORKER_MARKS):
                    workers.append(int(path.name))
    return [worker for worker in workers if pid in iterate_ancestors(worker, parents)]


def iterate_ancestors(pid, parents):
    while pid in parents:
        pid = parents[pid]
        yield pid


def run_and_kill_workers(arguments, folder, kills, rng=None, delay=(0.2, 3.0)):
    """Run ``python -m arguments`` in a folder and kill its workers at random moments.

    Returns:
        Exit status of the program, its stderr, and how often a worker was killed.
    """
    rng = rng or random.Random(0)
    done = 0
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and done < kills:
            time.sleep(rng.uniform(*delay))
            children = list_children(process.pid)
            if children:
                with suppress(ProcessLookupError):
                    os.kill(rng.choice(children), signal.SIGKILL)
                    done += 1
        _, errors = process.communicate()
        return process.returncode, errors, done
