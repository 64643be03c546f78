"""Data set in COCO's format: ``annotations/instances_<split>.json`` and ``images/<split>/``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusebench.data.boxes import Boxes, to_coco
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.data.pairs import Split
from fusebench.export import image_folder, readme
from fusebench.export.content import TaskContent
from fusebench.runtime import atomic_write

TITLE = "Data set in COCO's format"


def write(folder: Path, content: TaskContent, mode: PlacingMode) -> None:
    """Write the images of the source and the boxes.

    Raises:
        UserError: If an image cannot be read.
    """
    (source,) = content.sources
    (folder / "annotations").mkdir()
    for name, files in source.images.items():
        split = content.splits[name]
        placed = image_folder.place_images(files, split, folder / "images" / name, mode)
        document = build_ground_truth(split, {key: path.name for key, path in placed.items()})
        atomic_write.write_text_atomically(
            folder / "annotations" / f"instances_{name}.json", json.dumps(document)
        )
    usage = (
        "file_name is relative to images/<split>. Image ids are 1, 2, ... by key, category ids the",
        "class ids plus 1, as in the predictions of `--to predictions`.",
    )
    atomic_write.write_text_atomically(
        folder / readme.FILE_NAME, readme.format_readme(TITLE, content, usage)
    )


def build_ground_truth(split: Split, file_names: Mapping[str, str]) -> dict[str, Any]:
    """Build the COCO document of the true boxes of a split.

    Args:
        split: Pairs with boxes.
        file_names: Value of ``file_name`` per key.
    """
    boxes: dict[str, Boxes] = {p.key: p.boxes for p in split.pairs if p.boxes is not None}
    document = to_coco(boxes, split.classes, {pair.key: pair.size for pair in split.pairs})
    named = [{**image, "file_name": file_names[image["file_name"]]} for image in document["images"]]
    return {**document, "images": named}
