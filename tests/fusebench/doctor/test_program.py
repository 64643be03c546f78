"""The program: what it writes and prints for whole and for damaged data sets."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fusebench import console
from fusebench.doctor import main, measurement, program, runner
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

SIZE = (64, 48)


def draw(seed):
    """A pair of a small scene: RGB and an infrared image with other levels of the same shapes."""
    rng = np.random.default_rng(seed)
    shapes = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for number in range(1, 9):
        left, top = rng.integers(0, [SIZE[0] - 12, SIZE[1] - 12]).tolist()
        cv2.rectangle(shapes, (left, top), (left + 12, top + 10), number, -1)
    colors = rng.integers(40, 256, (9, 3), dtype=np.uint8)
    levels = rng.integers(40, 256, 9, dtype=np.uint8)
    return levels[shapes], colors[shapes]


def write_pair(folder, key, seed, boxes=(("Car", 5, 5, 30, 30),)):
    infrared, visible = draw(seed)
    for name, image in (("Ir", infrared), ("Vis", visible)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name / f"{key}.png")
    dataset_folders.write_voc_xml(folder / "Annotation" / f"{key}.xml", boxes, SIZE)


@pytest.fixture
def m3fd(tmp_path, monkeypatch):
    """Six pairs in M3FD's folders; the current folder is the one above ``data``."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "m3fd"
    for i in range(6):
        write_pair(folder, f"{i:05d}", i)
    return folder


def read_findings(name="m3fd"):
    """Severity and items of every finding in the JSON file, by title without numbers."""
    document = json.loads(Path(f"doctor/{name}.json").read_text(encoding="utf-8"))
    return {
        re.sub(r"^[\d,]+ of [\d,]+ (.*?)\([^)]*\) ?", r"\1", finding["title"]): (
            finding["severity"],
            [item["name"] for item in finding["items"]],
        )
        for section in document["sections"]
        for finding in section["findings"]
    }


def test_a_whole_data_set_has_no_error_and_gets_a_page_and_a_json_file(m3fd, capsys):
    assert main(["--m3fd"]) == 0
    output = capsys.readouterr().out
    assert "M3FD in data/m3fd: 6 pairs" in output
    assert "0 error(s)" in output
    page = Path("doctor/m3fd.html").read_text(encoding="utf-8")
    assert "<h1>M3FD</h1>" in page
    assert not re.search(r"""(src|href)=["']?(https?:|//|file:)""", page)
    assert not {severity for severity, _ in read_findings().values()} & {"error"}


def test_files_of_four_channels_are_examined_as_two_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(4):
        infrared, visible = draw(i)
        for name, image in (("images", np.dstack([visible, infrared])), ("labels", infrared % 9)):
            path = tmp_path / f"data/mfnet/{name}/{i:05d}D.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    assert main(["--mfnet"]) == 0
    assert not {severity for severity, _ in read_findings("mfnet").values()} & {"error"}


def test_every_damaged_file_is_a_finding_and_none_ends_the_program(m3fd, capsys):
    (m3fd / "Ir" / "00000.png").write_bytes(b"no image")
    truncated = (m3fd / "Vis" / "00001.png").read_bytes()[:-40]
    (m3fd / "Vis" / "00001.png").write_bytes(truncated)
    (m3fd / "Annotation" / "00002.xml").write_text("<annotation>")
    Image.new("L", (32, 24)).save(m3fd / "Ir" / "00003.png")
    assert main(["--m3fd"]) == 1
    findings = read_findings()
    assert findings["images cannot be read"] == (
        "error",
        ["00000 (infrared)", "00001 (visible)"],
    )
    assert findings["label files cannot be read"] == ("error", ["00002"])
    assert findings["pairs have images of different size"] == ("error", ["00003"])
    assert "error" in capsys.readouterr().out


def test_a_copied_pair_in_train_and_test_is_an_error(m3fd, tmp_path):
    (m3fd / "meta").mkdir()
    write_pair(m3fd, "00009", 2)
    (m3fd / "meta" / "train.txt").write_text("00000\n00001\n00002\n")
    (m3fd / "meta" / "test.txt").write_text("00003\n00009\n")
    (tmp_path / "tasks.yaml").write_text(
        "sources: {visible: {kind: visible}}\n"
        "tasks: {boxes: {kind: quality, dataset: m3fd, sources: [visible],"
        " data: {split: {rule: lists}}}}\n"
    )
    assert main(["--task", "boxes"]) == 1
    findings = read_findings("boxes")
    (leak,) = [value for title, value in findings.items() if "in train and in test" in title]
    assert leak == ("error", ["00002 (train), 00009 (test)"])


def test_the_second_run_measures_changed_pairs_only(m3fd, monkeypatch):
    assert main(["--m3fd"]) == 0
    measured, measure_pair = [], measurement.measure_pair

    def measure(job):
        measured.append(job.key)
        return measure_pair(job)

    monkeypatch.setattr(runner.measurement, "measure_pair", measure)
    before = read_findings()
    assert main(["--m3fd"]) == 0
    assert (measured, read_findings()) == ([], before)
    write_pair(m3fd, "00004", 44)
    assert main(["--m3fd"]) == 0
    assert measured == ["00004"]


def test_damaged_kept_measurements_are_ignored(m3fd, tmp_path):
    assert main(["--m3fd"]) == 0
    (kept,) = (tmp_path / "runs" / "doctor").glob("m3fd-*.json")
    kept.write_text('{"a": 1')
    assert main(["--m3fd"]) == 0
    assert json.loads(kept.read_text())


def test_measurements_that_cannot_be_kept_do_not_end_the_program(m3fd, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "doctor").touch()
    assert main(["--m3fd"]) == 0
    output = capsys.readouterr()
    assert "the measurements cannot be kept" in output.err
    assert "6 pairs" in output.out


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_measured(m3fd, capsys):
    Path("file").write_text("")
    assert main(["--m3fd", "--to", "file/pages"]) == 2
    output = capsys.readouterr()
    assert "--to file/pages: cannot be written (Not a directory); name another" in output.err
    assert output.out == ""
    assert not Path("runs").exists()


def test_a_data_set_of_a_users_module_is_examined(m3fd, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_datasets").mkdir()
    (tmp_path / "my_datasets" / "pairs.py").write_text(
        "from fusebench.data.boxes import make_boxes\n"
        "from fusebench.data.dataset_index import DatasetIndex\n"
        "VERSION, TITLE, CLASSES = 1, 'My pairs', ('Car',)\n"
        "def load(root, options):\n"
        "    folder = root / 'm3fd'\n"
        "    files = [(p.stem, str(folder / 'Ir' / p.name), str(p))\n"
        "        for p in sorted((folder / 'Vis').iterdir())]\n"
        "    boxes = make_boxes([[1, 1, 9, 9]], [0])\n"
        "    read = lambda key, size: boxes\n"
        "    return DatasetIndex('my_pairs', folder, CLASSES, files, None, read)\n"
    )
    (tmp_path / "tasks.yaml").write_text(
        "sources: {visible: {kind: visible}}\n"
        "tasks: {mine: {kind: quality, dataset: my_datasets.pairs, sources: [visible]}}\n"
    )
    assert main(["--task", "mine"]) == 0
    document = json.loads(Path("doctor/mine.json").read_text(encoding="utf-8"))
    tables = {table["title"]: table for s in document["sections"] for table in s["tables"]}
    assert tables["Boxes (sides in pixels; sizes as in COCO)"]["rows"][0][:2] == ["Car", "6"]


def test_names_from_files_are_escaped_on_the_page(m3fd):
    write_pair(m3fd, "<b>x", 9)
    (m3fd / "Vis" / "<b>x.png").write_bytes(b"no image")
    assert main(["--m3fd"]) == 1
    page = Path("doctor/m3fd.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page


def test_label_maps_with_an_unknown_id_are_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset_folders.write_fmb(tmp_path / "data" / "fmb", ["1", "2"], ["3"])
    Image.new("L", dataset_folders.IMAGE_SIZE, 77).save("data/fmb/test/Label/3.png")
    assert main(["--fmb"]) == 1
    findings = read_findings("fmb")
    assert findings["label maps have an id without a class"] == ("error", ["3"])


def test_infrared_images_of_16_bits_are_measured(m3fd):
    for path in (m3fd / "Ir").iterdir():
        values = np.asarray(Image.open(path)).astype(np.uint16) * 40 + 7000
        Image.fromarray(values).save(path)
    assert main(["--m3fd"]) == 1
    titles = read_findings()
    assert any("have more than 8 bits: 6 of 16 bits" in title for title in titles)
    assert "images cannot be read" not in titles


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (300, 2)])
def test_images_of_a_few_pixels_do_not_end_the_program(m3fd, size):
    for name, mode in (("Ir", "L"), ("Vis", "RGB")):
        Image.new(mode, size, 90).save(m3fd / name / "00000.png")
    dataset_folders.write_voc_xml(m3fd / "Annotation" / "00000.xml", (), size)
    assert main(["--m3fd"]) in (0, 1)


def test_quick_reads_some_pairs(m3fd, monkeypatch, capsys):
    monkeypatch.setattr(program, "QUICK_PAIR_COUNT", 3)
    assert main(["--m3fd", "--quick"]) == 0
    assert "3 pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no data set is named; expected"),
        (["--m3fd", "--data", "nowhere"], "M3FD is not at nowhere/m3fd"),
        (["--task", "boxs"], "no task is called 'boxs'"),
        (["--m3fd", "--to", "file"], "--to file: is a file"),
    ],
)
def test_a_wrong_command_has_status_2_and_writes_nothing(m3fd, arguments, message, capsys):
    Path("file").touch()
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not Path("doctor").exists()


def test_the_console_command_is_the_same_program(m3fd, capsys):
    assert console.main(["doctor", "--m3fd"]) == 0
    assert "Page: doctor/m3fd.html" in capsys.readouterr().out


def test_an_interrupt_is_one_line_and_keeps_what_is_measured(m3fd, monkeypatch, tmp_path, capsys):
    measure_pair = measurement.measure_pair

    def measure_two(job):
        if job.key == "00002":
            raise KeyboardInterrupt
        return measure_pair(job)

    monkeypatch.setattr(runner.measurement, "measure_pair", measure_two)
    assert main(["--m3fd"]) == 130
    assert "interrupted; the same command resumes" in capsys.readouterr().err
    (kept,) = (tmp_path / "runs" / "doctor").glob("m3fd-*.json")
    assert len(json.loads(kept.read_text())) == 2


def test_worker_processes_measure_the_same_as_one_process(m3fd, monkeypatch):
    assert main(["--m3fd"]) == 0
    before = Path("doctor/m3fd.json").read_text(encoding="utf-8")
    monkeypatch.setattr(runner, "MIN_JOBS_FOR_POOL", 2)
    monkeypatch.setattr(runner.process_pool, "count_available_cpus", lambda: 2)
    assert main(["--m3fd", "--out", "others"]) == 0
    assert Path("doctor/m3fd.json").read_text(encoding="utf-8") == before


@pytest.mark.slow
def test_ctrl_c_ends_all_processes(m3fd, tmp_path):
    for i in range(6, 300):
        write_pair(m3fd, f"{i:05d}", i)
    process = subprocess.Popen(
        [sys.executable, "-m", "fusebench.doctor", "--m3fd"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    output = ""
    while "read m3fd" not in output:  # the progress bar
        character = process.stderr.read(1)
        assert character, output
        output += character
    process.send_signal(signal.SIGINT)
    output += process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "interrupted; the same command resumes" in output
    assert "Traceback" not in output, output.replace("\r", "\n")[:3000]


def test_simulated_scenes_are_divided_as_they_are_rendered_and_are_not_m3fd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.yaml").write_text(
        "sources: {visible: {kind: visible}}\n"
        "tasks: {toy: {kind: quality, dataset: scenes, sources: [visible],"
        " data: {train: 2, test: 1, knobs: {width: 96, height: 64}}}}\n"
    )
    assert main(["--task", "toy"]) in (0, 1)
    document = json.loads(Path("doctor/toy.json").read_text(encoding="utf-8"))
    sections = {section["name"]: section for section in document["sections"]}
    assert "known_facts" not in sections
    assert sections["dataset"]["tables"][0]["rows"] == [
        ["train", "2"],
        ["test", "1"],
        ["neither", "0"],
    ]
