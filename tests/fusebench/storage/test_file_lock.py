import io
import multiprocessing
import sys
from pathlib import Path

import pytest

from fusebench.storage import file_lock

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


def start_holder(path):
    """Start a process that holds the lock until the event is set; return both once it does."""
    context = multiprocessing.get_context("spawn")
    queue, released = context.Queue(), context.Event()
    holder = context.Process(target=hold_in_other_process, args=(path, queue, released))
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
