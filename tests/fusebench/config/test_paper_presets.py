"""Presets that reproduce published tables: complete, in the papers' order, run on request only."""

import pytest

from detection.models import yolov5
from fusebench import __main__, cli
from fusebench.config import schema
from fusebench.experiments import resolution
from segmentation import class_sets
from segmentation.models.segformer import segmif_differences
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

FILE = REPOSITORY / "tasks.yaml"
TASKS = {
    "dmfuse-table2": "m3fd-dmfuse-table2",
    "dmnet-table7": "m3fd-dmnet-table7",
    "tardal": "m3fd-tardal",
    "dmfuse-table3": "fmb-dmfuse-table3",
}


@pytest.fixture
def data(tmp_path):
    keys = [f"{number:05d}" for number in range(150, 260)]
    dataset_folders.write_m3fd(tmp_path / "m3fd", keys)
    dataset_folders.write_fmb(tmp_path / "fmb", ["00001", "00002"], ["00003"])
    return tmp_path


def build_preset_plan(preset, data):
    flags = ["--tasks", str(FILE), "--data", str(data), "--preset", preset]
    args = cli.build_parser("toy", "").parse_args(flags)
    return cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=False)


@pytest.mark.parametrize("preset", TASKS)
def test_preset_runs_only_its_own_task_and_its_protocol_lists_the_chosen_settings(preset, data):
    plan = build_preset_plan(preset, data)
    assert {run.task_name for run in plan.runs} == {TASKS[preset]}
    assert {"infrared", "visible", "dmfuse", "dmnet"} <= {run.source_name for run in plan.runs}
    for run in plan.runs:
        assert run.build_protocol()["chosen"]


@pytest.mark.parametrize("preset", TASKS)
def test_missing_data_set_is_one_error_that_names_the_task(preset, tmp_path, capsys):
    flags = ["--tasks", str(FILE), "--data", str(tmp_path / "none"), "--preset", preset, "--plan"]
    assert __main__.main(flags) == 2
    assert f"task {TASKS[preset]}: " in capsys.readouterr().err


def test_tasks_of_papers_are_run_only_if_they_are_named():
    task_file = schema.load_task_file(FILE)
    for flags in ([], ["--m3fd"], ["--fmb"], ["--preset", "demo", "--m3fd"]):
        args = cli.build_parser("toy", "").parse_args(["--tasks", str(FILE), *flags])
        selected = cli.select_tasks(args, task_file, tuple(schema.TASK_CLASSES))
        assert not set(selected) & set(TASKS.values())
    args = cli.build_parser("toy", "").parse_args(["--task", "m3fd-tardal"])
    assert cli.select_tasks(args, task_file, tuple(schema.TASK_CLASSES)) == ["m3fd-tardal"]


def test_dmfuse_table_2_retrains_and_has_the_papers_class_order(data):
    plan = build_preset_plan("dmfuse-table2", data)
    run = plan.runs[0]
    # Table 2: Person, Car, Bus, Lamp, Motorcycle, Truck
    assert run.task.classes == ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck")
    assert run.build_protocol()["protocol"] == "retrained"
    assert next(iter(run.task.metrics)) == "average_precision"
    assert len({run.seed for run in plan.runs}) == 3


def test_dmnet_table_7_evaluates_yolov5x_on_all_pairs_over_six_and_five_classes(data):
    runs = build_preset_plan("dmnet-table7", data).runs
    assert {run.seed for run in runs} == {None}
    run = runs[0]
    # Table VII: People, Car, Bus, Motor, Truck, Lamp
    assert run.task.classes == ("People", "Car", "Bus", "Motorcycle", "Truck", "Lamp")
    assert run.task.without == ("Lamp",)
    protocol = run.build_protocol()
    assert protocol["protocol"] == "zero-shot"
    assert protocol["split"] == "all pairs"
    assert protocol["images"] == "110 test"
    options = run.model.options
    assert options.weights == "yolov5xu.pt"
    assert options.class_map == {
        "person": "People",
        "car": "Car",
        "bus": "Bus",
        "motorcycle": "Motorcycle",
        "truck": "Truck",
        "traffic light": "Lamp",
    }


def test_tardal_preset_has_the_settings_of_tardals_configuration(data):
    # config/default.yaml: image_size, epochs, batch_size, lr_i, lr_f, momentum, weight_decay,
    # warmup_epochs, flip_lr; scripts/train_fd.py: gradients of 64 images per step
    run = build_preset_plan("tardal", data).runs[0]
    options = yolov5.Options(**run.task.options)
    assert (options.size, options.start_weights) == ("s", "scratch")
    assert (options.image_size, options.fit) == (320, "stretch")
    assert (options.epochs, options.batch, options.nominal_batch) == (300, 16, 64)
    assert (options.optimizer, options.learning_rate) == ("SGD", 0.01)
    assert (options.final_learning_rate, options.momentum) == (0.1, 0.937)
    assert (options.weight_decay, options.warmup_epochs) == (0.0005, 3)
    assert (options.mosaic, options.flip, options.scale, options.translate) == (0, 0.5, 0, 0)
    assert (options.hue, options.saturation, options.brightness) == (0, 0, 0)
    assert run.task.predict == {"confidence": 0.001, "nms_iou": 0.6}


def test_dmfuse_table_3_has_segmifs_settings_and_the_papers_eight_classes(data):
    run = build_preset_plan("dmfuse-table3", data).runs[0]
    # Table 3: Road, Sidewalk, Lamp, Sign, Vegetation, Sky, Person, Pole
    order = ("road", "sidewalk", "lamp", "sign", "vegetation", "sky", "person", "pole")
    assert class_sets.CLASS_SETS[run.task.metrics["iou"]["classes"]] == order
    options = run.model.options
    assert (options.backbone, options.embedding, options.crop) == ("mit_b3", 256, 480)
    assert (options.learning_rate, options.head_factor, options.batch) == (8e-5, 10, 2)
    assert (options.warm_up, options.power, options.schedule) == (3000, 1.0, 160_000)
    # core/segformer_head.py, train.py (its shuffling is commented out), datasets/imutils.py
    assert (options.head, options.shuffle, options.padding) == ("linear", False, "anywhere")
    assert (
        segmif_differences.list_differences(options) == segmif_differences.UNCONDITIONAL_DIFFERENCES
    )
    assert run.build_protocol()["protocol"] == "retrained"


def test_preset_can_run_on_simulated_scenes(tmp_path):
    args = cli.build_parser("toy", "").parse_args(
        ["--tasks", str(FILE), "--data", str(tmp_path), "--preset", "dmnet-table7", "--scenes"]
    )
    (skipped_task,) = cli.build_plan_from_args(args, ("detection",), generate=False).skipped_tasks
    assert skipped_task.will_be_generated
    assert skipped_task.task.model == "pretrained"


def test_every_task_has_one_protocol_and_both_protocols_are_offered():
    task_file = schema.load_task_file(FILE)
    names = [name for name, task in task_file.tasks.items() if task.kind != "quality"]
    tasks = resolution.resolve_tasks(task_file, names, FILE.parent, FILE.parent)
    protocols = {name: task.protocol for name, task in tasks.items()}
    assert protocols["m3fd-dmnet-table7"] == "zero-shot"
    assert set(protocols.values()) == {"retrained", "zero-shot"}
