"""Exports for ultralytics, read back and trained with by ultralytics itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image

from detection.models.yolov5 import ultralytics_import
from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.export import yolo
from fusebench.export.content import SourceContent, TaskContent
from tests.fusebench.export.conftest import ODD_SOURCE, TEST, TRAIN

CLASSES = ["People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"]


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


def read_with_ultralytics(folder, split):
    """The data set of one split as ultralytics' training builds it from data.yaml."""
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    return YOLODataset(img_path=data[split], data=data, task="detect", augment=False, imgsz=96)


def read_voc_boxes(path):
    """Sorted (name, left, top, right, bottom) of an annotation file, without our reader."""
    objects = ElementTree.parse(path).findall("object")
    edges = ("xmin", "ymin", "xmax", "ymax")
    return sorted(
        (o.findtext("name"), *(float(o.findtext(f"bndbox/{edge}")) for edge in edges))
        for o in objects
    )


@pytest.mark.parametrize(("split", "keys"), [("train", TRAIN), ("val", TEST), ("test", TEST)])
def test_ultralytics_reads_every_image_and_the_annotated_boxes(export, finished, split, keys):
    folder = export("yolo", "--task", "trained", "--source", "ir")
    dataset = read_with_ultralytics(folder, split)
    assert [Path(path).name for path in dataset.im_files] == [f"{key}.png" for key in keys]
    for key, label in zip(keys, dataset.labels, strict=True):
        centers, extents = label["bboxes"][:, :2] * (96, 64), label["bboxes"][:, 2:] * (96, 64)
        corners = np.hstack([centers - extents / 2, centers + extents / 2]).round(3).tolist()
        names = [CLASSES[int(class_id)] for class_id in label["cls"].ravel()]
        boxes = sorted((name, *edges) for name, edges in zip(names, corners, strict=True))
        assert boxes == read_voc_boxes(finished.path / f"data/m3fd/Annotation/{key}.xml")


def test_the_images_of_a_fusion_are_those_that_were_fused(export, finished):
    folder = export("yolo", "--task", "trained", "--source", ODD_SOURCE)
    (fused,) = (finished.path / "runs/fused").glob("m3fd-train-average-*")
    for key in TRAIN:
        assert (folder / f"images/train/{key}.png").read_bytes() == (
            fused / f"{key}.png"
        ).read_bytes()


def test_one_split_alone_never_trains_on_test_images(export):
    folder = export("yolo", "--task", "trained", "--source", "ir", "--split", "test")
    document = yaml.safe_load((folder / "data.yaml").read_text())
    assert not (folder / document["train"]).exists()
    assert document["test"] == document["val"] == "images/test"
    assert not (folder / "images/train").exists()


def write_data_yaml(names):
    return yaml.safe_load(yolo.format_data_yaml(["train"], tuple(names)))


def test_class_names_that_yaml_reads_as_something_else_stay_text():
    names = ["no", "on", "1", "null", "a: b", "#c", "É", "- d", "2024-01-01", "x\\y", "'", '"']
    assert write_data_yaml(names)["names"] == dict(enumerate(names))


def write_odd_images(folder):
    """A rotated JPEG, a JPEG with bytes after its end, a palette PNG and a plain JPEG."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(noise).save(folder / "rotated.jpg", exif=exif)
    for name in ("plain", "trailing"):
        Image.fromarray(noise).save(folder / f"{name}.jpg")
    (folder / "trailing.jpg").write_bytes((folder / "plain.jpg").read_bytes() + b"more")
    Image.fromarray(noise).quantize(8).save(folder / "palette.png")
    sizes = {"rotated": (16, 12), "plain": (12, 16), "trailing": (12, 16), "palette": (12, 16)}
    files = {path.stem: path for path in folder.iterdir()}
    boxes = make_boxes([[1, 1, 4, 5]], [0])
    pairs = [Pair(key, files[key], files[key], sizes[key], boxes) for key in sorted(files)]
    return files, Split("toy", "train", ("car",), tuple(pairs))


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_images_that_ultralytics_would_turn_or_rewrite_become_png(tmp_path, mode):
    from ultralytics.data.utils import verify_image

    originals, target = tmp_path / "originals", tmp_path / "export"
    originals.mkdir()
    target.mkdir()
    files, split = write_odd_images(originals)
    before = {key: path.read_bytes() for key, path in files.items()}
    source = SourceContent("vis", "visible", {"train": files}, {})
    yolo.write(target, TaskContent("toy", "detection", {"train": split}, (source,), ()), mode)
    placed = sorted((target / "images/train").iterdir())
    names = ["palette.png", "plain.jpg", "rotated.png", "trailing.png"]
    assert [path.name for path in placed] == names
    for path in placed:
        verify_image(((str(path), 0), ""))  # what rewrites damaged JPEG files
    dataset = read_with_ultralytics(target, "train")
    assert [label["shape"] for label in dataset.labels] == [(16, 12), (16, 12), (12, 16), (16, 12)]
    assert {key: path.read_bytes() for key, path in files.items()} == before
    is_link = {"copy": (False, 1), "hardlink": (False, 2), "symlink": (True, 1)}[mode]
    plain = target / "images/train/plain.jpg"
    assert (plain.is_symlink(), plain.stat().st_nlink) == is_link


@pytest.mark.slow
def test_ultralytics_trains_with_the_export_as_it_is(export, tmp_path):
    folder = export("yolo", "--task", "trained", "--source", "ir")
    settings = {"model": "yolov5n.yaml", "epochs": 1, "imgsz": 64, "batch": 4, "device": "cpu"}
    settings |= {"workers": 0, "plots": False, "project": tmp_path / "trained", "name": "toy"}
    arguments = ["train", "data=data.yaml", *(f"{name}={v}" for name, v in settings.items())]
    environment = ultralytics_import.OFFLINE_ENVIRONMENT | {"YOLO_CONFIG_DIR": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, "-c", "from ultralytics.cfg import entrypoint; entrypoint()", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    output = process.stdout + process.stderr
    assert f"{len(TRAIN)} images, 0 backgrounds, 0 corrupt" in output
    assert f"{len(TEST)} images, 0 backgrounds, 0 corrupt" in output
    assert (tmp_path / "trained/toy/weights/last.pt").is_file()
    again = export("yolo", "--task", "trained", "--source", "ir")  # its caches are no change
    assert again == folder


def test_a_full_disk_is_that_of_the_export_and_not_that_of_the_images(export, monkeypatch, capsys):
    def copy_in_part(source, target, **_):
        error = OSError(28, "No space left on device", str(source))
        error.filename2 = str(target)  # as shutil reports it
        raise error

    monkeypatch.setattr(shutil, "copyfile", copy_in_part)
    export("yolo", "--task", "trained", "--source", "ir", status=3)
    assert "export.partial/images/train/000.png: No space left" in capsys.readouterr().err
