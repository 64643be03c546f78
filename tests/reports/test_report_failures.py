"""A report that cannot be made: one line, exit status 2, and the report that is there is kept."""

import errno
import shutil
from dataclasses import replace

import pytest

from fusebench import __main__
from fusebench.storage.store import Store
from fusion import run as fusion
from reports import calibrate, run
from tests.helpers.synthetic_records import finish_run, make_runs, patch_plan, write_split
from tests.reports.test_reports_run import finish_run_with_matches


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A store with one finished run of three, and its report."""
    store = Store(tmp_path / "runs")
    mine = make_runs("detection", write_split(tmp_path / "data", count=8), tmp_path)
    patch_plan(monkeypatch, mine)
    monkeypatch.chdir(tmp_path)
    finish_run(mine[0], store, (0.5, 0.2))
    assert run.main([]) == 0
    return store, mine


def kept(tmp_path, capsys, *flags):
    """The one line, besides progress, of a refusal that leaves the report as it is."""
    capsys.readouterr()
    files = {p: p.read_bytes() for p in (tmp_path / "report").rglob("*") if p.is_file()}
    assert len(files) > 5
    assert run.main(list(flags)) == 2
    after = {p: p.read_bytes() for p in (tmp_path / "report").rglob("*") if p.is_file()}
    assert after == files
    said = capsys.readouterr().err.splitlines()
    (line,) = [part for part in said if part and "it/s" not in part]
    assert line.startswith("reports.run: ")
    return line


def test_a_mistyped_store_does_not_replace_a_report_that_has_results(house, tmp_path, capsys):
    line = kept(tmp_path, capsys, "--out", "rums")
    assert "--out rums: no such folder" in line
    assert "--to" in line
    assert "--out data: holds no results" in kept(tmp_path, capsys, "--out", "data")


def test_runs_of_other_data_are_said_to_be_there(house, tmp_path, monkeypatch):
    _, mine = house
    changed = [replace(one, specs={**one.specs, "record": {"of": "other"}}) for one in mine]
    patch_plan(monkeypatch, changed)
    assert run.main([]) == 0
    for file in ("index.html", "report.md"):
        text = (tmp_path / "report" / file).read_text(encoding="utf-8")
        assert text.count("missing; one is finished with other data or settings, and not") == 1


def test_a_store_that_is_not_there_yet_has_a_first_report(house, tmp_path, capsys):
    capsys.readouterr()
    for _ in range(2):
        assert run.main(["--out", "rums", "--to", "first"]) == 0
        said = capsys.readouterr()
        assert said.err == ("reports.run: --out rums: no such folder, so every run is missing\n")
        assert "0 of 3 planned runs finished." in said.out
        assert "python -m detection.run --out rums" in said.out
    assert run.main(["--out", "rums", "--plan"]) == 0
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "rums").exists()


def test_results_that_the_task_file_no_longer_asks_for_do_not_keep_the_report(
    house, tmp_path, monkeypatch
):
    patch_plan(
        monkeypatch, make_runs("detection", write_split(tmp_path / "data"), tmp_path, seeds=(7,))
    )
    assert run.main([]) == 0
    assert "0 of 3 planned" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("program", [run.main, fusion.main, __main__.main])
def test_a_file_is_no_store(tmp_path, monkeypatch, capsys, program):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("mine")
    assert program([]) == 2
    assert "--out runs: is a file; name the folder of the results" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_a_folder_in_the_place_of_a_record_is_named(house, tmp_path, capsys):
    store, mine = house
    (mine[1].place(store) / "record.json").mkdir(parents=True)
    assert "record.json" in kept(tmp_path, capsys)


def test_statistics_that_cannot_be_kept_are_named(house, tmp_path, capsys):
    store, mine = house
    for cell in mine[1:]:
        finish_run_with_matches(cell, store, 4)
    (store.root / "statistics").write_text("in the way")
    assert "runs/statistics" in kept(tmp_path, capsys)


def test_a_full_disk_keeps_the_old_report(house, tmp_path, capsys, monkeypatch):
    store, mine = house
    finish_run(mine[1], store, (0.5, 0.2))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run, "write_report", full)
        assert "No space left on device" in kept(tmp_path, capsys)
    assert run.main([]) == 0
    assert "2 of 3" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


def test_calibration_names_a_folder_in_the_place_of_a_file(house, tmp_path, capsys):
    store, mine = house
    file = mine[0].place(store) / "record.json"
    file.unlink()
    file.mkdir()
    assert calibrate.main(["--out", str(store.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reports.calibrate: ")
    assert "record.json" in line


def test_a_damaged_picture_costs_no_number_and_comes_back_when_it_is_made_anew(house, tmp_path):
    store, mine = house
    for cell in mine[1:]:
        finish_run(cell, store, (0.6, 0.2))
    (fused,) = (store.root / "fused").iterdir()
    for file in fused.glob("*.png"):
        file.write_bytes(file.read_bytes()[:-200])
    assert run.main([]) == 0
    page, text = (tmp_path / "report" / name for name in ("index.html", "report.md"))
    assert "3 of 3 planned runs finished." in page.read_text(encoding="utf-8")
    for said in (page.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")):
        assert "Left out: average on pair" in said
    assert "average.jpg" not in page.read_text(encoding="utf-8")
    shutil.rmtree(fused)
    mine[2].images(mine[2].test, store, "cpu")
    assert run.main([]) == 0
    assert "Left out" not in page.read_text(encoding="utf-8")
    assert "average.jpg" in page.read_text(encoding="utf-8")


def test_a_pair_without_panels_leaves_no_empty_place(house, tmp_path):
    _, mine = house
    assert "](samples/" in (tmp_path / "report/report.md").read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "report")
    for pair in mine[0].test.pairs:
        pair.visible.write_bytes(pair.visible.read_bytes()[:-200])
    assert run.main([]) == 0
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    text = (tmp_path / "report/report.md").read_text(encoding="utf-8")
    assert "Left out: pair" in page
    assert "Left out: pair" in text
    assert 'class="sample"' not in page
    assert "samples/" not in text
    assert "|  |" not in text.split("\n## Pictures")[1].split("\n## ")[0]
