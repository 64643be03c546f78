"""Reports that cannot be made: one line, exit status 2, and the existing report is kept."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fusebench import __main__
from fusebench.experiments.sources import get_images
from fusebench.storage.store import Store
from fusion import run as fusion
from reports import calibrate, run
from reports.assembly import files
from tests.helpers.reports.synthetic_records import (
    finish_run,
    finish_run_with_matches,
    make_runs,
    patch_plan,
    write_split,
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "runs")


@pytest.fixture
def runs(tmp_path, monkeypatch, store):
    """Three planned runs, of which the first is finished, and their report."""
    split = write_split(tmp_path / "data", count=8)
    planned = make_runs("detection", split, tmp_path)
    patch_plan(monkeypatch, planned)
    finish_run(planned[0], store, (0.5, 0.2))
    assert run.main([]) == 0
    return planned


def read_text(file):
    return Path("report", file).read_text(encoding="utf-8")


def run_and_read_error(capsys, *flags, status=2):
    """Run with an error; return its only line, after a check that the report is unchanged."""
    capsys.readouterr()
    before = {path: path.read_bytes() for path in Path("report").rglob("*") if path.is_file()}
    assert len(before) > 5
    assert run.main(list(flags)) == status
    after = {path: path.read_bytes() for path in Path("report").rglob("*") if path.is_file()}
    assert after == before
    lines = capsys.readouterr().err.splitlines()
    (line,) = [line for line in lines if line and "it/s" not in line]  # without progress bars
    assert line.startswith("reports.run: ")
    return line


@pytest.mark.usefixtures("runs")
def test_a_mistyped_store_does_not_replace_a_report_with_results(capsys):
    line = run_and_read_error(capsys, "--out", "rums")
    assert "--out rums: no such folder" in line
    assert "--to" in line
    assert "--out data: contains no results" in run_and_read_error(capsys, "--out", "data")


def test_finished_runs_with_other_data_are_named(monkeypatch, runs):
    changed = [
        replace(planned_run, specs={**planned_run.specs, "record": {"of": "other"}})
        for planned_run in runs
    ]
    patch_plan(monkeypatch, changed)
    assert run.main([]) == 0
    for file in ("index.html", "report.md"):
        expected = "missing; one is finished with other data or settings, and not"
        assert read_text(file).count(expected) == 1


@pytest.mark.usefixtures("runs")
def test_a_store_that_does_not_exist_yet_has_a_first_report(tmp_path, capsys):
    capsys.readouterr()
    for _ in range(2):
        assert run.main(["--out", "rums", "--to", "first"]) == 0
        output = capsys.readouterr()
        assert output.err == "reports.run: --out rums: no such folder, so every run is missing\n"
        assert "0 of 3 planned runs finished." in output.out
        assert "python -m detection.run --out rums" in output.out
    assert run.main(["--out", "rums", "--plan"]) == 0
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "rums").exists()


@pytest.mark.usefixtures("runs")
def test_results_that_are_no_longer_planned_do_not_keep_the_report(tmp_path, monkeypatch):
    other_seed = make_runs("detection", write_split(tmp_path / "data"), tmp_path, seeds=(7,))
    patch_plan(monkeypatch, other_seed)
    assert run.main([]) == 0
    assert "0 of 3 planned" in read_text("index.html")


@pytest.mark.parametrize("program", [run.main, fusion.main, __main__.main])
def test_a_file_is_not_accepted_as_store(tmp_path, monkeypatch, capsys, program):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file")
    assert program([]) == 2
    assert "--out runs: is a file; name the folder of the results" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_folder_in_place_of_a_record_is_named(capsys, store, runs):
    folder = store.get_or_create(
        "detection", runs[1].label, runs[1].specs["record"], lambda _: None
    )
    (folder.path / "record.json").mkdir()
    assert "record.json: cannot be read (Is a directory)" in run_and_read_error(capsys)


def test_statistics_that_cannot_be_stored_are_named(capsys, store, runs):
    for planned_run in runs[1:]:
        finish_run_with_matches(planned_run, store, 4)
    (store.root / "statistics").write_text("in the way")
    assert "runs/statistics" in run_and_read_error(capsys)


def test_a_full_disk_keeps_the_old_report(capsys, monkeypatch, store, runs):
    finish_run(runs[1], store, (0.5, 0.2))

    def raise_disk_full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_report", raise_disk_full)
        assert "report: No space left on device; free" in run_and_read_error(capsys, status=3)
    assert run.main([]) == 0
    assert "2 of 3" in read_text("index.html")


def test_calibration_names_a_folder_in_place_of_a_file(capsys, store, runs):
    file = runs[0].get_record_folder(store) / "record.json"
    file.unlink()
    file.mkdir()
    assert calibrate.main(["--out", str(store.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reports.calibrate: ")
    assert "record.json" in line


def test_a_damaged_image_omits_only_its_panel_until_it_is_repaired(store, runs):
    for planned_run in runs[1:]:
        finish_run(planned_run, store, (0.6, 0.2))
    (fused,) = (store.root / "fused").iterdir()
    for file in fused.glob("*.png"):
        file.write_bytes(file.read_bytes()[:-200])
    assert run.main([]) == 0
    page = read_text("index.html")
    assert "3 of 3 planned runs finished." in page
    for text in (page, read_text("report.md")):
        assert "Left out: average on pair" in text
    assert "average.jpg" not in page
    shutil.rmtree(fused)
    get_images(runs[2].test_images, store, "cpu")
    assert run.main([]) == 0
    page = read_text("index.html")
    assert "Left out" not in page
    assert "average.jpg" in page


def test_a_pair_without_panels_leaves_no_empty_table(runs):
    assert "](samples/" in read_text("report.md")
    shutil.rmtree("report")
    for pair in runs[0].test_split.pairs:
        pair.visible.write_bytes(pair.visible.read_bytes()[:-200])
    assert run.main([]) == 0
    page, text = read_text("index.html"), read_text("report.md")
    assert "Left out: pair" in page
    assert "Left out: pair" in text
    assert 'class="sample"' not in page
    assert "samples/" not in text
    assert "|  |" not in text.split("\n### Sample images")[1].split("\n### ")[0]
