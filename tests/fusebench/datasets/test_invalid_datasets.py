"""Invalid files of every data set, run by the command line: one error that names the file."""

import numpy as np
import pytest
from PIL import Image

from fusebench.config import schema
from fusebench.experiments import plan
from fusion.run import main
from tests.helpers import dataset_folders

KEYS = [f"{number:05d}" for number in range(8)]
YOLO_LABELS = dict.fromkeys(KEYS, "1 0.5 0.5 0.2 0.2\n")
# data set: infrared, visible and label folders, extension of the labels, options
LAYOUTS = {
    "m3fd": ("m3fd/Ir", "m3fd/Vis", "m3fd/Annotation", "xml", "{split: {rule: random}}"),
    "msrs": ("msrs/ir", "msrs/vi", "msrs/labels", "txt", "{split: {rule: random}}"),
    "fmb": ("fmb/test/Infrared", "fmb/test/Visible", "fmb/test/Label", "png", "{}"),
    "mfnet": ("mfnet/th", "mfnet/rgb", "mfnet/labels", "png", "{split: {rule: random}}"),
    "folder": ("folder/ir", "folder/vi", "", "", "{}"),
}
WRITERS = {
    "m3fd": lambda data: dataset_folders.write_m3fd(data / "m3fd", KEYS),
    "msrs": lambda data: dataset_folders.write_yolo_text_dataset(data / "msrs", YOLO_LABELS),
    "fmb": lambda data: dataset_folders.write_fmb(data / "fmb", ["10000"], KEYS),
    "mfnet": lambda data: [
        dataset_folders.write_images(data / f"mfnet/{name}", KEYS)
        for name in ("th", "rgb", "labels")
    ],
    "folder": lambda data: [
        dataset_folders.write_images(data / f"folder/{name}", KEYS) for name in ("ir", "vi")
    ],
}
LABELED = ("m3fd", "msrs", "fmb", "mfnet")


def prepare_run(root, dataset):
    """Write a data set and a task file; return an infrared, visible, label and fused file of it."""
    WRITERS[dataset](root / "data")
    dataset_folders.write_images(root / "external", KEYS)
    (root / "tasks.yaml").write_text(
        "sources: {ir: {kind: infrared}, external: {kind: folder, folder: external},"
        " fused: {kind: method, method: average}}\n"
        f"tasks: {{toy: {{kind: quality, dataset: {dataset}, data: {LAYOUTS[dataset][4]},"
        " sources: [ir, external, fused]}}\n"
    )
    key = KEYS[1] if dataset in ("fmb", "folder") else get_test_key(root)
    infrared, visible, labels, extension, _ = LAYOUTS[dataset]
    data = root / "data"
    return [
        data / infrared / f"{key}.png",
        data / visible / f"{key}.png",
        data / labels / f"{key}.{extension}",
        root / "external" / f"{key}.png",
    ]


def get_test_key(root):
    """Return a key of the random test split."""
    task_file = schema.load_task_file(root / "tasks.yaml")
    runs = plan.build_plan(task_file, ["toy"], root / "data", root).runs
    return runs[0].test_split.keys[0]


def run_command(root):
    """Run fusion.run on the prepared task file; return the exit status."""
    flags = {"--tasks": "tasks.yaml", "--data": "data", "--out": "runs"}
    argv = [argument for flag, name in flags.items() for argument in (flag, f"{root}/{name}")]
    return main([*argv, "--device", "cpu"])


def assert_refused(root, capsys, *message_parts):
    assert run_command(root) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("fusion.run: ")
    for part in message_parts:
        assert part in message
    assert not list(root.glob("runs/*/*.partial"))
    assert not list(root.glob("runs/fused/*"))
    assert not list(root.glob("runs/quality/*"))


def write_truncated_image(path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("dataset", LAYOUTS)
def test_valid_data_set_is_accepted(tmp_path, dataset):
    prepare_run(tmp_path, dataset)
    assert run_command(tmp_path) == 0


@pytest.mark.parametrize("dataset", LAYOUTS)
@pytest.mark.parametrize("file_index", [0, 1, 3])
def test_invalid_image_is_refused_by_name(tmp_path, capsys, dataset, file_index):
    path = prepare_run(tmp_path, dataset)[file_index]
    write_truncated_image(path)
    assert_refused(tmp_path, capsys, str(path), "cannot be read as an image")
    path.write_bytes(b"")
    assert_refused(tmp_path, capsys, str(path), "cannot be read as an image")
    dataset_folders.write_image(path, (30, 24))
    assert_refused(tmp_path, capsys, str(path), "30")
    Image.fromarray(np.zeros((24, 32), np.uint16)).save(path)
    assert_refused(tmp_path, capsys, str(path), "expected 8 bits per channel")
    path.unlink()
    assert_refused(tmp_path, capsys, path.stem)


@pytest.mark.parametrize("dataset", LABELED)
def test_label_without_image_and_image_without_label_are_refused(tmp_path, capsys, dataset):
    label = prepare_run(tmp_path, dataset)[2]
    extra_label = label.with_stem("09999")
    extra_label.write_bytes(label.read_bytes())
    assert_refused(tmp_path, capsys, str(label.parent), "have no image", "09999")
    extra_label.unlink()
    label.unlink()
    assert_refused(tmp_path, capsys, str(label.parent), "have no label", label.stem)


def test_voc_boxes_of_unknown_classes_and_outside_the_image_are_refused(tmp_path, capsys):
    label = prepare_run(tmp_path, "m3fd")[2]
    dataset_folders.write_voc_xml(label, [("Tram", 1, 1, 5, 5)])
    assert_refused(tmp_path, capsys, str(label), "class 'Tram' is none of")
    dataset_folders.write_voc_xml(label, [("Car", 1, 1, 34, 5)])
    assert_refused(tmp_path, capsys, str(label), "xmax 34", "xmax <= 32")


def test_yolo_boxes_of_unknown_classes_and_outside_the_image_are_refused(tmp_path, capsys):
    label = prepare_run(tmp_path, "msrs")[2]
    label.write_text("3 0.5 0.5 0.2 0.2\n")
    assert_refused(tmp_path, capsys, str(label), "class id 3 is not in 0..2")
    label.write_text("1 0.9 0.5 0.4 0.2\n")
    assert_refused(tmp_path, capsys, str(label), "outside 0..32 and 0..24 pixels")


def test_label_maps_with_unknown_ids_colors_or_another_size_are_refused(tmp_path, capsys):
    label_map = prepare_run(tmp_path, "fmb")[2]
    dataset_folders.write_image(label_map, level=15)
    assert_refused(tmp_path, capsys, str(label_map), "id 15", "expected 0..14")
    Image.new("RGB", dataset_folders.IMAGE_SIZE, (7, 8, 9)).save(label_map)
    assert_refused(tmp_path, capsys, str(label_map), "in 1 colors of no class", "Label, not color")
    dataset_folders.write_image(label_map, (30, 24))
    assert_refused(tmp_path, capsys, str(label_map), "30x24")
