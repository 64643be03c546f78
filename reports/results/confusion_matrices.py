"""Confusion matrices per source, summed over the finished seeds.

Detection records have `confusion.csv` (boxes at one confidence, with background for false
negatives and false positives), segmentation records `confusion.npz` (pixels per image).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.experiments.planning.run import Run
from fusebench.runtime import command_name
from fusebench.storage import image_index
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_scoring

BOX_CONFUSION_FILE = "confusion.csv"  # of a detection record
ALL_CONDITIONS = "all"  # value of that file's column `condition` for all images
NOTE_BY_KIND = {
    "detection": "Boxes at the confidence of the best mean F1, summed over finished seeds; "
    "background as predicted class: false negatives, background as true class: false positives.",
    "segmentation": "Pixels of all test images, summed over finished seeds.",
}

ConfusionCounts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Confusion matrix of one source.

    Attributes:
        class_names: Of rows and columns.
        counts: int64 (N, N), rows are the truth; boxes or pixels.
    """

    class_names: tuple[str, ...]
    counts: ConfusionCounts

    @property
    def row_shares(self) -> NDArray[np.float64]:
        """Counts divided by their row's sum, (N, N); NaN in a row without counts."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return self.counts / np.where(sums > 0, sums, np.nan)


def read_confusion_matrices(runs: Sequence[Run], store: Store) -> dict[str, ConfusionMatrix]:
    """Read the confusion matrix of every source with a finished record that has one.

    Classes that no source has in the truth or predicts are left out; without any class there is
    no matrix.

    Raises:
        UserError: If a file is damaged, or the records of a source have different classes.
    """
    matrices: dict[str, ConfusionMatrix] = {}
    for run in runs:
        record, folder = run.read_record(store), run.get_record_folder(store)
        matrix = _read_run_matrix(run, record, folder) if record else None
        if matrix is None:
            continue
        earlier = matrices.get(run.source_name)
        if earlier and earlier.class_names != matrix.class_names:
            raise UserError(
                f"{folder}: the confusion matrix has the classes "
                f"{', '.join(matrix.class_names)}, that of another seed "
                f"{', '.join(earlier.class_names)}; "
                f"{command_name.format_repair_advice(folder)}"
            )
        counts = matrix.counts + (earlier.counts if earlier else 0)
        matrices[run.source_name] = ConfusionMatrix(matrix.class_names, counts)
    return _drop_unused_classes(matrices)


def build_dataframe(matrices: dict[str, ConfusionMatrix]) -> pd.DataFrame:
    """Tabulate one row per source, true and predicted class: count, share of the true class."""
    rows = []
    for source, matrix in matrices.items():
        names, shares = matrix.class_names, matrix.row_shares
        rows += [
            (source, names[i], names[j], int(matrix.counts[i, j]), float(shares[i, j]))
            for i, j in np.ndindex(matrix.counts.shape)
        ]
    return pd.DataFrame(rows, columns=["source", "truth", "predicted", "count", "share"])


def _read_run_matrix(run: Run, record: Record, folder: Path) -> ConfusionMatrix | None:
    if run.task.kind == "detection" and (folder / BOX_CONFUSION_FILE).is_file():
        return _read_box_matrix(folder / BOX_CONFUSION_FILE)
    if run.task.kind != "segmentation" or not all(
        (folder / name).is_file()
        for name in (bootstrap_scoring.CONFUSION_FILE, image_index.FILE_NAME)
    ):
        return None
    keys = image_index.read_image_index(folder).keys
    per_image = bootstrap_scoring.read_confusion_counts(
        folder / bootstrap_scoring.CONFUSION_FILE, keys
    )
    counts = per_image.sum(axis=0)
    if bootstrap_scoring.get_metric_options(record, "iou").get("unlabeled") == "ignored":
        counts[0] = 0  # label 0 is the unlabeled class
    return ConfusionMatrix(run.test_split.classes, counts)


def _read_box_matrix(file: Path) -> ConfusionMatrix:
    try:
        table = pd.read_csv(file, keep_default_na=False, dtype=str)
        table = table[table["condition"] == ALL_CONDITIONS].astype({"boxes": np.int64})
        names = tuple(dict.fromkeys(table["truth"]))
        counts = np.zeros((len(names), len(names)), np.int64)
        rows = zip(table["truth"], table["predicted"], table["boxes"], strict=True)
        for truth, predicted, boxes in rows:
            counts[names.index(truth), names.index(predicted)] = boxes
    except (OSError, ValueError, KeyError) as fault:
        raise UserError(
            f"{file}: cannot be read ({fault}); {command_name.format_repair_advice(file.parent)}"
        ) from None
    return ConfusionMatrix(names, counts)


def _drop_unused_classes(matrices: dict[str, ConfusionMatrix]) -> dict[str, ConfusionMatrix]:
    """Remove the classes that no source has in the truth or predicts."""
    is_used: dict[str, bool] = {}
    for matrix in matrices.values():
        sums = matrix.counts.sum(axis=0) + matrix.counts.sum(axis=1)
        for name, count in zip(matrix.class_names, sums, strict=True):
            is_used[name] = is_used.get(name, False) or bool(count)
    if not any(is_used.values()):  # not one labeled pixel or box: there is nothing to draw
        return {}
    reduced = {}
    for source, matrix in matrices.items():
        indices = [i for i, name in enumerate(matrix.class_names) if is_used[name]]
        names = tuple(matrix.class_names[i] for i in indices)
        reduced[source] = ConfusionMatrix(names, matrix.counts[np.ix_(indices, indices)])
    return reduced
