"""Processes that are killed while they work."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def list_children(pid):
    """Processes whose parent is ``pid`` and that are workers of a pool."""
    children = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            is_worker = b"spawn_main" in (path / "cmdline").read_bytes()
            if int(stat[1]) == pid and stat[0] != "Z" and is_worker:
                children.append(int(path.name))
    return children


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
