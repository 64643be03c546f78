import io
import multiprocessing
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from fusebench.storage import file_lock, lock_reach

MAX_SECONDS = 600  # until a process gives up that is never released


class ReleasingStream(io.StringIO):
    """A text stream that sets an event when something is written to it."""

    def __init__(self, event):
        super().__init__()
        self.event = event

    def write(self, text):
        written = super().write(text)
        self.event.set()
        return written


def hold_in_other_process(path, queue, released):
    with file_lock.hold_lock(path, "the scenes"):
        queue.put("held")
        released.wait(MAX_SECONDS)


def start_holder(path, target=hold_in_other_process):
    """Start a process that holds the lock until the event is set; return both once it does."""
    context = multiprocessing.get_context("spawn")
    queue, released = context.Queue(), context.Event()
    holder = context.Process(target=target, args=(path, queue, released))
    holder.start()
    assert queue.get(timeout=MAX_SECONDS) == "held"
    return holder, released


def test_waiting_process_prints_what_it_waits_for(tmp_path, monkeypatch):
    holder, released = start_holder(tmp_path / "lock")
    monkeypatch.setattr(sys, "stderr", ReleasingStream(released))
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        message = sys.stderr.getvalue()
    holder.join()
    assert message == "waiting for another process that creates the scenes\n"


def test_lock_of_a_killed_process_is_released(tmp_path, capsys):
    holder, _ = start_holder(tmp_path / "lock")
    holder.kill()
    holder.join()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        assert capsys.readouterr().err == ""


def test_a_folder_without_room_for_a_lock_is_an_error_and_no_wait():
    with (
        pytest.raises(OSError, match="No such file"),
        file_lock.hold_lock(Path("/proc/toy.lock"), "the scenes"),
    ):
        pass


def test_a_process_that_does_not_wait_gets_an_error_that_names_what_is_created(tmp_path, capsys):
    holder, released = start_holder(tmp_path / "lock")
    with (
        pytest.raises(file_lock.LockHeldError, match="another process creates the scenes") as error,
        file_lock.hold_lock(tmp_path / "lock", "the scenes", waits=False),
    ):
        pass
    assert error.value.output == "the scenes"
    assert capsys.readouterr().err == ""
    released.set()
    holder.join()


def use_lease_only(host):
    """Let this process use leases, as on a file system without locks, as the named machine."""
    lock_reach.find_lock_reach = lambda folder: "none"
    file_lock.LEASE_SECONDS, file_lock.HEARTBEAT_SECONDS = 1.0, 0.2
    socket.gethostname = lambda: host


def hold_lease_on_other_machine(path, queue, released):
    use_lease_only("another-machine")
    hold_in_other_process(path, queue, released)


@pytest.fixture
def leases(monkeypatch):
    """Leases in this process; undone afterwards."""
    for module, name in (
        (lock_reach, "find_lock_reach"),
        (file_lock, "LEASE_SECONDS"),
        (file_lock, "HEARTBEAT_SECONDS"),
        (socket, "gethostname"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    use_lease_only("this-machine")


def test_a_lease_holds_as_long_as_its_holder_on_another_machine_lives(leases, tmp_path):
    holder, released = start_holder(tmp_path / "lock", hold_lease_on_other_machine)
    deadline = time.monotonic() + 3 * file_lock.LEASE_SECONDS
    while time.monotonic() < deadline:
        with (
            pytest.raises(file_lock.LockHeldError),
            file_lock.hold_lock(tmp_path / "lock", "the scenes", waits=False),
        ):
            pass
        time.sleep(0.1)
    released.set()
    holder.join()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes", waits=False):
        pass


def test_the_lease_of_a_machine_that_stands_still_is_taken_over_and_its_process_stops(
    leases, tmp_path
):
    holder, _ = start_holder(tmp_path / "lock", hold_lease_on_other_machine)
    os.kill(holder.pid, signal.SIGSTOP)
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        os.kill(holder.pid, signal.SIGCONT)
        holder.join(MAX_SECONDS)
        assert holder.exitcode == -signal.SIGTERM
