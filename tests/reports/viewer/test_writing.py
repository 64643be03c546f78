"""Files of the viewer: which pairs have pictures, and what is said about the others."""

import html
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from fusebench.storage.store import Store
from reports import run
from reports.viewer import collection, writing
from reports.viewer.writing import PictureOptions
from tests.helpers.reports.synthetic_records import (
    finish_run,
    make_runs,
    patch_plan,
    write_split,
)

NOTHING = Path("no such report")
CHOSEN = {"m3fd-detection": ["00003", "00011"], "fmb-segmentation": ["00005"]}


@pytest.fixture(scope="module")
def tasks(viewer_report):
    return collection.collect_tasks(viewer_report.plan.runs, viewer_report.store)


def read_data(folder):
    text = (folder / "viewer.html").read_text(encoding="utf-8")
    return json.loads(re.search('id="data">(.*?)</script>', text)[1])


def list_keys(data):
    return {task["name"]: [pair["key"] for pair in task["pairs"]] for task in data["tasks"]}


def list_pictures(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.webp")}


@pytest.mark.slow
def test_every_picture_and_label_map_that_the_page_names_is_there(viewer_report):
    data, folder = read_data(viewer_report.folder), viewer_report.folder
    named = set()
    for task in data["tasks"]:
        assert len(task["pairs"]) == 21
        for pair in task["pairs"]:
            assert pair["size"] == [160, 120]
            named |= {f"{s['folder']}/{pair['file']}.webp" for s in task["sources"]}
            for source in task["sources"] if task["kind"] == "segmentation" else []:
                for kind in ("labels", "errors"):
                    with Image.open(folder / f"{source[kind]}/{pair['file']}.png") as image:
                        assert image.size == (160, 120)
    assert named == list_pictures(folder)
    assert len(named) == 2 * 4 * 21  # two data sets; the quality tasks share their pictures


@pytest.mark.slow
def test_chosen_pairs_are_those_of_the_sample_images(tasks, tmp_path):
    note = writing.write_viewer(tasks, CHOSEN, tmp_path, PictureOptions("chosen"), previous=NOTHING)
    keys = list_keys(read_data(tmp_path))
    assert {name: keys[name] for name in CHOSEN} == CHOSEN
    assert 0 < len(keys["m3fd-quality"]) < 21  # one per condition
    assert "--pictures all" in note
    assert note in html.unescape((tmp_path / "viewer.html").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_pairs_are_left_out_above_the_limit_and_the_page_says_so(tasks, tmp_path, monkeypatch):
    monkeypatch.setattr(writing.pictures, "estimate_bytes", lambda files: 4_000_000.0)
    note = writing.write_viewer(tasks, CHOSEN, tmp_path, PictureOptions("all", 1), previous=NOTHING)
    keys = list_keys(read_data(tmp_path))
    assert len(keys["m3fd-detection"]) == 5  # a quarter of 21
    assert set(CHOSEN["m3fd-detection"]) < set(keys["m3fd-detection"])
    assert re.search(r"of \d+ of 84 pairs .* about 4 MB, the limit is 1 MB; --pictures-limit", note)
    assert "limit is 1 MB" in (tmp_path / "viewer.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_all_pictures_fit_the_default_limit_without_a_note(tasks, tmp_path):
    assert writing.write_viewer(tasks, CHOSEN, tmp_path, PictureOptions(), previous=NOTHING) == ""


@pytest.fixture
def small_report(tmp_path, monkeypatch):
    """A finished detection task on four pairs; returns a function that writes its report."""
    store = Store(tmp_path / "runs")
    runs = make_runs("detection", write_split(tmp_path / "data"), tmp_path, fused=("average",))
    for planned in runs:
        finish_run(planned, store, (0.5, 0.5))
    patch_plan(monkeypatch, runs)
    monkeypatch.chdir(tmp_path)

    def write(*flags):
        assert run.main([*flags]) == 0
        return tmp_path / "report"

    return write


@pytest.mark.parametrize("flags", [("--pictures", "none")])
def test_without_pictures_there_is_no_viewer_and_no_link_to_it(small_report, flags):
    assert (small_report() / "viewer.html").exists()
    assert "viewer.html" in (small_report() / "index.html").read_text(encoding="utf-8")
    report = small_report(*flags)
    assert not (report / "viewer.html").exists()
    assert not (report / "images").exists()
    assert "viewer.html" not in (report / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("limit", ["0", "-1", "1000001", "many", "1.5"])
def test_a_limit_that_is_no_number_of_megabytes_is_refused(small_report, limit, capsys):
    with pytest.raises(SystemExit) as error:
        run.main([f"--pictures-limit={limit}"])
    assert error.value.code == 2
    assert "--pictures-limit" in capsys.readouterr().err


def test_a_damaged_fused_image_leaves_out_its_picture_only(small_report, tmp_path):
    fused = next((tmp_path / "runs" / "fused").rglob("*.png"))
    fused.write_bytes(b"damaged")
    pairs = read_data(small_report())["tasks"][0]["pairs"]
    missing = [pair["missing"] for pair in pairs if "missing" in pair]
    assert len(missing) == 1
    assert fused.name in missing[0]["2"]  # the third source
