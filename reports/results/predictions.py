"""Images and predictions of a task's sources for sample panels, as far as the store has them.

Nothing is fused or predicted here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import images, label_maps
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Pair, Split
from fusebench.experiments import sources
from fusebench.experiments.planning.run import Run
from fusebench.storage import predicted_boxes
from fusebench.storage.store import Store
from reports.results import per_image


@dataclass(frozen=True)
class SourcePredictions:
    """Images of one source and the predictions on them.

    Attributes:
        run: The run that predicted.
        image_paths: Key to image file.
        boxes: Key to predicted boxes; empty for segmentation.
        folder: Folder of the predictions.
    """

    run: Run
    image_paths: Mapping[str, Path]
    boxes: Mapping[str, Boxes]
    folder: Path

    @property
    def source_name(self) -> str:
        """Name of the source."""
        return self.run.source_name

    def read_label_map(self, key: str) -> images.LabelMap:
        """Read the predicted label map of a pair."""
        path, classes = self.folder / f"{key}.png", self.run.test_split.classes
        return label_maps.read_label_map(path, classes, may_be_unlabeled=False)


def find_source_predictions(runs: Sequence[Run], store: Store) -> list[SourcePredictions]:
    """Find the first finished seed of every source with images and predictions in the store."""
    by_source: dict[str, SourcePredictions] = {}
    for run in runs:
        required = _list_required_folders(run, store)
        if run.source_name in by_source or not required:
            continue
        if not all(folder.is_dir() for folder in required) or run.read_record(store) is None:
            continue
        folder = store.find_finished(
            "predicted", run.prediction_label, run.specs["predicted"], with_images=False
        )
        assert folder is not None
        paths = sources.get_images(run.test_images, store, "cpu", all_are_read=False)
        is_detection = run.task.kind == "detection"
        split = run.test_split
        boxes = predicted_boxes.read_predicted_boxes(folder, split) if is_detection else {}
        by_source[run.source_name] = SourcePredictions(run, paths, boxes, folder)
    return list(by_source.values())


def get_modified_times(run: Run, store: Store) -> list[int | None]:
    """Return the modification times, in ns, of a run's image and prediction folders.

    A folder that does not exist has None.
    """
    return [
        folder.stat().st_mtime_ns if folder.is_dir() else None
        for folder in _list_required_folders(run, store)
    ]


def _list_required_folders(run: Run, store: Store) -> list[Path]:
    """List the folder of the predictions and that of the fused images, if the run has them."""
    if "predicted" not in run.specs:
        return []
    folders = [store.get_path("predicted", run.prediction_label, run.specs["predicted"])]
    if run.test_images.is_made_here:
        folders.append(run.test_images.get_folder(store))
    return folders


def read_pair_scores(predictions: SourcePredictions, store: Store) -> dict[str, float]:
    """Read a score per pair, to select sample pairs; see `per_image.read_per_image_scores`."""
    run = predictions.run
    by_title = per_image.read_per_image_scores(run.get_record_folder(store), run.task.kind)
    return next(iter(by_title.values()), {})


def get_true_boxes(pair: Pair) -> Boxes:
    """Return the true boxes of a pair of a detection task."""
    assert pair.boxes is not None  # the plan excludes pairs without
    return pair.boxes


def read_true_label_map(pair: Pair, split: Split) -> images.LabelMap:
    """Read the true label map of a pair of a segmentation task."""
    assert pair.label_map is not None  # the plan refuses pairs without
    return label_maps.read_label_map(pair.label_map, split.classes)
