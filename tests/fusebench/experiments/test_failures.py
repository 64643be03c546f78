"""Why a cell failed is kept until it is finished, and the report says it as text."""

import json
import re

import pytest

from fusebench.experiments import failures
from fusion import run as fusion
from fusion.methods import average
from reports import run as reports
from tests.helpers import dataset_folders
from tests.helpers.html_text import TagsAndTexts
from tests.helpers.latex_check import check_latex

TASKS = """
sources: {ir: {kind: infrared}, mine: {kind: method, method: average}}
tasks: {toy: {kind: quality, dataset: folder, sources: [ir, mine]}}
"""
HOSTILE = "<script>alert(1)</script> | `x` \\input{y} \x1b[2J $&\nsecond line"


@pytest.fixture
def words(tmp_path, monkeypatch):
    for name in ("ir", "vi"):
        dataset_folders.write_images(tmp_path / f"data/folder/{name}", ["1", "2"])
    (tmp_path / "tasks.yaml").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    return ["--device", "cpu"]


def raising(monkeypatch, fault):
    def load(*_):
        raise fault

    monkeypatch.setattr(average, "load", load)


def kept(tmp_path):
    return sorted((tmp_path / "runs/failed").glob("*"))


def test_a_cell_that_fails_leaves_its_reason_and_one_that_is_finished_none(
    words, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        raising(patch, RuntimeError("CUDA out of memory\nand more"))
        assert fusion.main(words) == 1
    (file,) = kept(tmp_path)
    assert re.fullmatch(r"toy-mine-[0-9a-f]{12}\.json", file.name)
    said = json.loads(file.read_text())
    assert said.pop("at")[:2] == "20"
    assert said == {
        "error": "RuntimeError",
        "message": "CUDA out of memory",
        "device": "cpu",
        "program": "fusion.run",
    }
    assert fusion.main(words) == 0
    assert kept(tmp_path) == []


def test_ctrl_c_is_no_failure(words, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fusion, "execute_run", stopped)
    assert fusion.main(words) == 130
    assert kept(tmp_path) == []


def test_a_reason_that_cannot_be_kept_does_not_hide_the_failure(
    words, tmp_path, monkeypatch, capsys
):
    raising(monkeypatch, RuntimeError("CUDA out of memory"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/failed").write_text("in the way")
    assert fusion.main(words) == 1
    said = capsys.readouterr().err
    assert "RuntimeError: CUDA out of memory" in said
    assert "the reason could not be kept" in said
    assert "fusion.run: 2 failed: " in said  # its images, and the cell


def test_the_report_says_why_a_cell_failed_in_page_text_and_terminal(
    words, tmp_path, monkeypatch, capsys
):
    assert reports.main(words) == 0
    assert "mine: missing; to make it" in capsys.readouterr().out
    raising(monkeypatch, RuntimeError("CUDA out of memory"))
    assert fusion.main(words) == 1
    assert reports.main(words) == 0
    assert "mine: failed: RuntimeError: CUDA out of memory (20" in capsys.readouterr().out
    raising(monkeypatch, RuntimeError(HOSTILE))
    assert fusion.main(words) == 1
    assert reports.main(words) == 0  # made anew, although no record has changed
    printed = capsys.readouterr().out
    assert "1 of 2 planned runs finished, 1 failed." in printed
    shown = "failed: RuntimeError: <script>alert(1)</script> | `x` \\input{y} ?[2J $& (20"
    assert f"mine: {shown}" in printed
    assert " UTC, fusion.run on cpu); to make it: " in printed
    html = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    page = TagsAndTexts(html)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert any(shown in words for words in page.texts)
    assert '<td class="missing">failed</td>' in html
    text = (tmp_path / "report/report.md").read_text(encoding="utf-8")
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` \\\\input\\{y\\} ?\\[2J \\$&amp; (20"
        in text
    )
    assert "<script" not in text
    assert "second line" not in html + text + printed
    for file in (tmp_path / "report/tables").glob("*.tex"):
        check_latex(file.read_text(encoding="utf-8"))
        assert "failed" in file.read_text(encoding="utf-8")
    assert reports.main([*words, "--plan"]) == 0
    assert f"toy-mine: {shown}" in capsys.readouterr().out


def test_a_failure_is_not_shown_of_a_cell_that_has_a_record(words, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        raising(patch, RuntimeError("CUDA out of memory"))
        assert fusion.main(words) == 1
    (file,) = kept(tmp_path)
    reason = file.read_text()
    assert fusion.main(words) == 0
    file.write_text(reason)
    assert reports.main(words) == 0
    printed = capsys.readouterr().out
    assert "2 of 2 planned runs finished." in printed
    assert "out of memory" not in printed


def test_a_damaged_reason_is_named(words, tmp_path, monkeypatch, capsys):
    raising(monkeypatch, RuntimeError("CUDA out of memory"))
    assert fusion.main(words) == 1
    (file,) = kept(tmp_path)
    file.write_text(file.read_text()[:20])
    assert reports.main(words) == 2
    said = capsys.readouterr().err
    assert f"{file.relative_to(tmp_path)}: is no reason of a failure" in said
    assert "delete it" in said


def test_a_long_reason_is_shortened_and_an_empty_one_is_the_errors_name(
    words, tmp_path, monkeypatch
):
    for fault, message, reason in (
        (ValueError("x" * 500), "x" * 199 + "…", "ValueError: " + "x" * 199 + "…"),
        (MemoryError(), "", "MemoryError"),
        (ValueError("\udcff"), "?", "ValueError: ?"),  # a file name that is no UTF-8
    ):
        raising(monkeypatch, fault)
        assert fusion.main(words) == 1
        (file,) = kept(tmp_path)
        found = failures.Failure.model_validate_json(file.read_bytes())
        assert (found.message, found.reason) == (message, reason)
