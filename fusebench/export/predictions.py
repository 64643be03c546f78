"""Predictions of finished runs: COCO's list of results, or label maps in PASCAL VOC's colors.

Detection:     ground_truth.json, results/<source>-seed<n>.json
Segmentation:  ground_truth/<key>.png, results/<source>-seed<n>/<key>.png
"""

import json
from pathlib import Path
from typing import Any

from fusebench.data import label_maps
from fusebench.data.boxes import to_coco
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.data.pairs import Split
from fusebench.export import coco, readme
from fusebench.export.content import RunPredictions, TaskContent
from fusebench.export.label_palette import write_palette_png
from fusebench.runtime import atomic_write, file_names, progress
from fusebench.storage import predicted_boxes

TITLE = "Predictions on the test images"


def write(folder: Path, content: TaskContent, mode: PlacingMode) -> None:
    """Write the predictions of every run, and the labels that they are scored against.

    Args:
        folder: Where to write.
        content: The task.
        mode: Not used: no images are exported.

    Raises:
        UserError: If stored predictions are damaged.
    """
    (split,) = content.splits.values()
    results = folder / "results"
    results.mkdir()
    labels = {file_names.make_safe_file_name(run.label): run for run in content.predictions}
    usage: tuple[str, ...]
    if content.kind == "detection":
        truth = coco.build_ground_truth(split, {key: key for key in split.keys})
        atomic_write.write_text_atomically(folder / "ground_truth.json", json.dumps(truth))
        for label, run in labels.items():
            rows = build_results(run, split)
            atomic_write.write_text_atomically(results / f"{label}.json", json.dumps(rows))
        usage = (
            "pycocotools: COCO('ground_truth.json').loadRes('results/<run>.json')",
            "Boxes are [left, top, width, height] in pixels; file_name is the key of the image.",
        )
    else:
        _write_label_maps(folder / "ground_truth", split, None)
        for label, run in labels.items():
            _write_label_maps(results / label, split, run.folder)
        usage = (
            "Palette images: the index of a pixel is its class id, the colors are PASCAL VOC's.",
            "PIL: numpy.array(Image.open(path)) gives the ids; OpenCV and viewers show colors.",
            "In ground_truth, 255 marks unlabeled pixels.",
        )
    atomic_write.write_text_atomically(
        folder / readme.FILE_NAME, readme.format_readme(TITLE, content, usage)
    )


def build_results(run: RunPredictions, split: Split) -> list[dict[str, Any]]:
    """Build COCO's list of results of a run; ids are those of `coco.build_ground_truth`."""
    boxes = predicted_boxes.read_predicted_boxes(run.folder, split)
    document = to_coco(boxes, split.classes, {pair.key: pair.size for pair in split.pairs})
    names = ("image_id", "category_id", "bbox", "score")
    return [{name: row[name] for name in names} for row in document["annotations"]]


def _write_label_maps(folder: Path, split: Split, predicted: Path | None) -> None:
    """Write the true label maps of a split, or the predicted ones in a folder of the store."""
    folder.mkdir()
    for pair in progress.track_progress(split.pairs, f"export {folder.name}"):
        path = pair.label_map if predicted is None else predicted / f"{pair.key}.png"
        assert path is not None
        labels = label_maps.read_label_map(path, split.classes, may_be_unlabeled=predicted is None)
        write_palette_png(folder / f"{pair.key}.png", labels)
