import multiprocessing
import time

from fusebench.storage import file_lock


def hold_in_other_process(path, seconds, queue):
    with file_lock.hold_lock(path, "the scenes"):
        queue.put("held")
        time.sleep(seconds)


def test_waiting_process_prints_what_it_waits_for(tmp_path, capsys):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    other = context.Process(target=hold_in_other_process, args=(tmp_path / "lock", 1, queue))
    other.start()
    queue.get()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        message = capsys.readouterr().err
    other.join()
    assert message == "waiting for another process that creates the scenes\n"


def test_lock_of_a_killed_process_is_released(tmp_path, capsys):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    other = context.Process(target=hold_in_other_process, args=(tmp_path / "lock", 60, queue))
    other.start()
    queue.get()
    other.kill()
    other.join()
    with file_lock.hold_lock(tmp_path / "lock", "the scenes"):
        assert capsys.readouterr().err == ""
