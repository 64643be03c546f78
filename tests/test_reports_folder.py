import os

import pytest

from reports import folder


def test_a_run_killed_while_writing_leaves_the_old_report(tmp_path):
    report = tmp_path / "report"
    folder.replace(report, "1", lambda f: (f / "index.html").write_text("old"))

    def killed(new):
        (new / "index.html").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.replace(report, "2", killed)
    assert (report / "index.html").read_text() == "old"
    assert folder.up_to_date(report, "1")
    folder.replace(report, "2", lambda f: (f / "index.html").write_text("new"))
    assert (report / "index.html").read_text() == "new"
    assert os.listdir(tmp_path) == ["report"]  # noqa: PTH208 - names are all that is asked


def test_a_run_killed_between_the_two_renames_is_repaired(tmp_path):
    report = tmp_path / "report"
    folder.replace(report, "1", lambda f: (f / "index.html").write_text("old"))
    report.rename(tmp_path / ".report.old")
    assert not folder.up_to_date(report, "1")
    folder.replace(report, "1", lambda f: (f / "index.html").write_text("new"))
    assert os.listdir(tmp_path) == ["report"]  # noqa: PTH208 - names are all that is asked


def test_a_report_that_lost_a_file_is_written_again(tmp_path):
    report = tmp_path / "report"
    folder.replace(report, "1", lambda f: (f / "index.html").write_text("page"))
    (report / "index.html").unlink()
    assert not folder.up_to_date(report, "1")
