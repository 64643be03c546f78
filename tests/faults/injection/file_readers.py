"""Every reader of files, with a valid file for it: what the fuzzing damages."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.datasets import fmb
from tests.faults.injection import tiny_study

VOC = (
    "<annotation><size><width>64</width><height>48</height></size><object><name>Car</name>"
    "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>"
    "</annotation>"
)
YOLO = "1 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.1 0.1\n"
SCENARIO = [{"name": "Day", "scene": [{"name": "a", "range": [{"min": 0, "max": 5}]}]}]
IMAGE_FORMATS = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}


@dataclass(frozen=True)
class FileReader:
    """A valid file and the function that reads it.

    Attributes:
        name: Name of the file; the damaged one is called alike.
        content: The valid bytes.
        read: Reads the file.
    """

    name: str
    content: bytes
    read: Callable[[Path], object]


def list_readers(study: Path, folder: Path) -> dict[str, FileReader]:
    """List the readers of everything that a user or the store supplies, by title.

    Args:
        study: A finished `tiny_study.write_untrained_study`.
        folder: Where files for readers are prepared.
    """
    return (
        list_image_readers()
        | list_label_readers()
        | list_setting_readers()
        | list_store_readers(study)
        | list_weights_readers(folder)
    )


def encode_image(image_format: str, *, gray: bool = False) -> bytes:
    shape = (48, 64) if gray else (48, 64, 3)
    pixels = np.random.default_rng(1).integers(0, 14 if gray else 256, shape, np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, image_format)
    return content.getvalue()


def list_image_readers() -> dict[str, FileReader]:
    from fusebench.data import images

    readers = {
        f"{image_format} image": FileReader(
            f"a{extension}", encode_image(image_format), images.read_color
        )
        for image_format, extension in IMAGE_FORMATS.items()
    }
    readers["image size"] = FileReader("a.png", encode_image("PNG"), images.read_image_size)
    readers["GIF as PNG"] = FileReader("a.png", encode_image("GIF"), images.read_gray)
    return readers


def list_label_readers() -> dict[str, FileReader]:
    from detection import coco_results_file
    from fusebench.data import box_annotations, boxes, label_maps

    def read_boxes(path: Path) -> object:
        return boxes.from_coco(coco_results_file.read_document(path, None), tiny_study.CLASSES)

    predictions = json.dumps(tiny_study.build_predictions()).encode()
    return {
        "label map": FileReader(
            "a.png",
            encode_image("PNG", gray=True),
            lambda path: label_maps.read_label_map(path, fmb.CLASSES),
        ),
        "VOC": FileReader(
            "a.xml",
            VOC.encode(),
            lambda path: box_annotations.read_voc_labels(path, ("Car",), (64, 48)),
        ),
        "YOLO": FileReader(
            "a.txt",
            YOLO.encode(),
            lambda path: box_annotations.read_yolo_labels(path, (0, 1), (64, 48)),
        ),
        "predicted boxes": FileReader("a.json", predictions, read_boxes),
    }


def list_setting_readers() -> dict[str, FileReader]:
    from fusebench.config import schema
    from fusebench.data import sequences, splits
    from reports.literature import published_tables

    def read_lists(path: Path) -> object:
        rule = splits.ListRule(train=Path(path.name), test=Path(path.name))
        return splits.read_split_lists(path.parent, rule)

    table = sorted(published_tables.TABLES_FOLDER.glob("*.csv"))[0]
    return {
        "task file": FileReader(
            "tasks.yaml", tiny_study.TRAINED_STUDY.encode(), schema.load_task_file
        ),
        "split list": FileReader("list.txt", b"00000\n00001\n", read_lists),
        "scenario": FileReader(
            "scenario.json",
            json.dumps(SCENARIO).encode(),
            lambda path: sequences.read_scenario_file(path, ["00001", "00002"]),
        ),
        "published table": FileReader(
            "table.csv", table.read_bytes(), published_tables.read_csv_rows
        ),
    }


def list_store_readers(study: Path) -> dict[str, FileReader]:
    from detection import run as detection_run
    from fusebench.data.pairs import Split
    from fusebench.evaluation import counts
    from fusebench.storage import image_index, records
    from fusion.scoring import row_log
    from reports.results import bootstrap_scores, per_image

    detect, segment, quality, resamples, predicted = (
        next((study / "runs" / kind).glob(pattern))
        for kind, pattern in (
            ("detection", "*"),
            ("segmentation", "*"),
            ("quality", "*"),
            ("statistics", "detect*"),
            ("predicted", "m3fd*"),
        )
    )
    split = Split("m3fd", "test", tiny_study.CLASSES, ())

    def read_stored(folder: Path, name: str, read: Callable[[Path], object]) -> FileReader:
        return FileReader(name, (folder / name).read_bytes(), read)

    row = b'\n["a", {"x": 1.0, "flags": ""}]\n' * 5
    return {
        "record": read_stored(detect, "record.json", records.read_record),
        "matches": read_stored(detect, "matches.npz", counts.read_counts),
        "confusion": read_stored(segment, "confusion.npz", counts.read_counts),
        "image index": read_stored(
            detect, "images.csv", lambda path: image_index.read_image_index(path.parent)
        ),
        "boxes per image": read_stored(
            detect,
            "per_image.csv",
            lambda path: per_image.read_per_image_scores(path.parent, "detection"),
        ),
        "quality per image": read_stored(
            quality,
            "per_image.csv",
            lambda path: per_image.read_per_image_scores(path.parent, "quality"),
        ),
        "resamples": complete(resamples, "resampled.npz", bootstrap_scores.read_bootstrap_scores),
        "names of resamples": complete(
            resamples, "resampled.json", bootstrap_scores.read_bootstrap_scores
        ),
        "stored boxes": read_stored(
            predicted,
            "predictions.json",
            lambda path: detection_run.read_predictions(split, path),
        ),
        "rows of an interrupted scoring": FileReader(
            "rows.jsonl", row, lambda path: row_log.read_rows(path, ["x", "flags"])
        ),
    }


def complete(folder: Path, name: str, read: Callable[[Path], object]) -> FileReader:
    """Build a reader of a folder of several files, of which one is damaged."""
    others = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != name and path.is_file()
    }

    def read_folder(path: Path) -> object:
        for other, content in others.items():
            (path.parent / other).write_bytes(content)
        return read(path.parent)

    return FileReader(name, (folder / name).read_bytes(), read_folder)


def list_weights_readers(folder: Path) -> dict[str, FileReader]:
    import torch
    from safetensors.torch import save

    from detection.models.yolov5 import initial_weights
    from fusebench.storage.weights import checkpoint
    from fusion.checkpoints import dmfuse_release, weights_file
    from segmentation.models.segformer import weights as segformer_weights

    pickled = io.BytesIO()
    torch.save({"network": {"a": torch.zeros(50)}, "epoch": 1}, pickled)
    packaged = Path(weights_file.__file__).parents[1] / "weights/dmfuse-small.safetensors"
    return {
        "checkpoint": FileReader(
            "state.pt", pickled.getvalue(), lambda path: checkpoint.read_checkpoint(path, "cpu")
        ),
        "YOLOv5 weights": FileReader(
            "a.pt", pickled.getvalue(), initial_weights.read_checkpoint_network
        ),
        "safetensors of YOLOv5": FileReader(
            "a.safetensors", save({"a": torch.zeros(50)}), initial_weights.read_safetensors
        ),
        "released DMFuse weights": FileReader(
            "a.model",
            pickled.getvalue(),
            lambda path: dmfuse_release.read_dmfuse_weights(path, None),
        ),
        "fusion weights": FileReader(
            "a.safetensors", packaged.read_bytes()[:20_000], weights_file.read_weights
        ),
        "SegFormer weights": FileReader(
            "a.pth", pickled.getvalue(), lambda path: segformer_weights._read_weights_file(path)
        ),
    }
