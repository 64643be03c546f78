"""Readers of the files that describe a user's own folder tree, with a valid file for each."""

import json
from pathlib import Path

from tests.faults.injection import valid_images
from tests.faults.injection.file_readers import FileReader

KEYS = ("00000", "00001", "00002")
COCO = {
    "images": [
        {"id": number, "file_name": f"vi/{key}.png", "width": 64, "height": 48}
        for number, key in enumerate(KEYS)
    ],
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    "annotations": [
        {"id": 1, "image_id": 0, "category_id": 2, "bbox": [5, 5, 20.5, 10], "iscrowd": 0},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 1},
    ],
}
PAIR_LIST = "infrared,visible,key,split\nir/00000.png,vi/00000.png,a,train\n"
RECORDINGS = "key,sequence,condition\n00000,s1,day\n00001.png,s2,night\n"


def list_tree_readers() -> dict[str, FileReader]:
    """List the readers, by title."""
    from fusebench.data.box_labels import class_list
    from fusebench.data.label_images import conversion
    from fusebench.data.trees import box_files, pair_list, recordings
    from fusebench.data.trees.label_options import BoxFiles
    from fusebench.data.trees.options import Recordings
    from fusebench.data.trees.pair_files import TreePair

    pairs = [TreePair(key, f"/d/ir/{key}.png", f"/d/vi/{key}.png", {"key": key}) for key in KEYS]
    by_id = conversion.LabelConversion(ids={value: value // 2 for value in range(200)})
    by_color = conversion.LabelConversion(colors=dict(valid_images.PALETTE))

    def read_coco(path: Path) -> object:
        options = BoxFiles(
            format="coco", files=path.name, unlabeled_images="background",
            unmatched_labels="leave_out",
        )  # fmt: skip
        boxes = box_files.find_boxes(path.parent, pairs, options, ())
        return [boxes.read(key, (64, 48)) for key in KEYS]

    def read_pairs(path: Path) -> object:
        for sensor in ("ir", "vi"):
            (path.parent / sensor).mkdir(exist_ok=True)
            (path.parent / sensor / "00000.png").touch()
        return pair_list.read_pair_list(path.parent, Path(path.name))

    def read_recordings(path: Path) -> object:
        return recordings.find_recordings(path.parent, pairs, Recordings(file=path.name))

    def find_class_list(path: Path) -> object:
        return class_list.find_class_list([path.parent], path.parent)

    return {
        "COCO labels": FileReader("a.json", json.dumps(COCO).encode(), read_coco),
        "list of pairs": FileReader("pairs.csv", PAIR_LIST.encode(), read_pairs),
        "recordings": FileReader("meta.csv", RECORDINGS.encode(), read_recordings),
        "any class names": FileReader("classes.txt", b"car\ntraffic light\n", find_class_list),
        "any YOLO data file": FileReader(
            "data.yaml", b"names:\n  0: car\n  1: person\n", find_class_list
        ),
        "label map with other ids": FileReader(
            "a.png",
            valid_images.encode_class_ids("PNG"),
            lambda path: conversion.read_converted(path, by_id),
        ),
        "label map with other colors": FileReader(
            "a.png",
            valid_images.encode_palette_image(),
            lambda path: conversion.read_converted(path, by_color),
        ),
    }
