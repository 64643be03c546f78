"""Bad input of every data set, from the command line: one error, the file named, nothing begun."""

import numpy as np
import pytest
from PIL import Image

from fusion.run import main
from tests.helpers import dataset_folders as trees

KEYS = [f"{number:05d}" for number in range(8)]
TEXT = dict.fromkeys(KEYS, "1 0.5 0.5 0.2 0.2\n")
# data set: infrared, visible and label folders, ending of the labels, options
PLACES = {
    "m3fd": ("m3fd/Ir", "m3fd/Vis", "m3fd/Annotation", "xml", "{split: {rule: random}}"),
    "msrs": ("msrs/ir", "msrs/vi", "msrs/labels", "txt", "{split: {rule: random}}"),
    "fmb": ("fmb/test/Infrared", "fmb/test/Visible", "fmb/test/Label", "png", "{}"),
    "folder": ("folder/ir", "folder/vi", "", "", "{}"),
}
MAKE = {
    "m3fd": lambda data: trees.write_m3fd(data / "m3fd", KEYS),
    "msrs": lambda data: trees.write_yolo_text_dataset(data / "msrs", TEXT),
    "fmb": lambda data: trees.write_fmb(data / "fmb", ["10000"], KEYS),
    "folder": lambda data: [
        trees.write_images(data / f"folder/{name}", KEYS) for name in ("ir", "vi")
    ],
}
LABELLED = ("m3fd", "msrs", "fmb")


def prepared(root, dataset):
    MAKE[dataset](root / "data")
    trees.write_images(root / "theirs", KEYS)
    (root / "tasks.yaml").write_text(
        "sources: {ir: {kind: infrared}, theirs: {kind: folder, folder: theirs},"
        " fused: {kind: method, method: average}}\n"
        f"tasks: {{toy: {{kind: quality, dataset: {dataset}, data: {PLACES[dataset][4]},"
        " sources: [ir, theirs, fused]}}\n"
    )
    key = KEYS[1] if dataset in ("fmb", "folder") else key_under_test(root, dataset)
    infrared, visible, labels, ending, _ = PLACES[dataset]
    data = root / "data"
    return [
        data / infrared / f"{key}.png",
        data / visible / f"{key}.png",
        data / labels / f"{key}.{ending}",
        root / "theirs" / f"{key}.png",
    ]


def key_under_test(root, dataset):
    """A key of the random test part."""
    from fusebench.config import schema
    from fusebench.experiments import plan

    (cell, *_) = plan.build_plan(
        schema.load_task_file(root / "tasks.yaml"), ["toy"], root / "data", root
    ).runs
    return cell.test_split.keys[0]


def refused(root, capsys, *words):
    flags = {"--tasks": "tasks.yaml", "--data": "data", "--out": "runs"}
    argv = [word for flag, name in flags.items() for word in (flag, f"{root}/{name}")]
    assert main([*argv, "--device", "cpu"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("fusion.run: ")
    for word in words:
        assert word in said
    assert not list(root.glob("runs/*/*.partial"))
    assert not list(root.glob("runs/fused/*"))
    assert not list(root.glob("runs/quality/*"))


def torn(path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("dataset", PLACES)
def test_the_untouched_tree_is_accepted(tmp_path, dataset):
    prepared(tmp_path, dataset)
    flags = {"--tasks": "tasks.yaml", "--data": "data", "--out": "runs"}
    argv = [word for flag, name in flags.items() for word in (flag, f"{tmp_path}/{name}")]
    assert main([*argv, "--device", "cpu"]) == 0


@pytest.mark.parametrize("dataset", PLACES)
@pytest.mark.parametrize("which", [0, 1, 3])
def test_images_that_are_missing_torn_empty_or_of_another_size(tmp_path, capsys, dataset, which):
    path = prepared(tmp_path, dataset)[which]
    torn(path)
    refused(tmp_path, capsys, str(path), "cannot be read as an image")
    path.write_bytes(b"")
    refused(tmp_path, capsys, str(path), "cannot be read as an image")
    trees.write_image(path, (30, 24))
    refused(tmp_path, capsys, str(path), "30")
    Image.fromarray(np.zeros((24, 32), np.uint16)).save(path)
    refused(tmp_path, capsys, str(path), "expected an 8-bit image")
    path.unlink()
    refused(tmp_path, capsys, path.stem)


@pytest.mark.parametrize("dataset", LABELLED)
def test_a_label_without_image_and_an_image_without_label(tmp_path, capsys, dataset):
    label = prepared(tmp_path, dataset)[2]
    odd = label.with_stem("09999")
    odd.write_bytes(label.read_bytes())
    refused(tmp_path, capsys, str(label.parent), "have no image", "09999")
    odd.unlink()
    label.unlink()
    refused(tmp_path, capsys, str(label.parent), "have no label", label.stem)


def test_boxes_of_unknown_classes_and_outside_the_image(tmp_path, capsys):
    label = prepared(tmp_path, "m3fd")[2]
    trees.write_voc_xml(label, [("Tram", 1, 1, 5, 5)])
    refused(tmp_path, capsys, str(label), "class 'Tram' is none of")
    trees.write_voc_xml(label, [("Car", 1, 1, 33, 5)])
    refused(tmp_path, capsys, str(label), "xmax 33", "xmax <= 32")


def test_text_boxes_of_unknown_classes_and_outside_the_image(tmp_path, capsys):
    label = prepared(tmp_path, "msrs")[2]
    label.write_text("3 0.5 0.5 0.2 0.2\n")
    refused(tmp_path, capsys, str(label), "class id 3 is not in 0..2")
    label.write_text("1 0.9 0.5 0.4 0.2\n")
    refused(tmp_path, capsys, str(label), "outside 0..32 pixels")


def test_masks_with_unknown_ids_colors_or_another_size(tmp_path, capsys):
    mask = prepared(tmp_path, "fmb")[2]
    trees.write_image(mask, level=15)
    refused(tmp_path, capsys, str(mask), "id 15", "expected 0..14")
    trees.write_image(mask, mode="RGB")
    refused(tmp_path, capsys, str(mask), "expected one channel")
    trees.write_image(mask, (30, 24))
    refused(tmp_path, capsys, str(mask), "30x24")
