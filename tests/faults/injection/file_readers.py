"""Every reader of files, with a valid file for it: what the fuzzing damages."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fusebench.datasets import fmb
from tests.faults.injection import tiny_study, valid_images

VOC = (
    "<annotation><size><width>64</width><height>48</height></size><object><name>Car</name>"
    "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>"
    "</annotation>"
)
YOLO = "1 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.1 0.1\n"
SCENARIO = [{"name": "Day", "scene": [{"name": "a", "range": [{"min": 0, "max": 5}]}]}]
FAILURE = {
    "error_type": "UserError",
    "message": "no",
    "utc_time": "2026-01-01",
    "device": "cpu",
    "program": "fusion.run",
}
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
        | list_store_readers(study, folder)
        | list_weights_readers(folder)
    )


def list_image_readers() -> dict[str, FileReader]:
    from fusebench.data import images
    from fusebench.data.image_files import content_hash, infrared_scaling

    scaling = infrared_scaling.MinMaxScaling(rule="minmax")
    readers = {
        f"{image_format} image": FileReader(
            f"a{extension}", valid_images.encode_color_image(image_format), images.read_color
        )
        for image_format, extension in IMAGE_FORMATS.items()
    }
    readers["image size"] = FileReader(
        "a.png", valid_images.encode_color_image("PNG"), images.read_image_size
    )
    readers["image hash"] = FileReader(
        "a.png", valid_images.encode_color_image("PNG"), content_hash.hash_image_file
    )
    readers["turned JPEG"] = FileReader(
        "a.jpg", valid_images.encode_turned_image(), images.read_color
    )
    readers["16-bit infrared image"] = FileReader(
        "a.png",
        valid_images.encode_wide_image("PNG"),
        lambda path: infrared_scaling._read_scaled(path, scaling),
    )
    readers["GIF as PNG"] = FileReader(
        "a.png", valid_images.encode_color_image("GIF"), images.read_gray
    )
    return readers


def list_label_readers() -> dict[str, FileReader]:
    from detection import coco_results_file
    from fusebench.data import box_annotations, boxes, label_maps
    from fusebench.data.box_labels import class_list
    from fusebench.data.label_images import reading

    names = ("Person", "Car")

    def read_boxes(path: Path) -> object:
        keys = tiny_study.TEST_KEYS
        known_keys = boxes.index_keys(keys)
        document = coco_results_file.read_document(path, None, known_keys)
        return boxes.from_coco(document, tiny_study.CLASSES, keys)

    def read_label_map(path: Path) -> object:
        return label_maps.read_label_map(path, fmb.CLASSES)

    gray, palette = valid_images.encode_class_ids("PNG"), valid_images.encode_palette_image()
    predictions = json.dumps(tiny_study.build_predictions()).encode()
    return {
        "label map": FileReader("a.png", gray, read_label_map),
        "label map as TIFF": FileReader(
            "a.tif", valid_images.encode_class_ids("TIFF"), read_label_map
        ),
        "label map with a palette": FileReader("a.png", palette, reading.read_label_image),
        "label map in colors": FileReader(
            "a.png",
            palette,
            lambda path: reading.read_colored_label_image(path, valid_images.PALETTE),
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
        "class names": FileReader(
            "classes.txt",
            b"Car\nPerson\n",
            lambda path: class_list.read_class_list(path.parent, names),
        ),
        "YOLO data file": FileReader(
            "data.yaml",
            b"train: images/train\nnames:\n  0: Car\n  1: Person\n",
            lambda path: class_list.read_class_list(path.parent, names),
        ),
        "predicted boxes": FileReader("a.json", predictions, read_boxes),
    }


def list_setting_readers() -> dict[str, FileReader]:
    from fusebench.config import schema
    from fusebench.data import sequences
    from fusebench.data.splits import ListRule
    from fusebench.data.splitting.split_lists import read_split_lists
    from reports.literature import published_tables

    def read_lists(path: Path) -> object:
        rule = ListRule(train=Path(path.name), test=Path(path.name))
        return read_split_lists(path.parent, rule, ["00000", "00001"])

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


def list_store_readers(study: Path, folder: Path) -> dict[str, FileReader]:
    from fusebench.data.pairs import Split
    from fusebench.evaluation import counts
    from fusebench.experiments.failures import Failure
    from fusebench.storage import (
        documents,
        image_index,
        intact_files,
        integrity,
        predicted_boxes,
        records,
    )
    from fusebench.storage.splits import split_file
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

    def read_index(path: Path) -> object:
        return image_index.read_image_index(path.parent)

    def read_scores(kind: str) -> Callable[[Path], object]:
        return lambda path: per_image.read_per_image_scores(path.parent, kind)

    def find_damage(path: Path) -> object:
        return integrity.find_damage(path)

    split_path = folder / "split.npz"
    split_file.write_split(split_path, split, "0")
    failure_path = folder / "failure.json"
    documents.write_document(failure_path, Failure(**FAILURE))
    row = b'\n["a", {"x": 1.0, "flags": ""}]\n' * 5
    read_bootstrap = bootstrap_scores.read_bootstrap_scores
    return {
        "record": read_stored(detect, "record.json", records.read_record),
        "matches": read_stored(detect, "matches.npz", counts.read_counts),
        "confusion": read_stored(segment, "confusion.npz", counts.read_counts),
        "image index": read_stored(detect, "images.csv", read_index),
        "boxes per image": read_stored(detect, "per_image.csv", read_scores("detection")),
        "pixels per image": read_stored(segment, "per_image.csv", read_scores("segmentation")),
        "quality per image": read_stored(quality, "per_image.csv", read_scores("quality")),
        "resamples": complete(resamples, "resampled.npz", read_bootstrap),
        "names of resamples": complete(resamples, "resampled.json", read_bootstrap),
        "manifest": complete(detect, "manifest.json", find_damage),
        "spec": complete(detect, "spec.json", find_damage),
        "stored boxes": read_stored(
            predicted,
            "predictions.json",
            lambda path: predicted_boxes.read_predicted_boxes(path.parent, split),
        ),
        "kept split": read_stored(
            folder, split_path.name, lambda path: split_file.read_split(path, "0")
        ),
        "failure": read_stored(
            folder, failure_path.name, lambda path: documents.read_document(path, Failure)
        ),
        "unfinished archive": read_stored(detect, "matches.npz", intact_files.find_fault),
        "unfinished image": FileReader(
            "a.png", valid_images.encode_color_image("PNG"), intact_files.find_fault
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
        "YOLOv5 weights": FileReader("a.pt", pickled.getvalue(), initial_weights.read_weights_file),
        "safetensors of YOLOv5": FileReader(
            "a.safetensors", save({"a": torch.zeros(50)}), initial_weights.read_weights_file
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
            "a.pth", pickled.getvalue(), segformer_weights._read_weights_file
        ),
    }
