"""Tiny data set for the detection tests: bright rectangles on dark noise, two classes by shape."""

from pathlib import Path

import numpy as np

from fusebench.data import images
from fusebench.data.boxes import make_boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair, Split
from tests.helpers.dataset_folders import write_voc_xml

CLASSES = ("wide", "tall")
SIZE = (96, 64)


def write_labeled_images(
    folder: Path, count: int, *, name: str = "train", first: int = 0
) -> LabeledImages:
    """Write ``count`` images of 96 x 64 pixels with one or two boxes; the number is the seed."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs, paths = [], {}
    for number in range(first, first + count):
        key = f"{number:03}"
        rng = np.random.default_rng(number)
        image = rng.integers(0, 60, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        corners, class_ids = [], []
        for index in range(1 + number % 2):
            class_id = int(rng.integers(2))
            width, height = (28, 12) if class_id == 0 else (12, 28)
            left = int(rng.integers(2, 16)) + 48 * index
            top = int(rng.integers(2, 32))
            image[top : top + height, left : left + width] = (250, 200 * class_id, 40)
            corners.append([left, top, left + width, top + height])
            class_ids.append(class_id)
        paths[key] = folder / f"{key}.png"
        images.write_png(paths[key], image)
        condition = "day" if number % 2 else "night"
        boxes = make_boxes(corners, class_ids)
        pairs.append(Pair(key, paths[key], paths[key], SIZE, boxes=boxes, condition=condition))
    return LabeledImages(paths, Split("toy", name, CLASSES, tuple(pairs)))


def write_m3fd_folder(folder: Path, train: int, test: int) -> None:
    """Write the data set in M3FD's folder layout: wide boxes are cars, tall ones people."""
    names = ("Car", "People")
    splits = {
        "train": write_labeled_images(folder / "Vis", train).split,
        "test": write_labeled_images(folder / "Vis", test, name="test", first=500).split,
    }
    (folder / "meta").mkdir()
    for name, split in splits.items():
        (folder / f"meta/{name}.txt").write_text("\n".join(split.keys))
        for pair in split.pairs:
            objects = [
                (names[class_id], *(int(edge) for edge in corners))
                for class_id, corners in zip(pair.boxes.class_ids, pair.boxes.corners, strict=True)
            ]
            write_voc_xml(folder / "Annotation" / f"{pair.key}.xml", objects, SIZE)
            gray = images.read_gray(pair.visible)
            (folder / "Ir").mkdir(exist_ok=True)
            images.write_png(folder / "Ir" / f"{pair.key}.png", gray)
