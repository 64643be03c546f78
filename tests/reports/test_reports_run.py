import csv
import os
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from detection import coco_matching
from fusebench.data import boxes
from fusebench.errors import UserError
from fusebench.evaluation import match_table
from fusebench.experiments.plan import SkippedTask
from fusebench.storage import image_index
from fusebench.storage.store import Store
from reports import run
from reports.formats import report_folder
from tests.helpers.synthetic_records import (
    AP50,
    CLASSES,
    finish_run,
    make_runs,
    patch_plan,
    write_split,
)

SCORES = {"infrared": [(0.5, 0.2), (0.54, 0.2)], "visible": [(0.4, 0.6), (0.42, 0.62)]}
FUSED = [(0.6, 0.6), (0.62, 0.58)]


class Tables(HTMLParser):
    """The texts of all table cells of a page, row by row."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.inside = [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True
        if tag == "caption":
            self.inside = False

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, text):
        if self.inside:
            self.tables[-1][-1][-1] += text


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A store with a detection task on two seeds and a simulated segmentation task."""
    store = Store(tmp_path / "runs")
    detection = make_runs("detection", write_split(tmp_path / "det"), tmp_path, seeds=(0, 1))
    simulated = write_split(tmp_path / "seg", masks=True)
    simulated = type(simulated)(**{**vars(simulated), "simulated": True})
    segmentation = make_runs("segmentation", simulated, tmp_path)
    absent: list[SkippedTask] = []
    patch_plan(monkeypatch, (*detection, *segmentation), absent)
    monkeypatch.chdir(tmp_path)
    return store, detection, segmentation, absent


def fill(house):
    store, detection, segmentation, _ = house
    for cell in detection:
        finish_run(cell, store, SCORES.get(cell.source_name, FUSED)[cell.seed])
    for cell in segmentation:
        finish_run(cell, store, (0.5, 0.7))


def test_page_spreadsheet_and_terminal_show_the_means_of_the_records(house, tmp_path, capsys):
    fill(house)
    assert run.main([]) == 0
    page = Tables((tmp_path / "report/index.html").read_text(encoding="utf-8")).tables[0]
    rows = {row[0].split()[0]: row[1:] for row in page[1:4]}
    clean = {name: [re.sub(r" \(.*|\s", "", c) for c in found] for name, found in rows.items()}
    # infrared: person (50 + 54) / 2, sd 2.83; car 20, 20; mean of 35 and 37
    assert clean["infrared"] == ["52.0±2.8", "20.0±0.0", "36.0±1.4"]
    assert clean["average"] == ["61.0±1.4", "59.0±1.4", "60.0±0.0"]
    with (tmp_path / "report/tables/toy-detection-ap50.csv").open() as file:
        sheet = {row["source"]: row for row in csv.DictReader(file)}
    assert float(sheet["infrared"]["person"]) == 52
    assert float(sheet["average"]["car difference"]) == -2
    with (tmp_path / "report/tables/scores.csv").open() as file:
        tidy = [r for r in csv.DictReader(file) if r["source"] == "infrared" and r["seed"] == "1"]
    assert {r["value"] for r in tidy if (r["class"], r["condition"]) == ("person", "all")} == {
        "0.54"
    }
    printed = capsys.readouterr().out
    assert "52.0 ± 2.8" in printed
    assert printed.rstrip().endswith("index.html")


def test_the_text_has_the_parts_of_the_page_in_the_pages_order(house, tmp_path):
    fill(house)
    assert run.main([]) == 0
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    text = (tmp_path / "report/report.md").read_text(encoding="utf-8")
    heads = re.findall(r"<h[123][^>]*>(.*?)(?: <span.*?)?\s*</h[123]>", page)
    assert "Pictures" in heads
    marks = re.findall(r"^#{1,3} (.*?)(?: \(simulated\))?$", text, flags=re.MULTILINE)
    assert marks == heads
    assert text.index("9.0 points better") < text.index("## toy-detection")  # the answer leads


def finish_run_with_matches(cell, store, persons):
    """A record and its matches: every car found, and the persons of the first images."""
    truth = {pair.key: pair.boxes for pair in cell.test.pairs}
    found = {}
    for number, (key, true) in enumerate(truth.items()):
        kept = (true.classes == 1) | (number < persons)
        found[key] = boxes.make_boxes(
            true.corners[kept], true.classes[kept], [0.9] * int(kept.sum())
        )
    matched = coco_matching.build_match_table(truth, found, CLASSES)
    person = (persons * 100 // len(truth) + 1) / 101 if persons else 0.0
    finish_run(
        cell,
        store,
        (0.0, 0.0),
        columns={"AP50": AP50},
        values={"AP50": (person + 1) / 2},
        by_class={"person": {"AP50": person}, "car": {"AP50": 1.0}},
        by_condition={},
    )
    match_table.write_match_table(cell.place(store) / "matches.npz", matched)
    image_index.write_image_index(cell.place(store), cell.test)


def test_every_pair_of_sources_is_in_a_file_beside_the_table(house, tmp_path, monkeypatch):
    store = house[0]
    made = make_runs("detection", write_split(tmp_path / "eight", count=8), tmp_path)
    patch_plan(monkeypatch, made)
    for cell, persons in zip(made, (2, 6, 6), strict=True):
        finish_run_with_matches(cell, store, persons)
    assert run.main([]) == 0
    (sheet,) = (tmp_path / "report/tables").glob("*-pairs.csv")
    beside = sheet.with_name(sheet.name.replace("-pairs", ""))
    assert beside.is_file()
    with sheet.open() as lines:
        rows = {(r["column"], r["source"], r["other"]): r for r in csv.DictReader(lines)}
    both = rows["person", "infrared", "visible"]
    # all found are right, so AP counts the recalls 0, 0.01 ... 1 reached: 26 and 76 of 101
    assert float(both["difference"]) == pytest.approx(-100 * 50 / 101, abs=1e-5)
    assert float(both["low"]) < float(both["difference"]) < float(both["high"])
    assert 0 < float(both["p"]) <= float(both["p Holm"]) <= 1
    assert float(rows["mAP@.5", "infrared", "average"]["difference"]) == pytest.approx(
        -100 * 25 / 101, abs=1e-5
    )
    assert float(rows["person", "visible", "average"]["difference"]) == 0


def test_ctrl_c_ends_without_a_traceback_and_leaves_no_half_report(
    house, tmp_path, capsys, monkeypatch
):
    fill(house)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "write_report", stop)
    assert run.main([]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_the_plotting_library_keeps_its_files_under_out(house, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    fill(house)
    assert run.main([]) == 0
    assert Path(os.environ.pop("MPLCONFIGDIR")).is_relative_to(house[0].root.resolve())


def test_what_is_missing_is_shown_with_commands_and_absent_tasks_with_reasons(
    house, tmp_path, capsys
):
    store, detection, _, absent = house
    absent.append(SkippedTask("far-away", detection[0].task, "data/far: no such folder"))
    finish_run(detection[0], store, (0.5, 0.2))
    assert run.main(["--limit", "3", "--set", "tasks.toy-detection.epochs=2"]) == 0
    printed = capsys.readouterr().out
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    flags = "--limit 3 --set tasks.toy-detection.epochs=2"
    for text in (page, printed, (tmp_path / "report/report.md").read_text(encoding="utf-8")):
        assert "1 of 9 planned runs finished" in text
        assert f"python -m detection.run {flags} --task toy-detection --source average" in text
        assert f"python -m fusebench {flags}" in text
        assert "no such folder" in text


def test_only_undrawn_scenes_are_something_to_run(house, tmp_path):
    _, detection, _, absent = house
    fill(house)
    absent.append(SkippedTask("far-away", detection[0].task, "no such folder"))
    run.main([])
    page = tmp_path / "report/index.html"
    assert "To make what is missing" not in page.read_text(encoding="utf-8")
    absent.append(
        SkippedTask("scenes", detection[0].task, "drawn by the first run", will_be_generated=True)
    )
    run.main([])
    text = page.read_text(encoding="utf-8")
    assert "To make what is missing" in text
    assert "not counted: scenes, whose scenes the first run draws." in text
    assert "<strong>scenes</strong> is left out" not in text


def test_a_second_run_writes_nothing(house, tmp_path):
    fill(house)
    run.main([])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "report").rglob("*")}
    start = time.monotonic()
    run.main([])
    assert time.monotonic() - start < 2
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "report").rglob("*")} == before


def test_a_new_record_makes_the_report_anew(house, tmp_path):
    store, detection, _, _ = house
    run.main([])
    finish_run(detection[0], store, (0.5, 0.2))
    run.main([])
    assert "1 of 9" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


def test_the_same_records_make_the_same_files(house, tmp_path):
    fill(house)
    run.main(["--to", "a"])
    run.main(["--to", "b"])
    names = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(names) > 10
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_every_link_and_picture_of_the_page_is_there(house, tmp_path):
    fill(house)
    run.main([])
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'(?:src|href)="([^"#]+)"', page))
    assert any(link.endswith(".svg") for link in links)
    assert any(link.endswith(".jpg") for link in links)
    assert [link for link in links if not (tmp_path / "report" / link).is_file()] == []
    text = (tmp_path / "report/report.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "report" / link).is_file(), link


def test_simulated_is_said_of_the_simulated_task_only(house, tmp_path, capsys):
    fill(house)
    run.main([])
    detection, segmentation = (
        (tmp_path / "report/report.md").read_text(encoding="utf-8").split("\n## toy-segmentation")
    )
    assert "Warning:** simulated" not in detection
    assert "Warning:** simulated" in segmentation
    assert "[SIMULATED]" in capsys.readouterr().out


def test_plan_prints_which_records_are_there_and_writes_nothing(house, tmp_path, capsys):
    store, detection, _, _ = house
    finish_run(detection[0], store, (0.5, 0.2))
    assert run.main(["--plan"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "toy-detection-infrared-seed0: there"
    assert printed[1] == "toy-detection-infrared-seed1: missing"
    assert not (tmp_path / "report").exists()


def test_a_folder_with_other_files_is_refused_and_kept(house, tmp_path, capsys):
    mine = tmp_path / "thesis" / "chapter.tex"
    mine.parent.mkdir()
    mine.write_text("years of work")
    assert run.main(["--to", "thesis"]) == 2
    assert "holds chapter.tex" in capsys.readouterr().err
    assert mine.read_text() == "years of work"


def test_the_working_folder_is_refused_and_a_linked_report_is_followed(house, tmp_path, capsys):
    (tmp_path / "own.txt").write_text("mine")
    assert run.main(["--to", "."]) == 2
    assert "no part of a report" in capsys.readouterr().err
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run.main(["--to", "link"]) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/index.html").is_file()


def test_a_note_put_into_a_report_is_not_lost(house, tmp_path):
    run.main([])
    (tmp_path / "report" / "note.txt").write_text("keep me")
    with pytest.raises(UserError, match=r"note\.txt"):
        report_folder.replace_report(tmp_path / "report", "other", lambda _: None)
    assert (tmp_path / "report" / "note.txt").exists()


def test_a_damaged_record_is_named(house, tmp_path, capsys):
    store, detection, _, _ = house
    finish_run(detection[0], store, (0.5, 0.2))
    file = detection[0].place(store) / "record.json"
    file.write_text(file.read_text()[:100])
    assert run.main([]) == 2
    said = capsys.readouterr().err
    assert f"{file.relative_to(tmp_path)}: cannot be read" in said
    assert "delete its folder" in said
    assert not (tmp_path / "report").exists()


def test_a_place_that_cannot_be_written_is_named(house, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run.main(["--to", "file/report"]) == 2
    assert "file/report: no report can be written there" in capsys.readouterr().err
