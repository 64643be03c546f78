import os
import threading

import pytest

from reports.formats import report_folder


def test_a_run_killed_while_writing_leaves_the_old_report(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", lambda f: (f / "index.html").write_text("old"))

    def killed(new):
        (new / "index.html").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_folder.replace_report(report, "2", killed)
    assert (report / "index.html").read_text() == "old"
    assert report_folder.is_up_to_date(report, "1")
    report_folder.replace_report(report, "2", lambda f: (f / "index.html").write_text("new"))
    assert (report / "index.html").read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == [".report.lock", "report"]  # noqa: PTH208 - names


def test_a_run_killed_between_the_two_renames_is_repaired(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", lambda f: (f / "index.html").write_text("old"))
    report.rename(tmp_path / ".report.old")
    assert not report_folder.is_up_to_date(report, "1")
    report_folder.replace_report(report, "1", lambda f: (f / "index.html").write_text("new"))
    assert sorted(os.listdir(tmp_path)) == [".report.lock", "report"]  # noqa: PTH208 - names


def test_a_report_that_lost_a_file_is_written_again(tmp_path):
    report = tmp_path / "report"
    report_folder.replace_report(report, "1", lambda f: (f / "index.html").write_text("page"))
    (report / "index.html").unlink()
    assert not report_folder.is_up_to_date(report, "1")


def test_of_two_that_want_the_same_report_one_writes_it_and_the_other_waits(tmp_path):
    report, begun, go, calls = tmp_path / "report", threading.Event(), threading.Event(), []

    def write(new):
        calls.append(new)
        (new / "half").write_text("one")
        begun.set()
        assert go.wait(60)
        (new / "index.html").write_text("whole")

    both = [
        threading.Thread(target=report_folder.replace_report, args=(report, "1", write))
        for _ in range(2)
    ]
    both[0].start()
    assert begun.wait(60)
    both[1].start()
    both[1].join(0.5)  # long enough to write what is begun away, if it did not wait
    assert both[1].is_alive()
    go.set()
    for one in both:
        one.join(60)
    assert len(calls) == 1
    assert report_folder.is_up_to_date(report, "1")
    assert sorted(path.name for path in report.iterdir()) == ["half", "index.html", "report.json"]
