"""What the store has of a task's sources to look at: images, predictions, scores per image.

Only what is already there is shown: nothing is fused or predicted for a picture.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import images, label_maps
from fusebench.data.boxes import Boxes, from_coco
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments import sources
from fusebench.experiments.plan import Run
from fusebench.storage.store import Store
from reports.results import per_image


@dataclass(frozen=True)
class SourcePredictions:
    """One source that can be shown: its images, and what was predicted on them."""

    run: Run
    image_paths: Mapping[str, Path]
    boxes: Mapping[str, Boxes]  # of detection
    folder: Path  # of the predictions

    @property
    def source_name(self) -> str:
        """The source's name."""
        return self.run.source_name

    def read_label_map(self, key: str) -> images.LabelMap:
        """The predicted label map of one pair."""
        return label_maps.read_label_map(self.folder / f"{key}.png", self.run.test_split.classes)


def find_source_predictions(cells: Sequence[Run], store: Store) -> list[SourcePredictions]:
    """The first finished seed of every source whose images and predictions are there."""
    found: dict[str, SourcePredictions] = {}
    for cell in cells:
        needed = _list_required_folders(cell, store)
        if cell.source_name in found or not needed:
            continue
        if not all(folder.is_dir() for folder in needed) or cell.read_record(store) is None:
            continue
        folder = needed[0]
        paths = sources.get_images(cell.test_images, store, "cpu")
        boxes = _read_boxes(folder, cell.test_split) if cell.task.kind == "detection" else {}
        found[cell.source_name] = SourcePredictions(cell, paths, boxes, folder)
    return list(found.values())


def get_modified_times(cell: Run, store: Store) -> list[int | None]:
    """When the folders that a cell is shown from were made, in ns; None for one that is gone."""
    return [
        f.stat().st_mtime_ns if f.is_dir() else None for f in _list_required_folders(cell, store)
    ]


def _list_required_folders(cell: Run, store: Store) -> list[Path]:
    """Its predictions, and its images if they were made here; nothing where no model is."""
    if "predicted" not in cell.specs:
        return []
    found = [store.get_path("predicted", cell.prediction_label, cell.specs["predicted"])]
    if cell.test_images.is_made_here:
        found.append(cell.test_images.get_folder(store))
    return found


def read_pair_scores(one: SourcePredictions, store: Store) -> dict[str, float]:
    """A score per pair, only to find pairs worth looking at; see `per_image.read`."""
    found = per_image.read_per_image_scores(one.run.get_record_folder(store), one.run.task.kind)
    return next(iter(found.values()), {})


def get_true_boxes(pair: Pair) -> Boxes:
    """The true boxes of a pair of a detection task."""
    assert pair.boxes is not None  # the plan refuses pairs without
    return pair.boxes


def read_true_label_map(pair: Pair, split: Split) -> images.LabelMap:
    """The true label map of a pair of a segmentation task."""
    assert pair.label_map is not None  # the plan refuses pairs without
    return label_maps.read_label_map(pair.label_map, split.classes)


def has_unlabeled_class(split: Split) -> bool:
    """Whether label 0 means that nobody said what it is."""
    return split.classes[0].lower() in per_image.UNLABELED_NAMES


def _read_boxes(folder: Path, split: Split) -> dict[str, Boxes]:
    file = folder / "predictions.json"
    try:
        found = from_coco(json.loads(file.read_text(encoding="utf-8")), split.classes)
    except (OSError, ValueError) as fault:
        raise UserError(
            f"{file}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    lost = next((pair.key for pair in split.pairs if pair.key not in found), None)
    if lost is not None:
        raise UserError(f"{file}: has no image {lost}; delete its folder and run again")
    return found
