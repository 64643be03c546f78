"""Why a cell failed is kept until it is finished, and the report says it as text."""

import json
import re

import pytest

from fusebench.experiments import failures
from fusebench.storage import documents
from fusion import run as fusion
from fusion.methods import average
from reports import run as reports
from tests.helpers import dataset_folders
from tests.helpers.reports.html_text import TagsAndTexts
from tests.helpers.reports.latex_check import check_latex

TASKS = """
sources: {ir: {kind: infrared}, mine: {kind: method, method: average}}
tasks: {toy: {kind: quality, dataset: folder, sources: [ir, mine]}}
"""
HOSTILE = "<script>alert(1)</script> | `x` \\input{y} \x1b[2J $&\nsecond line"


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    for name in ("ir", "vi"):
        dataset_folders.write_images(tmp_path / f"data/folder/{name}", ["1", "2"])
    (tmp_path / "tasks.yaml").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    return ["--device", "cpu"]


def fail_with(monkeypatch, fault):
    def load(*_):
        raise fault

    monkeypatch.setattr(average, "load", load)


def list_failures(tmp_path):
    return sorted((tmp_path / "runs/failed").glob("*"))


def test_a_failed_run_leaves_its_failure_and_a_finished_one_deletes_it(
    arguments, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        fail_with(patch, RuntimeError("CUDA out of memory\nand more"))
        assert fusion.main(arguments) == 1
    (file,) = list_failures(tmp_path)
    assert re.fullmatch(r"toy-mine-[0-9a-f]{12}\.json", file.name)
    failure = json.loads(file.read_text())
    assert failure.pop("utc_time")[:2] == "20"
    assert re.fullmatch("[0-9a-f]{12}", failure.pop("checksum"))
    assert failure == {
        "error_type": "RuntimeError",
        "message": "CUDA out of memory",
        "device": "cpu",
        "program": "fusion.run",
    }
    assert fusion.main(arguments) == 0
    assert list_failures(tmp_path) == []


def test_ctrl_c_leaves_no_failure(arguments, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fusion, "execute_run", stopped)
    assert fusion.main(arguments) == 130
    assert list_failures(tmp_path) == []


def test_a_failure_that_cannot_be_written_is_still_printed(
    arguments, tmp_path, monkeypatch, capsys
):
    fail_with(monkeypatch, RuntimeError("CUDA out of memory"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/failed").write_text("in the way")
    assert fusion.main(arguments) == 1
    errors = capsys.readouterr().err
    assert "out of memory: close other programs" in errors
    assert "the failure could not be written" in errors
    assert "fusion.run: 2 failed: " in errors  # its images, and the run


def test_the_report_shows_a_failure_on_the_page_in_markdown_and_in_the_terminal(
    arguments, tmp_path, monkeypatch, capsys
):
    assert reports.main(arguments) == 0
    assert "mine: missing; to run: " in capsys.readouterr().out
    fail_with(monkeypatch, RuntimeError("CUDA out of memory"))
    assert fusion.main(arguments) == 1
    assert reports.main(arguments) == 0
    assert "mine: failed: RuntimeError: CUDA out of memory (20" in capsys.readouterr().out
    fail_with(monkeypatch, RuntimeError(HOSTILE))
    assert fusion.main(arguments) == 1
    assert reports.main(arguments) == 0  # made anew, although no record has changed
    printed = capsys.readouterr().out
    assert "1 of 2 planned runs finished, 1 failed." in printed
    failure = "failed: RuntimeError: <script>alert(1)</script> | `x` \\input{y} \\x1b[2J $& (20"
    assert f"mine: {failure}" in printed
    assert " UTC, fusion.run on cpu); to run: " in printed
    html = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    page = TagsAndTexts(html)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert any(failure in text for text in page.texts)
    assert '<td class="missing">failed</td>' in html
    markdown = (tmp_path / "report/report.md").read_text(encoding="utf-8")
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` \\\\input\\{y\\} "
        "\\\\x1b\\[2J \\$&amp; (20" in markdown
    )
    assert "<script" not in markdown
    assert "second line" not in html + markdown + printed
    for file in (tmp_path / "report/tables").glob("*.tex"):
        check_latex(file.read_text(encoding="utf-8"))
        assert "failed" in file.read_text(encoding="utf-8")
    assert reports.main([*arguments, "--plan"]) == 0
    assert f"toy-mine: {failure}" in capsys.readouterr().out


def test_a_failure_is_not_shown_of_a_run_that_has_a_record(
    arguments, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        fail_with(patch, RuntimeError("CUDA out of memory"))
        assert fusion.main(arguments) == 1
    (file,) = list_failures(tmp_path)
    reason = file.read_text()
    assert fusion.main(arguments) == 0
    file.write_text(reason)
    assert reports.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "2 of 2 planned runs finished." in printed
    assert "out of memory" not in printed


def test_a_damaged_reason_is_named(arguments, tmp_path, monkeypatch, capsys):
    fail_with(monkeypatch, RuntimeError("CUDA out of memory"))
    assert fusion.main(arguments) == 1
    (file,) = list_failures(tmp_path)
    file.write_text(file.read_text()[:20])
    assert reports.main(arguments) == 2
    errors = capsys.readouterr().err
    assert f"{file.relative_to(tmp_path)}: damaged (cannot be read)" in errors
    assert "verify --repair" in errors


def test_a_long_reason_is_shortened_and_an_empty_one_is_the_errors_name(
    arguments, tmp_path, monkeypatch
):
    for fault, message, reason in (
        (ValueError("x" * 500), "x" * 199 + "…", "ValueError: " + "x" * 199 + "…"),
        (MemoryError(), "", "MemoryError"),
        (ValueError("\udcff"), "\\xff", "ValueError: \\xff"),  # a file name that is no UTF-8
    ):
        fail_with(monkeypatch, fault)
        assert fusion.main(arguments) == 1
        (file,) = list_failures(tmp_path)
        result = documents.read_document(file, failures.Failure)
        assert (result.message, result.reason) == (message, reason)
