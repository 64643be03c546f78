import threading

import pytest

from reports.formats import report_folder


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_page(text):
    return lambda folder: (folder / "index.html").write_text(text)


def test_a_run_killed_while_writing_leaves_the_old_report(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", write_page("old"))

    def write_half(folder):
        (folder / "index.html").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_folder.replace_report(report, "2", write_half)
    assert (report / "index.html").read_text() == "old"
    assert report_folder.is_up_to_date(report, "1")
    report_folder.replace_report(report, "2", write_page("new"))
    assert (report / "index.html").read_text() == "new"
    assert list_names(tmp_path) == [".report.lock", "report"]


def test_a_run_killed_between_the_two_renames_is_repaired(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", write_page("old"))
    report.rename(tmp_path / ".report.old")
    assert not report_folder.is_up_to_date(report, "1")
    report_folder.replace_report(report, "1", write_page("new"))
    assert list_names(tmp_path) == [".report.lock", "report"]


def test_a_report_that_lost_a_file_is_not_up_to_date(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", write_page("page"))
    (report / "index.html").unlink()
    assert not report_folder.is_up_to_date(report, "1")


def test_of_two_calls_for_the_same_report_one_writes_and_the_other_waits(tmp_path):
    report, started, may_finish = tmp_path / "report", threading.Event(), threading.Event()
    folders = []

    def write(folder):
        folders.append(folder)
        (folder / "half").write_text("one")
        started.set()
        assert may_finish.wait(60)
        (folder / "index.html").write_text("whole")

    threads = [
        threading.Thread(target=report_folder.replace_report, args=(report, "1", write))
        for _ in range(2)
    ]
    threads[0].start()
    assert started.wait(60)
    threads[1].start()
    threads[1].join(0.5)  # long enough to delete the half-written report, if it did not wait
    assert threads[1].is_alive()
    may_finish.set()
    for thread in threads:
        thread.join(60)
    assert len(folders) == 1
    assert report_folder.is_up_to_date(report, "1")
    assert list_names(report) == ["half", "index.html", "report.json"]
