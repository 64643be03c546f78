import multiprocessing
import time

from fusebench.storage import file_lock


def _hold(path, seconds, queue):
    with file_lock.hold_lock(path, "the scenes"):
        queue.put("held")
        time.sleep(seconds)


def test_who_has_to_wait_is_told_what_for(tmp_path, capsys):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    other = context.Process(target=_hold, args=(tmp_path / "lock", 1, queue))
    other.start()
    queue.get()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        said = capsys.readouterr().err
    other.join()
    assert said == "waiting for another process that makes the scenes\n"


def test_a_killed_process_lets_go(tmp_path, capsys):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    other = context.Process(target=_hold, args=(tmp_path / "lock", 60, queue))
    other.start()
    queue.get()
    other.kill()
    other.join()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        assert capsys.readouterr().err == ""
