"""What the store has of a task's sources to look at: images, predictions, scores per image.

Only what is already there is shown: nothing is fused or predicted for a picture.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import images, masks, sources, tasks
from bench.boxes import Boxes, from_coco
from bench.errors import BenchError
from bench.pairs import Pair, Split
from bench.plan import Cell
from bench.store import Store
from reports.records import per_image


@dataclass(frozen=True)
class Shown:
    """One source that can be shown: its images, and what was predicted on them."""

    cell: Cell
    paths: Mapping[str, Path]
    boxes: Mapping[str, Boxes]  # of detection
    folder: Path  # of the predictions

    @property
    def name(self) -> str:
        """The source's name."""
        return self.cell.source_name

    def labels(self, key: str) -> images.Labels:
        """The predicted label map of one pair."""
        return masks.read_mask(self.folder / f"{key}.png", self.cell.test.classes)


def find(cells: Sequence[Cell], store: Store) -> list[Shown]:
    """The first finished seed of every source whose images and predictions are there."""
    found: dict[str, Shown] = {}
    for cell in cells:
        needed = _folders(cell, store)
        if cell.source_name in found or not needed:
            continue
        if not all(folder.is_dir() for folder in needed) or cell.record(store) is None:
            continue
        folder = needed[0]
        paths = cell.images(cell.test, store, "cpu").paths
        boxes = _read_boxes(folder, cell.test) if cell.task.kind == "detection" else {}
        found[cell.source_name] = Shown(cell, paths, boxes, folder)
    return list(found.values())


def made_at(cell: Cell, store: Store) -> list[int | None]:
    """When the folders that a cell is shown from were made, in ns; None for one that is gone."""
    return [f.stat().st_mtime_ns if f.is_dir() else None for f in _folders(cell, store)]


def _folders(cell: Cell, store: Store) -> list[Path]:
    """Its predictions, and its images if they were made here; nothing where no model is."""
    if "predicted" not in cell.specs:
        return []
    found = [store.path("predicted", cell.model_label, cell.specs["predicted"])]
    source = cell.source
    if isinstance(source, tasks.Method) or (
        isinstance(source, tasks.Elsewhere) and source.colour == "visible"
    ):
        spec = sources.spec(source, cell.test, cell.folder)
        found.append(store.path("fused", sources.label(source, cell.test), spec))
    return found


def scores(one: Shown, store: Store) -> dict[str, float]:
    """A score per pair, only to find pairs worth looking at; see `per_image.read`."""
    found = per_image.read(one.cell.place(store), one.cell.task.kind)
    return next(iter(found.values()), {})


def true_boxes(pair: Pair) -> Boxes:
    """The true boxes of a pair of a detection task."""
    assert pair.boxes is not None  # the plan refuses pairs without
    return pair.boxes


def true_labels(pair: Pair, split: Split) -> images.Labels:
    """The true label map of a pair of a segmentation task."""
    assert pair.mask is not None  # the plan refuses pairs without
    return masks.read_mask(pair.mask, split.classes)


def has_unlabelled(split: Split) -> bool:
    """Whether label 0 means that nobody said what it is."""
    return split.classes[0].lower() in per_image.UNLABELLED


def _read_boxes(folder: Path, split: Split) -> dict[str, Boxes]:
    file = folder / "predictions.json"
    try:
        found = from_coco(json.loads(file.read_text(encoding="utf-8")), split.classes)
    except (OSError, ValueError) as fault:
        raise BenchError(
            f"{file}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    lost = next((pair.key for pair in split.pairs if pair.key not in found), None)
    if lost is not None:
        raise BenchError(f"{file}: has no image {lost}; delete its folder and run again")
    return found
