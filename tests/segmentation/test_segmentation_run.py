"""The command line from end to end: label maps from a folder, and a tiny SegFormer."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fusebench.config import schema
from fusebench.evaluation import confusion
from fusebench.experiments import plan
from fusebench.storage.store import Store
from segmentation.run import main
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.paths import REPOSITORY

FIXED = """
sources: {{vis: {{kind: visible}}}}
tasks:
  toy: {{kind: segmentation, dataset: fmb, sources: [vis], model: from_folder,
        options: {{folder: {folder}}}, metrics: {{iou: {metric}, boundary_iou: {{}}}}}}
"""
SEGFORMER = """
sources: {ir: {kind: infrared}, vis: {kind: visible}}
tasks:
  toy: {kind: segmentation, dataset: fmb, sources: [ir, vis], options: {backbone: mit_b0,
        embedding: 32, iterations: 80, schedule: null, warm_up: 10, crop: 64, rescale: [0.8, 1.2],
        learning_rate: 1.0e-3, head_factor: 1, drop_path: 0}}
"""


@pytest.fixture
def root(tmp_path):
    tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data")
    return tmp_path


def fixed(root, metric="{}"):
    """A task file that scores the label maps in ``maps``."""
    (root / "maps").mkdir(exist_ok=True)
    (root / "tasks.yaml").write_text(FIXED.format(folder=root / "maps", metric=metric))


def label_maps(root, change=lambda labels: labels):
    for path in sorted((root / "data/fmb/test/Label").glob("*.png")):
        Image.fromarray(change(np.array(Image.open(path)))).save(root / "maps" / path.name)


def run(root, *more):
    where = ("--tasks", "tasks.yaml"), ("--data", "data"), ("--out", "runs")
    words = [word for flag, name in where for word in (flag, f"{root}/{name}")]
    return main([*words, "--device", "cpu", *more])


def cells(root):
    return plan.build_plan(
        schema.load_task_file(root / "tasks.yaml"), ["toy"], root / "data", root
    ).runs


def drive(name, first, last):
    span = {"min": first, "max": last}
    return {"name": name, "scene": [{"name": f"{name}-1", "range": [span]}]}


def records(root):
    return [cell.read_record(Store(root / "runs")) for cell in cells(root)]


def test_the_truth_itself_scores_1_and_says_its_protocol(root):
    fixed(root)
    label_maps(root)
    assert run(root) == 0
    (record,) = records(root)
    assert record.values == {"IoU": 1.0, "accuracy": 1.0, "precision": 1.0, "boundary_IoU": 1.0}
    assert record.conventions["all14, zero"]["IoU"] == 3 / 14  # road, sky, car
    assert record.conventions["dmfuse8, zero"]["boundary_IoU"] == 2 / 8
    assert record.by_class["car"]["IoU"] == 1.0
    assert record.by_class["bicycle"]["IoU"] is None
    assert "unlabelled" not in record.by_class
    assert record.counts == {"images": 3, "pixels": 3 * 96 * 64}
    assert record.protocol["class set"] == "all14 (14 of 15 classes)"
    assert record.protocol["unlabelled pixels"] == "counted as errors"
    assert record.protocol["images"] == "6 train / 3 test"


def test_all_cars_called_roads_halve_nothing_but_those_two_classes(root):
    fixed(root)
    label_maps(root, lambda labels: np.where(labels == 9, 1, labels).astype(np.uint8))
    assert run(root) == 0
    (record,) = records(root)
    assert record.by_class["sky"]["IoU"] == 1.0
    car = record.by_class["car"]
    assert car == {"IoU": 0.0, "accuracy": 0.0, "precision": None, "boundary_IoU": 0.0}
    truth = [np.array(Image.open(p)) for p in (root / "data/fmb/test/Label").glob("*.png")]
    road, car = (sum(int((t == c).sum()) for t in truth) for c in (1, 9))
    assert record.by_class["road"]["IoU"] == road / (road + car)


def test_per_image_files_add_up_to_the_record(root):
    fixed(root)
    label_maps(root, lambda labels: np.roll(labels, 3, axis=0))
    assert run(root) == 0
    (cell,) = cells(root)
    place = cell.get_record_folder(Store(root / "runs"))
    matrices = confusion.read_counts(place / "confusion.npz")
    assert list(matrices) == ["00006", "00007", "00008"]
    near = confusion.read_counts(place / "boundary.npz")
    assert list(near) == list(matrices)
    for key, matrix in near.items():
        folded = matrix.reshape(2, 15, 2, 15).sum(axis=(0, 2))
        np.testing.assert_array_equal(folded, matrices[key])
    total = sum(matrices.values())
    with (place / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column, axis in (("truth", 1), ("predicted", 0)):
        sky = sum(int(row[column]) for row in rows if row["class"] == "sky")
        assert sky == total.sum(axis=axis)[7]
    hit = sum(int(row["true_positives"]) for row in rows if row["class"] == "sky")
    assert hit == total[7, 7]
    assert {row["class"] for row in rows} == {"unlabelled", "road", "sky", "car"}


def test_conditions_are_scored_apart_where_they_are_known(root):
    meta = root / "data/fmb/meta"
    meta.mkdir()
    (meta / "scenario.json").write_text(json.dumps([drive("Day", 0, 7), drive("Night", 8, 8)]))
    fixed(root)
    label_maps(root)
    spoilt = root / "maps/00008.png"
    Image.new("L", tiny_segmentation_dataset.SIZE, 2).save(spoilt)
    assert run(root) == 0
    (record,) = records(root)
    assert record.by_condition["day"].values["IoU"] == 1.0
    assert record.by_condition["night"].values["IoU"] == 0.0
    for scene, right in (("day", 1.0), ("night", 0.0)):
        assert record.by_condition[scene].values["boundary_IoU"] == right
        assert record.by_condition[scene].by_class["sky"]["accuracy"] == right
        assert record.by_condition[scene].conventions["dmfuse8, skip"]["IoU"] == right
    assert record.by_condition["day"].by_class["sky"]["precision"] == 1.0
    assert record.by_condition["night"].by_class["sky"]["precision"] is None
    assert record.by_condition["day"].counts["images"] == 2


def colored(labels, *, swapped=False):
    """FMB's colors of a label map, from the authors' dictionary."""
    colors = np.zeros((15, 3), np.uint8)
    colors[[1, 7, 9]] = (179, 228, 228), (179, 73, 79), (66, 121, 253)
    return (colors[:, ::-1] if swapped else colors)[labels]


SIZE = tiny_segmentation_dataset.SIZE


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "1 of the 3 label maps are missing (first: 00007)"),
        (lambda path: Image.new("L", (48, 32)).save(path), "00007.png: 48 x 32 pixels"),
        (lambda path: Image.new("L", SIZE, 77).save(path), "id 77 (6144 pixels) has no class"),
        (lambda path: Image.new("RGB", SIZE).save(path), "mode RGB; is it a picture in FMB's col"),
        (lambda path: Image.new("RGBA", SIZE).save(path), "mode RGBA; is it a picture in FMB's c"),
        (lambda path: Image.new("I;16", SIZE, 3).save(path), "expected an 8-bit image, got mode I"),
        (lambda path: path.write_bytes(b"no image"), "cannot be read as an image"),
    ],
)
def test_a_bad_label_map_is_named(root, capsys, spoil, said):
    fixed(root)
    label_maps(root)
    spoil(root / "maps/00007.png")
    assert run(root) == 2
    fault = [line for line in capsys.readouterr().err.splitlines() if said in line]
    assert len(fault) == 1


@pytest.mark.parametrize(("palette", "swapped"), [("fmb", False), ("fmb_swapped", True)])
def test_pictures_in_fmbs_colors_are_read_as_what_they_show(root, capsys, palette, swapped):
    fixed(root)
    label_maps(root, lambda labels: colored(labels, swapped=swapped))
    other = {"fmb": "fmb_swapped", "fmb_swapped": "fmb"}[palette]
    assert run(root, "--set", f"tasks.toy.palette={other}") == 2
    said = capsys.readouterr().err
    assert "colors of no class (most often RGB" in said
    assert run(root, "--set", f"tasks.toy.palette={palette}") == 0
    asked = schema.load_task_file(root / "tasks.yaml", None, [f"tasks.toy.palette={palette}"])
    (cell,) = plan.build_plan(asked, ["toy"], root / "data", root).runs
    record = cell.read_record(Store(root / "runs"))
    assert record.values["IoU"] == 1.0
    assert record.protocol["colors"] == palette


def test_ids_of_another_numbering_are_read_by_their_names(root, capsys):
    fixed(root)
    numbers = np.zeros(15, np.uint8)
    numbers[[0, 1, 7, 9]] = 255, 0, 10, 13  # Cityscapes' numbers
    label_maps(root, lambda labels: numbers[labels])
    ids = "{0: road, 10: sky, 13: car"
    assert run(root, "--set", f"tasks.toy.ids={ids}}}") == 2
    assert "id 255 (192 pixels) has no class; known are 0, 10, 13" in capsys.readouterr().err
    assert run(root, "--set", f"tasks.toy.ids={ids}, 255: house}}") == 2
    assert (
        "options.ids.255: 'house' is none of the classes unlabeled, road" in capsys.readouterr().err
    )
    change = f"tasks.toy.ids={ids}, 255: unlabeled}}"
    assert run(root, "--set", change) == 0
    asked = schema.load_task_file(root / "tasks.yaml", None, [change])
    (cell,) = plan.build_plan(asked, ["toy"], root / "data", root).runs
    record = cell.read_record(Store(root / "runs"))
    assert record.values["IoU"] == 1.0
    assert record.protocol["ids"] == "0 road, 10 sky, 13 car, 255 unlabelled"


def test_younger_options_leave_the_digest_of_older_runs_as_it_was(root):
    fixed(root)
    label_maps(root)
    (cell,) = cells(root)
    assert cell.specs["trained"]["options"] == {"folder": str(root / "maps")}


def test_a_class_set_that_does_not_fit_is_refused_before_anything_is_done(root, capsys):
    fixed(root, "{classes: all15, unlabeled: ignored}")
    label_maps(root)
    for more in ((), ("--plan",)):
        assert run(root, *more) == 2
        said = capsys.readouterr().err
        assert "tasks.toy.metrics.iou: class set all15 scores 'unlabelled'" in said
    assert not (root / "runs").exists()


def test_a_metric_that_averages_in_another_way_says_so(root):
    fixed(root)
    tasks_file = root / "tasks.yaml"
    asked = tasks_file.read_text().replace("boundary_iou: {}", "boundary_iou: {classes: dmfuse8}")
    tasks_file.write_text(asked)
    label_maps(root)
    assert run(root) == 0
    (record,) = records(root)
    assert record.protocol["class set"] == "all14 (14 of 15 classes)"
    assert record.protocol["class set, Boundary IoU"] == "dmfuse8 (8 of 15 classes)"
    assert "absent classes, Boundary IoU" not in record.protocol


SOURCES = "sources: {ir: {kind: infrared}, vis: {kind: visible}}"


def test_with_a_folder_per_source_sources_are_compared_in_one_task(root):
    for name in ("maps-ir", "maps-vis"):
        (root / "maps").mkdir()
        label_maps(root, lambda t, same=name == "maps-vis": t if same else np.ones_like(t))
        (root / "maps").rename(root / name)
    text = FIXED.format(folder=f"'{root}/maps-{{source}}'", metric="{}")
    text = text.replace("sources: {vis: {kind: visible}}", SOURCES).replace("[vis]", "[ir, vis]")
    (root / "tasks.yaml").write_text(text)
    assert run(root) == 0
    infrared, visible = records(root)
    assert visible.values["IoU"] == 1.0
    assert infrared.by_class["car"]["IoU"] == 0.0
    assert infrared.protocol["predictions"] == "maps-ir"
    assert infrared.protocol["model"] == visible.protocol["model"]


def test_one_folder_for_two_sources_is_refused(root, capsys):
    fixed(root)
    text = (root / "tasks.yaml").read_text()
    text = text.replace("sources: {vis: {kind: visible}}", SOURCES).replace("[vis]", "[ir, vis]")
    (root / "tasks.yaml").write_text(text)
    assert run(root) == 2
    said = capsys.readouterr().err
    assert "the same folder of label maps would be scored for each of the 2 sources" in said


def test_another_metric_option_predicts_nothing_anew(root):
    fixed(root)
    label_maps(root)
    assert run(root) == 0
    (before,) = (root / "runs/predicted").iterdir()
    changed = (before / "00006.png").stat().st_mtime_ns
    fixed(root, "{classes: dmfuse8}")
    assert run(root) == 0
    assert (before / "00006.png").stat().st_mtime_ns == changed
    assert set(records(root)[0].by_class) >= {"road", "pole"}


def test_start_weights_that_do_not_fit_are_one_error_before_training(root, capsys):
    import torch

    (root / "tasks.yaml").write_text(SEGFORMER)
    torch.save({"conv.weight": torch.zeros(3)}, root / "other.pth")
    change = "--set", f"tasks.toy.start_weights={root}/other.pth", "--source", "vis"
    assert run(root, *change) == 2
    assert not (root / "runs/trained").exists()
    fault = capsys.readouterr().err
    assert f"{root}/other.pth: no MiT encoder" in fault
    assert "Traceback" not in fault


@pytest.mark.slow
def test_a_tiny_segformer_learns_the_toy_and_a_second_run_does_nothing(root, capsys):
    (root / "tasks.yaml").write_text(SEGFORMER)
    assert run(root) == 0
    infrared, visible = records(root)
    for record in (infrared, visible):
        assert record.values["IoU"] > 0.5
        assert record.by_class["sky"]["IoU"] > 0.8
        assert record.provenance["training"]["device"] == "cpu"
    assert len(list((root / "runs/trained").iterdir())) == 2
    made = {path: path.stat().st_mtime_ns for path in (root / "runs").rglob("*.*")}
    assert run(root) == 0
    assert {path: path.stat().st_mtime_ns for path in (root / "runs").rglob("*.*")} == made
    assert "(done)" in capsys.readouterr().out


OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"asked for the network: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from segmentation.run import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_writes_nothing_outside_its_folder_and_asks_no_network(root):
    (root / "tasks.yaml").write_text(SEGFORMER)
    places = [root / name for name in ("home", "here", "temporary")]
    for place in places:
        place.mkdir()
    changes = {"HOME": str(places[0]), "TMPDIR": str(places[2])}
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "TORCH"))}
    flags = ["--tasks", "../tasks.yaml", "--data", "../data", "--out", "../runs", "--device", "cpu"]
    flags += ["--set", "tasks.toy.iterations=2", "--set", "tasks.toy.warm_up=1"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", OFFLINE, *flags],
        cwd=places[1],
        env=keep | changes | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [list(place.iterdir()) for place in places] == [[], [], []]
    assert done.stdout.splitlines() == ["[1/2] toy-ir-seed0", "[2/2] toy-vis-seed0"]


def test_a_class_set_that_there_is_not_is_refused_before_anything_is_read(root, capsys):
    fixed(root, "{classes: coco80}")
    assert run(root) == 2
    assert "tasks.toy.metrics.iou: classes: Input should be 'all15'" in capsys.readouterr().err
