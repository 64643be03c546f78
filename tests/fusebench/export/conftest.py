"""A folder of data, tasks.yaml and finished results, written once for all tests of the exports."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detection import run as detection_run
from fusebench import __main__
from fusebench.data import images
from fusebench.data.boxes import to_coco
from fusebench.data.pairs import Split
from fusebench.data.split_builder import load_split
from fusebench.data.splits import ListRule
from fusebench.datasets import m3fd
from fusion import run as fusion_run
from segmentation import run as segmentation_run
from tests.helpers.tiny_detection_dataset import write_m3fd_folder
from tests.helpers.tiny_segmentation_dataset import write_fmb_folder

TRAIN, TEST = [f"{n:03}" for n in range(6)], [f"{n}" for n in range(500, 504)]
ODD_SOURCE = 'mean: a/b.c "x"'  # a legal name of a source that is no legal name of a file
TASKS = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  'mean: a/b.c "x"': {kind: method, method: average}
  max: {kind: method, method: maximum}
tasks:
  trained:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [ir, vis, 'mean: a/b.c "x"', max]
    seeds: [0, 1]
    model: yolov5
  scored:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [ir, vis]
    model: from_file
    options: {file: "{source}.json"}
  masks:
    kind: segmentation
    dataset: fmb
    sources: [ir, vis]
    model: from_folder
    options: {folder: "masks/{source}"}
  masks-trained:
    kind: segmentation
    dataset: fmb
    sources: [vis]
    seeds: [0]
    model: segformer
  street: {kind: segmentation, dataset: scenes_seg, sources: [ir], seeds: [0], model: segformer}
"""


def load_test_split(folder: Path) -> Split:
    """The test split of M3FD in the data folder."""
    return load_split(m3fd.load, folder / "data", "test", m3fd.Options(split=ListRule()))


def write_predicted_boxes(folder: Path) -> None:
    """Predict the true boxes of M3FD for ir, and boxes 4 pixels to the right of them for vis."""
    split = load_test_split(folder)
    sizes = {pair.key: pair.size for pair in split.pairs}
    for source, shift in (("ir", 0), ("vis", 4)):
        document = to_coco({pair.key: pair.boxes for pair in split.pairs}, split.classes, sizes)
        for number, row in enumerate(document["annotations"]):
            row["bbox"][0] += shift
            row["score"] = 0.9 - number / 100
        (folder / f"{source}.json").write_text(json.dumps(document))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Data, tasks.yaml and runs; images of ``max`` and runs of ``trained`` are missing."""
    folder = tmp_path_factory.mktemp("finished")
    write_m3fd_folder(folder / "data/m3fd", len(TRAIN), len(TEST))
    write_fmb_folder(folder / "data", train=3, test=2)
    write_predicted_boxes(folder)
    for source, class_id in (("ir", 7), ("vis", 1)):
        (folder / "masks" / source).mkdir(parents=True)
        for key in ("00003", "00004"):
            mask = np.full((64, 96), class_id, np.uint8)
            images.write_png(folder / "masks" / source / f"{key}.png", mask)
    (folder / "tasks.yaml").write_text(TASKS)
    flags = [
        "--tasks",
        f"{folder}/tasks.yaml",
        "--data",
        f"{folder}/data",
        "--out",
        f"{folder}/runs",
    ]
    cpu = [*flags, "--device", "cpu"]
    assert fusion_run.main([*cpu, "--task", "trained", "--source", ODD_SOURCE]) == 0
    assert detection_run.main([*cpu, "--task", "scored"]) == 0
    assert segmentation_run.main([*cpu, "--task", "masks"]) == 0
    return SimpleNamespace(path=folder, flags=flags)


@pytest.fixture
def export(finished, tmp_path):
    """Function that runs ``python -m fusebench export --to <format>`` and returns the folder."""

    def run(to, *arguments, into="export", status=0):
        target = tmp_path / into
        command = ["export", "--to", to, "--into", str(target), *finished.flags, *arguments]
        assert __main__.main(command) == status
        return target

    return run
