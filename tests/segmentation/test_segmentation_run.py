"""The segmentation command end to end: label maps from a folder, and a tiny SegFormer."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fusebench.config import schema
from fusebench.evaluation.counts import read_counts
from fusebench.experiments import plan
from fusebench.storage.store import Store
from segmentation.run import main
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.paths import REPOSITORY

FROM_FOLDER = """
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


def write_task_file(root, metric="{}"):
    """Write a task file that scores the label maps in ``maps``."""
    (root / "maps").mkdir(exist_ok=True)
    (root / "tasks.yaml").write_text(FROM_FOLDER.format(folder=root / "maps", metric=metric))


def write_label_maps(root, change=lambda labels: labels):
    for path in sorted((root / "data/fmb/test/Label").glob("*.png")):
        Image.fromarray(change(np.array(Image.open(path)))).save(root / "maps" / path.name)


def run_segmentation(root, *flags):
    paths = ["--tasks", f"{root}/tasks.yaml", "--data", f"{root}/data", "--out", f"{root}/runs"]
    return main([*paths, "--device", "cpu", *flags])


def plan_runs(root, *overrides):
    task_file = schema.load_task_file(root / "tasks.yaml", None, list(overrides))
    return plan.build_plan(task_file, ["toy"], root / "data", root).runs


def make_scenario(name, first, last):
    numbers = {"min": first, "max": last}
    return {"name": name, "scene": [{"name": f"{name}-1", "range": [numbers]}]}


def read_records(root, *overrides):
    return [run.read_record(Store(root / "runs")) for run in plan_runs(root, *overrides)]


def test_the_true_label_maps_score_1_and_have_a_protocol(root):
    write_task_file(root)
    write_label_maps(root)
    assert run_segmentation(root) == 0
    (record,) = read_records(root)
    assert record.values == {"IoU": 1.0, "accuracy": 1.0, "precision": 1.0, "boundary_IoU": 1.0}
    assert record.by_convention["all14, zero"]["IoU"] == 3 / 14  # road, sky, car
    assert record.by_convention["dmfuse8, zero"]["boundary_IoU"] == 2 / 8
    assert record.by_class["car"]["IoU"] == 1.0
    assert record.by_class["bicycle"]["IoU"] is None
    assert "unlabelled" not in record.by_class
    assert record.counts == {"images": 3, "pixels": 3 * 96 * 64}
    assert record.protocol["class set"] == "all14 (14 of 15 classes)"
    assert record.protocol["unlabeled pixels"] == "counted as errors"
    assert record.protocol["images"] == "3 test"


def test_label_maps_named_by_a_template_are_scored(root, capsys):
    write_task_file(root)
    write_label_maps(root)
    for path in (root / "maps").iterdir():
        path.rename(path.with_name(f"{path.stem}_pred.png"))
    assert run_segmentation(root) == 2
    assert "name the folder as" in capsys.readouterr().err
    override = f"tasks.toy.options.folder='{root}/maps/{{key}}_pred'"
    assert run_segmentation(root, "--set", override) == 0
    (record,) = read_records(root, override)
    assert record.values["IoU"] == 1.0


def test_cars_predicted_as_road_lower_only_these_two_classes(root):
    write_task_file(root)
    write_label_maps(root, lambda labels: np.where(labels == 9, 1, labels).astype(np.uint8))
    assert run_segmentation(root) == 0
    (record,) = read_records(root)
    assert record.by_class["sky"]["IoU"] == 1.0
    car = record.by_class["car"]
    assert car == {"IoU": 0.0, "accuracy": 0.0, "precision": None, "boundary_IoU": 0.0}
    truth = [np.array(Image.open(p)) for p in (root / "data/fmb/test/Label").glob("*.png")]
    road, car = (sum(int((t == c).sum()) for t in truth) for c in (1, 9))
    assert record.by_class["road"]["IoU"] == road / (road + car)


def test_per_image_files_add_up_to_the_record(root):
    write_task_file(root)
    write_label_maps(root, lambda labels: np.roll(labels, 3, axis=0))
    assert run_segmentation(root) == 0
    (run,) = plan_runs(root)
    folder = run.get_record_folder(Store(root / "runs"))
    matrices = read_counts(folder / "confusion.npz")
    assert matrices.keys == ("00006", "00007", "00008")
    boundary = read_counts(folder / "boundary.npz")
    assert boundary.keys == matrices.keys
    summed = boundary.values.reshape(3, 2, 15, 2, 15).sum(axis=(1, 3))
    np.testing.assert_array_equal(summed, matrices.values)
    total = matrices.values.sum(axis=0)
    with (folder / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column, axis in (("truth", 1), ("predicted", 0)):
        sky = sum(int(row[column]) for row in rows if row["class"] == "sky")
        assert sky == total.sum(axis=axis)[7]
    true_positives = sum(int(row["true_positives"]) for row in rows if row["class"] == "sky")
    assert true_positives == total[7, 7]
    assert {row["class"] for row in rows} == {"unlabelled", "road", "sky", "car"}


def test_every_known_condition_has_its_own_scores(root):
    meta = root / "data/fmb/meta"
    meta.mkdir()
    (meta / "scenario.json").write_text(
        json.dumps([make_scenario("Day", 0, 7), make_scenario("Night", 8, 8)])
    )
    write_task_file(root)
    write_label_maps(root)
    Image.new("L", tiny_segmentation_dataset.SIZE, 2).save(root / "maps/00008.png")
    assert run_segmentation(root) == 0
    (record,) = read_records(root)
    assert record.by_condition["day"].values["IoU"] == 1.0
    assert record.by_condition["night"].values["IoU"] == 0.0
    for condition, expected in (("day", 1.0), ("night", 0.0)):
        scores = record.by_condition[condition]
        assert scores.values["boundary_IoU"] == expected
        assert scores.by_class["sky"]["accuracy"] == expected
        assert scores.by_convention["dmfuse8, skip"]["IoU"] == expected
    assert record.by_condition["day"].by_class["sky"]["precision"] == 1.0
    assert record.by_condition["night"].by_class["sky"]["precision"] is None
    assert record.by_condition["day"].counts["images"] == 2


def color_label_map(labels, *, swapped=False):
    """A label map in FMB's colors, from the authors' dictionary."""
    colors = np.zeros((15, 3), np.uint8)
    colors[[1, 7, 9]] = (179, 228, 228), (179, 73, 79), (66, 121, 253)
    return (colors[:, ::-1] if swapped else colors)[labels]


SIZE = tiny_segmentation_dataset.SIZE


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "1 of the 3 label maps are missing (first: 00007)"),
        (lambda path: Image.new("L", (48, 32)).save(path), "00007.png: 48 x 32 pixels"),
        (lambda path: Image.new("L", SIZE, 77).save(path), "id 77 (6144 pixels) has no class"),
        (lambda path: Image.new("RGB", SIZE, (1, 2, 3)).save(path), "1 colors of no class (most"),
        (lambda path: Image.new("RGBA", SIZE).save(path), "an alpha channel that is not 255"),
        (lambda path: Image.new("I;16", SIZE, 300).save(path), "value 300 (6144 pixels) is no cl"),
        (lambda path: Image.new("L", SIZE).save(path, "JPEG"), "00007.png: is a JPEG file"),
        (lambda path: path.write_bytes(b"no image"), "cannot be read as an image"),
    ],
)
def test_a_bad_label_map_is_one_error_that_names_it(root, capsys, damage, message):
    write_task_file(root)
    write_label_maps(root)
    damage(root / "maps/00007.png")
    assert run_segmentation(root) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if message in line]
    assert len(lines) == 1


@pytest.mark.parametrize(("palette", "swapped"), [("fmb", False), ("fmb_swapped", True)])
def test_label_maps_in_fmbs_colors_are_read_as_class_ids(root, capsys, palette, swapped):
    write_task_file(root)
    write_label_maps(root, lambda labels: color_label_map(labels, swapped=swapped))
    wrong_palette = {"fmb": "fmb_swapped", "fmb_swapped": "fmb"}[palette]
    assert run_segmentation(root, "--set", f"tasks.toy.palette={wrong_palette}") == 2
    errors = capsys.readouterr().err
    assert "colors of no class (most often RGB" in errors
    assert run_segmentation(root, "--set", f"tasks.toy.palette={palette}") == 0
    (record,) = read_records(root, f"tasks.toy.palette={palette}")
    assert record.values["IoU"] == 1.0
    assert record.protocol["colors"] == palette


def test_palette_indices_are_ids_if_the_user_says_so(root, capsys):
    write_task_file(root)
    for path in sorted((root / "data/fmb/test/Label").glob("*.png")):
        image = Image.fromarray(np.array(Image.open(path)), "P")
        image.putpalette([10, 20, 30] * 5 + [value for i in range(60) for value in (i, 200, 9)])
        image.save(root / "maps" / path.name)
    unequal = "{0: unlabelled, 1: road, 7: sky, 9: car}"
    for flags in ([], ["--set", f"tasks.toy.ids={unequal}"]):
        assert run_segmentation(root, *flags) == 0  # colors 0 to 4 are equal: not renumbered
    for path in (root / "maps").iterdir():
        image = Image.open(path)
        image.putpalette([value for i in range(60) for value in (i, 200, 9)])
        image.save(path)
    assert run_segmentation(root) == 2
    assert "palette: indices" in capsys.readouterr().err
    assert run_segmentation(root, "--set", "tasks.toy.palette=indices") == 0
    (record,) = read_records(root, "tasks.toy.palette=indices")
    assert record.values["IoU"] == 1.0
    flags = ["--set", f"tasks.toy.ids={unequal}", "--set", "tasks.toy.palette=fmb"]
    assert run_segmentation(root, *flags) == 2
    assert "ids are for files of numbers" in capsys.readouterr().err


@pytest.mark.parametrize(("part", "image_count"), [("test", 3), ("train", 6)])
def test_label_maps_of_0_and_255_are_refused_before_anything_is_computed(
    root, capsys, part, image_count
):
    write_task_file(root)
    write_label_maps(root)
    for path in (root / "data/fmb" / part / "Label").iterdir():
        Image.fromarray(np.uint8(255) * (np.array(Image.open(path)) == 1)).save(path)
    (root / "tasks.yaml").write_text(SEGFORMER)
    assert run_segmentation(root) == 2
    message = f"fmb, {part}: in {image_count} images, no pixel has a label: the only ids are 0 ("
    assert message in capsys.readouterr().err
    assert not (root / "runs/trained").exists()


def test_a_limit_that_selects_no_labeled_pixel_gets_a_caution(root):
    write_task_file(root)
    write_label_maps(root)
    first = min((root / "data/fmb/test/Label").iterdir())
    Image.new("L", SIZE).save(first)
    assert run_segmentation(root, "--limit", "1") == 0
    (record,) = (json.loads(path.read_text()) for path in root.rglob("record.json"))
    assert record["protocol"]["caution: labels"] == "the test images have no labeled pixel"


def test_predictions_without_a_class_are_refused(root, capsys):
    write_task_file(root)
    write_label_maps(root, lambda labels: np.uint8(255) * (labels == 1))
    assert run_segmentation(root) == 2
    assert "maps: in 3 files, no pixel has a label: the only ids are 0" in capsys.readouterr().err


def test_the_training_split_needs_no_label_where_nothing_is_trained(root):
    write_task_file(root)
    write_label_maps(root)
    for path in (root / "data/fmb/train/Label").iterdir():
        Image.new("L", SIZE).save(path)
    assert run_segmentation(root) == 0


def test_ids_shifted_by_one_have_a_caution_in_the_protocol(root):
    write_task_file(root)
    write_label_maps(root, lambda labels: np.where(labels == 0, 0, labels - 1).astype(np.uint8))
    assert run_segmentation(root) == 0
    (record,) = read_records(root)
    assert record.values["IoU"] == 0
    assert "one lower" in record.protocol["caution: ids"]


def test_ids_of_another_numbering_are_mapped_by_class_name(root, capsys):
    write_task_file(root)
    cityscapes_ids = np.zeros(15, np.uint8)
    cityscapes_ids[[0, 1, 7, 9]] = 255, 0, 10, 13
    write_label_maps(root, lambda labels: cityscapes_ids[labels])
    ids = "{0: road, 10: sky, 13: car"
    assert run_segmentation(root, "--set", f"tasks.toy.ids={ids}}}") == 2
    assert "id 255 (192 pixels) has no class; known are 0, 10, 13" in capsys.readouterr().err
    assert run_segmentation(root, "--set", f"tasks.toy.ids={ids}, 255: house}}") == 2
    assert (
        "options.ids.255: 'house' is none of the classes unlabelled, road"
        in capsys.readouterr().err
    )
    override = f"tasks.toy.ids={ids}, 255: unlabelled}}"
    assert run_segmentation(root, "--set", override) == 0
    (record,) = read_records(root, override)
    assert record.values["IoU"] == 1.0
    assert record.protocol["ids"] == "0 road, 10 sky, 13 car, 255 unlabelled"


def test_options_added_later_do_not_change_the_hash_of_older_specs(root):
    write_task_file(root)
    write_label_maps(root)
    (run,) = plan_runs(root)
    assert run.specs["predicted"]["predict"]["options"] == {"folder": str(root / "maps")}


def test_a_class_set_that_contradicts_ignored_unlabeled_pixels_is_refused_before_anything_runs(
    root, capsys
):
    write_task_file(root, "{classes: all15, unlabeled: ignored}")
    write_label_maps(root)
    for flags in ((), ("--plan",)):
        assert run_segmentation(root, *flags) == 2
        errors = capsys.readouterr().err
        assert "tasks.toy.metrics.iou: class set all15 scores 'unlabelled'" in errors
    assert not (root / "runs").exists()


def test_a_metric_with_its_own_class_set_has_its_own_protocol_entry(root):
    write_task_file(root)
    tasks_file = root / "tasks.yaml"
    text = tasks_file.read_text().replace("boundary_iou: {}", "boundary_iou: {classes: dmfuse8}")
    tasks_file.write_text(text)
    write_label_maps(root)
    assert run_segmentation(root) == 0
    (record,) = read_records(root)
    assert record.protocol["class set"] == "all14 (14 of 15 classes)"
    assert record.protocol["class set, Boundary IoU"] == "dmfuse8 (8 of 15 classes)"
    assert "absent classes, Boundary IoU" not in record.protocol


SOURCES = "sources: {ir: {kind: infrared}, vis: {kind: visible}}"


def test_one_task_compares_sources_with_a_folder_each(root):
    for name in ("maps-ir", "maps-vis"):
        (root / "maps").mkdir()
        if name == "maps-vis":
            write_label_maps(root)
        else:
            write_label_maps(root, np.ones_like)
        (root / "maps").rename(root / name)
    text = FROM_FOLDER.format(folder=f"'{root}/maps-{{source}}'", metric="{}")
    text = text.replace("sources: {vis: {kind: visible}}", SOURCES).replace("[vis]", "[ir, vis]")
    (root / "tasks.yaml").write_text(text)
    assert run_segmentation(root) == 0
    infrared, visible = read_records(root)
    assert visible.values["IoU"] == 1.0
    assert infrared.by_class["car"]["IoU"] == 0.0
    assert infrared.protocol["predictions"] == "maps-ir"
    assert infrared.protocol["model"] == visible.protocol["model"]


def test_one_folder_for_two_sources_is_refused(root, capsys):
    write_task_file(root)
    text = (root / "tasks.yaml").read_text()
    text = text.replace("sources: {vis: {kind: visible}}", SOURCES).replace("[vis]", "[ir, vis]")
    (root / "tasks.yaml").write_text(text)
    assert run_segmentation(root) == 2
    errors = capsys.readouterr().err
    assert "the same folder of label maps would be scored for each of the 2 sources" in errors


def test_a_changed_metric_option_reuses_the_predictions(root):
    write_task_file(root)
    write_label_maps(root)
    assert run_segmentation(root) == 0
    (predicted,) = (root / "runs/predicted").iterdir()
    modified = (predicted / "00006.png").stat().st_mtime_ns
    write_task_file(root, "{classes: dmfuse8}")
    assert run_segmentation(root) == 0
    assert (predicted / "00006.png").stat().st_mtime_ns == modified
    assert set(read_records(root)[0].by_class) >= {"road", "pole"}


def test_initial_weights_without_an_encoder_are_one_error_before_training(root, capsys):
    import torch

    (root / "tasks.yaml").write_text(SEGFORMER)
    torch.save({"conv.weight": torch.zeros(3)}, root / "other.pth")
    flags = "--set", f"tasks.toy.start_weights={root}/other.pth", "--source", "vis"
    assert run_segmentation(root, *flags) == 2
    assert not (root / "runs/trained").exists()
    errors = capsys.readouterr().err
    assert f"{root}/other.pth: no MiT encoder" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_tiny_segformer_learns_the_tiny_data_set_and_a_second_call_does_nothing(root, capsys):
    (root / "tasks.yaml").write_text(SEGFORMER)
    assert run_segmentation(root) == 0
    infrared, visible = read_records(root)
    for record in (infrared, visible):
        assert record.values["IoU"] > 0.5
        assert record.by_class["sky"]["IoU"] > 0.8
        assert record.provenance["training"]["device"] == "cpu"
    assert len(list((root / "runs/trained").iterdir())) == 2
    modified = {path: path.stat().st_mtime_ns for path in (root / "runs").glob("[!.]*/**/*.*")}
    assert run_segmentation(root) == 0
    results = (root / "runs").glob("[!.]*/**/*.*")
    assert {path: path.stat().st_mtime_ns for path in results} == modified
    assert "(done)" in capsys.readouterr().out


OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"network access: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from segmentation.run import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_run_writes_nothing_outside_its_store_and_needs_no_network(root):
    (root / "tasks.yaml").write_text(SEGFORMER)
    folders = [root / name for name in ("home", "here", "temporary")]
    for folder in folders:
        folder.mkdir()
    changes = {"HOME": str(folders[0]), "TMPDIR": str(folders[2])}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "TORCH"))}
    flags = ["--tasks", "../tasks.yaml", "--data", "../data", "--out", "../runs", "--device", "cpu"]
    flags += ["--set", "tasks.toy.iterations=2", "--set", "tasks.toy.warm_up=1"]
    process = subprocess.run(
        [sys.executable, "-B", "-c", OFFLINE, *flags],
        cwd=folders[1],
        env=inherited | changes | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert [list(folder.iterdir()) for folder in folders] == [[], [], []]
    assert process.stdout.splitlines() == ["[1/2] toy-ir-seed0", "[2/2] toy-vis-seed0"]


def test_an_unknown_class_set_is_refused_before_anything_is_read(root, capsys):
    write_task_file(root, "{classes: coco80}")
    assert run_segmentation(root) == 2
    assert "tasks.toy.metrics.iou: classes: Input should be 'all15'" in capsys.readouterr().err
