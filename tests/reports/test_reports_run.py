import csv
import os
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fusebench.errors import UserError
from fusebench.experiments.plan import SkippedTask
from fusebench.storage.store import Store
from reports import run
from reports.assembly import files
from reports.formats import report_folder
from tests.helpers.reports.synthetic_records import (
    finish_run,
    finish_run_with_matches,
    make_runs,
    patch_plan,
    write_split,
)

SINGLE_SCORES = {"infrared": [(0.5, 0.2), (0.54, 0.2)], "visible": [(0.4, 0.6), (0.42, 0.62)]}
FUSED_SCORES = [(0.6, 0.6), (0.62, 0.58)]


class TableCells(HTMLParser):
    """The texts of all table cells of a page: table, row, cell."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.is_inside_cell = [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.is_inside_cell = True
        if tag == "caption":
            self.is_inside_cell = False

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.is_inside_cell = False

    def handle_data(self, text):
        if self.is_inside_cell:
            self.tables[-1][-1][-1] += text


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "runs")


@pytest.fixture
def detection(tmp_path):
    """The runs of a detection task on two seeds."""
    return make_runs("detection", write_split(tmp_path / "det"), tmp_path, seeds=(0, 1))


@pytest.fixture
def runs(tmp_path, monkeypatch, store, detection):
    """The planned runs: the detection task, and a simulated segmentation task."""
    split = replace(write_split(tmp_path / "seg", masks=True), is_simulated=True)
    planned = [*detection, *make_runs("segmentation", split, tmp_path)]
    patch_plan(monkeypatch, planned)
    return planned


@pytest.fixture
def finished(store, runs):
    """Finishes all planned runs."""
    for planned_run in runs:
        if planned_run.task.kind == "segmentation":
            scores = (0.5, 0.7)
        else:
            by_seed = SINGLE_SCORES.get(planned_run.source_name, FUSED_SCORES)
            scores = by_seed[planned_run.seed]
        finish_run(planned_run, store, scores)


def read_text(file):
    return Path(file).read_text(encoding="utf-8")


def read_rows(name):
    with Path(f"report/tables/{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("finished")
def test_page_csv_files_and_terminal_show_the_means_of_the_records(capsys):
    assert run.main([]) == 0
    _, _, page = read_text("report/index.html").partition('id="task-1"')
    table = TableCells(page).tables[0]
    rows = {row[0].split()[0]: row[1:] for row in table[1:4]}
    cells = {name: [re.sub(r" \(.*|\s", "", cell) for cell in row] for name, row in rows.items()}
    # infrared: person (50 + 54) / 2, standard deviation 2.83; car 20, 20; mean of 35 and 37
    assert cells["infrared"] == ["52.0±2.8", "20.0±0.0", "36.0±1.4"]
    assert cells["average"] == ["61.0±1.4", "59.0±1.4", "60.0±0.0"]
    by_source = {row["source"]: row for row in read_rows("toy-detection-ap50")}
    assert float(by_source["infrared"]["person"]) == 52
    assert float(by_source["average"]["car difference"]) == -2
    scores = {
        row["value"]
        for row in read_rows("scores")
        if (row["source"], row["seed"]) == ("infrared", "1")
        if (row["class"], row["condition"]) == ("person", "all")
    }
    assert scores == {"0.54"}
    printed = capsys.readouterr().out
    assert "52.0 ± 2.8" in printed
    assert printed.rstrip().endswith("index.html")


@pytest.mark.usefixtures("finished")
def test_markdown_has_the_headings_of_the_page_in_the_same_order():
    assert run.main([]) == 0
    page, text = read_text("report/index.html"), read_text("report/report.md")
    title, *headings = re.findall(r"<h[123][^>]*>(.*?)(?: <span.*?)?\s*</h[123]>", page)
    headings = headings[headings.index("toy-detection") : headings.index("How to read this page")]
    assert "Sample images" in headings
    in_markdown = re.findall(r"^#{1,3} (.*?)(?: \(simulated\))?$", text, flags=re.MULTILINE)
    assert in_markdown == [title, *headings]
    assert text.index("9.0 points better") < text.index("## toy-detection")  # the answer is first


def test_pairwise_differences_of_all_sources_are_in_a_file(tmp_path, monkeypatch, store):
    split = write_split(tmp_path / "eight", count=8)
    runs = make_runs("detection", split, tmp_path)
    patch_plan(monkeypatch, runs)
    for planned_run, detected_persons in zip(runs, (2, 6, 6), strict=True):
        finish_run_with_matches(planned_run, store, detected_persons)
    assert run.main([]) == 0
    (file,) = Path("report/tables").glob("*-pairwise.csv")
    assert file.with_name(file.name.replace("-pairwise", "")).is_file()
    rows = {(row["column"], row["source"], row["other"]): row for row in read_rows(file.stem)}
    difference = rows["person", "infrared", "visible"]
    # without false positives, AP counts the recalls 0, 0.01 ... 1 that are reached: 26, 76 of 101
    assert float(difference["difference"]) == pytest.approx(-100 * 50 / 101, abs=1e-5)
    low, high = float(difference["low"]), float(difference["high"])
    assert low < float(difference["difference"]) < high
    assert 0 < float(difference["p"]) <= float(difference["p Holm"]) <= 1
    means = rows["mAP@.5", "infrared", "average"]
    assert float(means["difference"]) == pytest.approx(-100 * 25 / 101, abs=1e-5)
    assert float(rows["person", "visible", "average"]["difference"]) == 0


@pytest.mark.usefixtures("runs")
def test_missing_runs_have_commands_and_skipped_tasks_reasons(
    monkeypatch, capsys, store, detection, runs
):
    skipped = SkippedTask("far-away", detection[0].task, "data/far: no such folder")
    patch_plan(monkeypatch, runs, [skipped])
    finish_run(detection[0], store, (0.5, 0.2))
    assert run.main(["--limit", "3", "--set", "tasks.toy-detection.epochs=2"]) == 0
    printed = capsys.readouterr().out
    flags = "--limit 3 --set tasks.toy-detection.epochs=2"
    for text in (printed, read_text("report/index.html"), read_text("report/report.md")):
        assert "1 of 9 planned runs finished" in text
        assert f"python -m detection.run {flags} --task toy-detection --source average" in text
        assert f"python -m fusebench {flags}" in text
        assert "no such folder" in text


@pytest.mark.usefixtures("finished")
def test_of_the_skipped_tasks_only_those_that_will_be_generated_have_a_command(
    monkeypatch, detection, runs
):
    task = detection[0].task
    far_away = SkippedTask("far-away", task, "no such folder")
    patch_plan(monkeypatch, runs, [far_away])
    run.main([])
    assert "To execute all missing runs" not in read_text("report/index.html")
    scenes = SkippedTask("scenes", task, "drawn by the first run", will_be_generated=True)
    patch_plan(monkeypatch, runs, [far_away, scenes])
    run.main([])
    page = read_text("report/index.html")
    assert "To execute all missing runs" in page
    assert "not counted: scenes, whose scenes the first run generates." in page
    assert "<strong>far-away</strong> is skipped" in page
    assert "<strong>scenes</strong> is skipped" not in page


@pytest.mark.usefixtures("finished")
def test_an_interrupt_ends_without_traceback_and_half_written_report(capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_report", interrupt)
    assert run.main([]) == 130
    assert "interrupted; the same command resumes" in capsys.readouterr().err
    assert not Path("report").exists()


@pytest.mark.usefixtures("finished")
def test_matplotlib_keeps_its_files_in_the_store(monkeypatch, store):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    assert run.main([]) == 0
    assert Path(os.environ.pop("MPLCONFIGDIR")).is_relative_to(store.root.resolve())


@pytest.mark.usefixtures("finished")
def test_a_second_run_writes_nothing():
    run.main([])
    before = {path: path.stat().st_mtime_ns for path in Path("report").rglob("*")}
    start = time.process_time()  # not wall time: the machine may be shared
    run.main([])
    assert time.process_time() - start < 2
    assert {path: path.stat().st_mtime_ns for path in Path("report").rglob("*")} == before


@pytest.mark.usefixtures("runs")
def test_a_new_record_updates_the_report(store, detection):
    run.main([])
    finish_run(detection[0], store, (0.5, 0.2))
    run.main([])
    assert "1 of 9" in read_text("report/index.html")


@pytest.mark.usefixtures("finished")
def test_the_same_records_give_the_same_bytes():
    run.main(["--to", "a"])
    run.main(["--to", "b"])
    first, second = Path("a"), Path("b")
    names = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(names) > 10
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.usefixtures("finished")
def test_all_links_and_images_have_files():
    run.main([])
    links = set(re.findall(r'(?:src|href)="([^"#]+)"', read_text("report/index.html")))
    assert any(link.endswith(".svg") for link in links)
    assert any(link.endswith(".jpg") for link in links)
    assert [link for link in links if not Path("report", link).is_file()] == []
    for link in re.findall(r"\]\(([^)]+)\)", read_text("report/report.md")):
        assert Path("report", link).is_file(), link


@pytest.mark.usefixtures("finished")
def test_only_the_simulated_task_is_marked_simulated(capsys):
    run.main([])
    detection, segmentation = read_text("report/report.md").split("\n## toy-segmentation")
    assert "Warning:** simulated" not in detection
    assert "Warning:** simulated" in segmentation
    assert "[SIMULATED]" in capsys.readouterr().out


@pytest.mark.usefixtures("runs")
def test_plan_lists_finished_and_missing_runs_and_writes_nothing(capsys, store, detection):
    finish_run(detection[0], store, (0.5, 0.2))
    assert run.main(["--plan"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "toy-detection-infrared-seed0: finished"
    assert printed[1] == "toy-detection-infrared-seed1: missing"
    assert not Path("report").exists()


@pytest.mark.usefixtures("runs")
def test_a_folder_with_foreign_files_is_refused_and_kept(tmp_path, capsys):
    foreign = tmp_path / "thesis" / "chapter.tex"
    foreign.parent.mkdir()
    foreign.write_text("years of work")
    assert run.main(["--to", "thesis"]) == 2
    assert "contains chapter.tex" in capsys.readouterr().err
    assert foreign.read_text() == "years of work"


@pytest.mark.usefixtures("runs")
def test_the_working_folder_is_refused_and_a_symbolic_link_is_followed(tmp_path, capsys):
    (tmp_path / "own.txt").write_text("mine")
    assert run.main(["--to", "."]) == 2
    assert "not part of a report" in capsys.readouterr().err
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run.main(["--to", "link"]) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/index.html").is_file()


@pytest.mark.usefixtures("runs")
def test_a_file_added_to_a_report_is_kept(tmp_path):
    run.main([])
    note = tmp_path / "report" / "note.txt"
    note.write_text("keep me")
    with pytest.raises(UserError, match=r"note\.txt"):
        report_folder.replace_report(tmp_path / "report", "other", lambda _: None)
    assert note.exists()


@pytest.mark.usefixtures("runs")
def test_a_damaged_record_is_named(tmp_path, capsys, store, detection):
    finish_run(detection[0], store, (0.5, 0.2))
    file = detection[0].get_record_folder(store) / "record.json"
    file.write_text(file.read_text()[:100])
    assert run.main([]) == 2
    error = capsys.readouterr().err
    assert f"{file.parent.relative_to(tmp_path)}: damaged: record.json (100 bytes" in error
    assert "verify --repair" in error
    assert not Path("report").exists()


@pytest.mark.usefixtures("runs")
def test_a_path_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run.main(["--to", "file/report"]) == 2
    assert "file/report: the report cannot be written there" in capsys.readouterr().err
