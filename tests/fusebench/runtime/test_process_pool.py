"""Worker processes: all of them start where Ctrl-C is blocked."""

import multiprocessing
import signal
from pathlib import Path

from fusebench.runtime.process_pool import open_pool


def read_blocked_signals(process_id):
    """The mask of blocked signals of a process, from Linux: bit n is signal n + 1."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(dict(line.split(":\t", 1) for line in status.splitlines())["SigBlk"], 16)


def test_every_worker_ignores_ctrl_c_from_its_first_moment_on():
    with open_pool(2):
        workers = [process.pid for process in multiprocessing.active_children()]
        masks = [read_blocked_signals(worker) for worker in workers]
    assert len(workers) == 2
    assert all(mask >> (signal.SIGINT - 1) & 1 for mask in masks)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
