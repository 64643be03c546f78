"""Files of label maps and errors of one pair, and its counts of pixels, for worker processes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import label_maps
from fusebench.data.images import LabelMap
from fusebench.errors import UserError
from fusebench.runtime import file_names
from reports.figures import overlays
from reports.results.task_results import SINGLE_SENSOR_KINDS
from reports.viewer import label_images
from reports.viewer.collection import ViewerTask
from reports.viewer.pictures import FOLDER


@dataclass(frozen=True)
class LabelJob:
    """Label maps of all sources of one pair, and where their images are written.

    Attributes:
        truth: True label map.
        predicted: Predicted label map of every source that predicts.
        sensors: Indices of the single sensors among these sources.
        classes: Class names in the order of their ids.
        truth_file: Image of the true label map.
        label_files: Image of the label map of every source.
        error_files: Image of the errors of every source.
    """

    truth: Path
    predicted: tuple[Path, ...]
    sensors: tuple[int, ...]
    classes: tuple[str, ...]
    truth_file: Path
    label_files: tuple[Path, ...]
    error_files: tuple[Path, ...]


@dataclass(frozen=True)
class LabelCounts:
    """Result of a `LabelJob`.

    Attributes:
        rows: Per source, see `label_images.count_pixels`; empty if it cannot be read.
        faults: Per source, why its label map cannot be shown; empty if it is.
    """

    rows: tuple[list[int], ...]
    faults: tuple[str, ...]


def build_jobs(task: ViewerTask, keys: Sequence[str], report: Path) -> Iterator[LabelJob]:
    """Build the jobs of a segmentation task, one per pair."""
    paths = {pair.key: pair.label_map for pair in task.split.pairs}
    predicting = [source for source in task.sources if source.predictions]
    sensors = [i for i, s in enumerate(predicting) if s.kind in SINGLE_SENSOR_KINDS]
    for key in keys:
        truth, name = paths[key], build_file_name(key)
        assert truth is not None  # the plan refuses pairs without
        yield LabelJob(
            truth,
            tuple(s.predictions.folder / f"{key}.png" for s in predicting if s.predictions),
            tuple(sensors),
            task.split.classes,
            report / build_folder("truth", task.name) / name,
            tuple(report / build_folder("labels", task.name, s.name) / name for s in predicting),
            tuple(report / build_folder("errors", task.name, s.name) / name for s in predicting),
        )


def build_folder(kind: str, task: str, source: str = "") -> str:
    """Build the folder of label images of a task, relative to the report.

    Args:
        kind: ``truth``, ``labels`` or ``errors``. No data set has these names.
        task: Name of the task.
        source: Name of the source; empty for the truth.
    """
    parts = [file_names.make_safe_file_name(name) for name in (task, source) if name]
    return "/".join([FOLDER, f"~{kind}", *parts])  # no safe file name has the tilde


def build_file_name(key: str) -> str:
    """Build the name of a label image of a pair."""
    return f"{file_names.make_safe_file_name(key)}.png"


def write_label_files(job: LabelJob) -> LabelCounts:
    """Write all label images of a pair and count its pixels.

    A label map that cannot be read has a fault instead of images.
    """
    count = len(job.predicted)
    try:
        truth = label_maps.read_label_map(job.truth, job.classes)
    except UserError as error:
        return LabelCounts(([],) * count, (str(error),) * count)
    palette = overlays.build_class_colors(job.classes)
    is_unlabeled = label_maps.find_unlabeled(truth, job.classes)
    label_images.write_label_image(job.truth_file, truth, palette)
    readable: dict[int, LabelMap] = {}
    faults = [""] * count
    for i, path in enumerate(job.predicted):
        try:
            labels = _read_prediction(path, job.classes, truth)
        except UserError as error:
            faults[i] = str(error)
            continue
        readable[i] = labels
        label_images.write_label_image(job.label_files[i], labels, palette)
        label_images.write_error_image(job.error_files[i], labels != truth, is_unlabeled)
    return LabelCounts(_count(job, truth, readable), tuple(faults))


def _count(
    job: LabelJob, truth: LabelMap, readable: Mapping[int, LabelMap]
) -> tuple[list[int], ...]:
    order = list(readable)
    sensors = [order.index(i) for i in job.sensors if i in readable]
    rows = label_images.count_pixels(truth, list(readable.values()), sensors, job.classes)
    by_source = dict(zip(order, rows, strict=True))
    return tuple(by_source.get(i, []) for i in range(len(job.predicted)))


def _read_prediction(path: Path, classes: Sequence[str], truth: LabelMap) -> LabelMap:
    labels = label_maps.read_label_map(path, classes, may_be_unlabeled=False)
    if labels.shape != truth.shape:
        raise UserError(f"{path}: size {labels.shape[::-1]}, expected {truth.shape[::-1]}")
    return labels
