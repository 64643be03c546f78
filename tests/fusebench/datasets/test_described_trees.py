"""The trees that the documents describe for `pairs`: read as they are printed, real samples too."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import pairs
from fusebench.errors import UserError
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

DATA = Path(os.environ.get("FUSEBENCH_DATA", "data"))


def read_described_options(task):
    """The options of a task that the documents print."""
    for path in sorted(REPOSITORY.glob("docs/*.md")):
        for block in re.findall(
            r"^```yaml\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE
        ):
            tasks = yaml.safe_load(block).get("tasks", {})
            if task in tasks:
                return tasks[task]["data"]
    raise AssertionError(f"no document describes {task}")


def load(root, task, **changes):
    options = pairs.Options(**{**read_described_options(task), **changes})
    return [load_split(pairs.load, root, part, options) for part in ("train", "test")]


def write_pair(folder, infrared, visible):
    dataset_folders.write_image(folder / infrared)
    dataset_folders.write_image(folder / visible, mode="RGB")


def write_label_map(path):
    dataset_folders.write_image(path, level=2)


def test_a_tree_like_llvip(tmp_path):
    folder = tmp_path / "LLVIP"
    for part, key in (("train", "010001"), ("test", "190001")):
        write_pair(folder, f"infrared/{part}/{key}.jpg", f"visible/{part}/{key}.jpg")
        path = folder / f"Annotations/{key}.xml"
        dataset_folders.write_voc_xml(path, [("person", 1, 2, 9, 20)])
    train, test = load(tmp_path, "like-llvip")
    assert (train.keys, test.keys) == (("010001",), ("190001",))
    assert test.pairs[0].boxes.corners.tolist() == [[1, 2, 9, 20]]


def test_a_tree_like_flir(tmp_path):
    folder = tmp_path / "FLIR"
    for part in ("train", "test"):
        name = f"{part}/data/FLIR_1{part}"
        write_pair(folder, f"thermal_{name}_PreviewData.jpg", f"rgb_{name}_RGB.jpg")
        document = {
            "images": [{"id": 0, "file_name": f"data/FLIR_1{part}_PreviewData.jpg"}],
            "categories": [{"id": 1, "name": "person"}, {"id": 17, "name": "dog"}],
            "annotations": [
                {"id": n, "image_id": 0, "category_id": category, "bbox": [1, 2, 8, 18]}
                for n, category in enumerate((1, 17))
            ],
        }
        path = folder / f"meta/thermal/flir_{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    _, test = load(tmp_path, "like-flir")
    assert test.keys == ("FLIR_1test",)
    assert test.pairs[0].boxes.corners.tolist() == [[1, 2, 9, 20]]
    assert "drawn for the infrared images" in dict(test.notes)["boxes"]


def test_a_tree_like_msrs(tmp_path):
    for part, key in (("train", "00001D"), ("test", "00002N")):
        folder = tmp_path / "MSRS" / part
        write_pair(folder, f"ir/{key}.png", f"vi/{key}.png")
        write_label_map(folder / f"Segmentation_labels/{key}.png")
    train, test = load(tmp_path, "like-msrs")
    assert [train.pairs[0].condition, test.pairs[0].condition] == ["day", "night"]
    assert test.pairs[0].label_map is not None


def test_a_tree_like_mfnet(tmp_path):
    folder = tmp_path / "MFNet"
    for part, key in (("train", "00001D"), ("test", "00002N")):
        write_pair(folder, f"thermal/{key}.png", f"rgb/{key}.png")
        write_label_map(folder / f"labels/{key}.png")
        (folder / f"{part}.txt").write_text(f"{key}\n")
    train, test = load(tmp_path, "like-mfnet")
    assert (train.keys, test.keys) == (("00001D",), ("00002N",))


def test_a_campus_whose_names_say_sequence_and_condition(tmp_path):
    folder = tmp_path / "campus"
    for name in ("walk1", "walk2", "ride1", "ride2"):
        for number, letter in ((1, "D"), (2, "N")):
            key = f"{name}_{number:05d}{letter}"
            write_pair(folder, f"ir/{key}.png", f"vi/{key}.png")
            (folder / "labels").mkdir(exist_ok=True)
            (folder / f"labels/{key}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    train, test = load(tmp_path, "campus")
    assert len(test.pairs) == 2
    assert {pair.condition for pair in test.pairs} == {"day", "night"}
    assert not {pair.sequence for pair in test.pairs} & {pair.sequence for pair in train.pairs}


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        ("my-llvip", ("person",)),
        ("my-flir", ("person", "bike", "car")),
        ("my-msrs", ("person", "bicycle", "car")),
        ("my-mfnet", ("background", "car", "person", "bike", "curve")),
    ],
)
def test_real_samples_are_read_as_the_documents_describe_them(task, classes):
    options = read_described_options(task)
    folder = DATA / options["folder"]
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here (set FUSEBENCH_DATA)")
    try:
        parts = load(DATA.resolve(), task)
    except UserError as error:
        if "no folder" in str(error):
            pytest.skip(f"{folder} is here in another tree")
        raise
    train, test = parts
    assert train.keys
    assert not set(train.keys) & set(test.keys)
    for split in parts:
        assert split.classes == classes
        assert split.pairs[0].label_map is not None or sum(split.count_boxes()) > 0
        for pair in split.pairs:
            if pair.boxes is None:
                assert set(np.unique(read_label_map(pair.label_map, classes))) <= set(range(5))
                continue
            with Image.open(pair.visible) as image:
                width, height = image.size
            assert (pair.boxes.corners >= 0).all()
            assert (pair.boxes.corners <= [width, height, width, height]).all()
