"""The presets behind published tables: complete, in the papers' order, and only run on request."""

import pytest

from detection.models import yolov5
from fusebench import __main__, cli
from fusebench.config import schema
from fusebench.experiments import specs
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


def planned(preset, data, *more):
    flags = ["--tasks", str(FILE), "--data", str(data), "--preset", preset, *more]
    args = cli.build_parser("toy", "").parse_args(flags)
    return cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), draw=False)


@pytest.mark.parametrize("preset", TASKS)
def test_a_preset_runs_its_own_task_alone_and_names_what_was_chosen(preset, data):
    found = planned(preset, data)
    assert {cell.task_name for cell in found.runs} == {TASKS[preset]}
    assert {"infrared", "visible", "dmfuse", "dmnet"} <= {cell.source_name for cell in found.runs}
    for cell in found.cells:
        assert cell.protocol()["chosen"]


@pytest.mark.parametrize("preset", TASKS)
def test_without_the_data_it_says_so_and_nothing_is_done(preset, tmp_path, capsys):
    flags = ["--tasks", str(FILE), "--data", str(tmp_path / "none"), "--preset", preset, "--plan"]
    assert __main__.main(flags) == 2
    assert f"task {TASKS[preset]}: " in capsys.readouterr().err


def test_no_such_task_is_run_unless_it_is_asked_for_by_name(data):
    file = schema.load_task_file(FILE)
    for flags in ([], ["--m3fd"], ["--fmb"], ["--preset", "demo", "--m3fd"]):
        args = cli.build_parser("toy", "").parse_args(["--tasks", str(FILE), *flags])
        chosen = cli.select_tasks(args, file, tuple(schema.TASK_CLASSES))
        assert not set(chosen) & set(TASKS.values())
    args = cli.build_parser("toy", "").parse_args(["--task", "m3fd-tardal"])
    assert cli.select_tasks(args, file, tuple(schema.TASK_CLASSES)) == ["m3fd-tardal"]


def test_dmfuse_table_2_retrains_and_prints_its_columns_in_the_papers_order(data):
    cell = planned("dmfuse-table2", data).runs[0]
    # Table 2: Person, Car, Bus, Lamp, Motorcycle, Truck
    assert cell.task.classes == ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck")
    assert cell.protocol()["protocol"] == "retrained"
    assert next(iter(cell.task.metrics)) == "average_precision"
    assert len({c.seed for c in planned("dmfuse-table2", data).cells}) == 3


def test_dmnet_table_7_evaluates_yolov5x_on_all_pairs_over_six_and_five_classes(data):
    cells = planned("dmnet-table7", data).runs
    assert {cell.seed for cell in cells} == {None}
    cell = cells[0]
    # Table VII: People, Car, Bus, Motor, Truck, Lamp
    assert cell.task.class_ids == ("People", "Car", "Bus", "Motorcycle", "Truck", "Lamp")
    assert cell.task.without == ("Lamp",)
    said = cell.protocol()
    assert (said["protocol"], said["split"], said["images"]) == (
        "zero-shot",
        "all pairs",
        "110 test",
    )
    _, options, _ = specs.load_model(cell.name, cell.task)
    assert options.weights == "yolov5xu.pt"
    assert options.class_map == {
        "person": "People",
        "car": "Car",
        "bus": "Bus",
        "motorcycle": "Motorcycle",
        "truck": "Truck",
        "traffic light": "Lamp",
    }


def test_tardals_recipe_is_that_of_its_configuration(data):
    # config/default.yaml: image_size, epochs, batch_size, lr_i, lr_f, momentum, weight_decay,
    # warmup_epochs, flip_lr; scripts/train_fd.py: gradients of 64 images per step
    cell = planned("tardal", data).runs[0]
    options = yolov5.Options(**cell.task.options)
    assert (options.size, options.start_weights) == ("s", "scratch")
    assert (options.image_size, options.fit) == (320, "stretch")
    assert (options.epochs, options.batch, options.nominal_batch) == (300, 16, 64)
    assert (options.optimizer, options.learning_rate) == ("SGD", 0.01)
    assert (options.final_learning_rate, options.momentum) == (0.1, 0.937)
    assert (options.weight_decay, options.warmup_epochs) == (0.0005, 3)
    assert (options.mosaic, options.flip, options.scale, options.translate) == (0, 0.5, 0, 0)
    assert (options.hue, options.saturation, options.brightness) == (0, 0, 0)
    assert cell.task.predict == {"confidence": 0.001, "nms_iou": 0.6}


def test_dmfuse_table_3_is_segmifs_configuration_over_the_papers_eight_classes(data):
    cell = planned("dmfuse-table3", data).runs[0]
    # Table 3: Road, Sidewalk, Lamp, Sign, Vegetation, Sky, Person, Pole
    order = ("road", "sidewalk", "lamp", "sign", "vegetation", "sky", "person", "pole")
    assert class_sets.CLASS_SETS[cell.task.metrics["iou"]["classes"]] == order
    _, options, _ = specs.load_model(cell.task_name, cell.task)
    assert (options.backbone, options.embedding, options.crop) == ("mit_b3", 256, 480)
    assert (options.learning_rate, options.head_factor, options.batch) == (8e-5, 10, 2)
    assert (options.warm_up, options.power, options.schedule) == (3000, 1.0, 160_000)
    # core/segformer_head.py, train.py (its shuffling is commented out), datasets/imutils.py
    assert (options.head, options.shuffle, options.padding) == ("linear", False, "anywhere")
    assert (
        segmif_differences.list_differences(options) == segmif_differences.UNCONDITIONAL_DIFFERENCES
    )
    assert cell.protocol()["protocol"] == "retrained"


def test_a_preset_can_be_tried_on_simulated_scenes(tmp_path):
    args = cli.build_parser("toy", "").parse_args(
        ["--tasks", str(FILE), "--data", str(tmp_path), "--preset", "dmnet-table7", "--scenes"]
    )
    (gone,) = cli.build_plan_from_args(args, ("detection",), draw=False).skipped_tasks
    assert gone.will_be_generated
    assert gone.task.model == "pretrained"


def test_both_protocols_are_never_in_one_task():
    file = schema.load_task_file(FILE)
    said = {
        name: specs.get_protocol_name(t) for name, t in file.tasks.items() if t.kind != "quality"
    }
    assert said["m3fd-dmnet-table7"] == "zero-shot"
    assert set(said.values()) == {"retrained", "zero-shot"}
