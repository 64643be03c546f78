"""What is taken for what: confusion matrices, from the files that lie beside the records.

Detection has `confusion.csv` (boxes at one confidence, with background for what is missed or made
up), segmentation `confusion.npz` (pixels per image). Counts are summed over the finished seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.experiments.plan import Run
from fusebench.storage import image_index
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_scoring

BOX_CONFUSION_FILE = "confusion.csv"  # of a detection record
ALL_CONDITIONS = "all"  # conditions together, in that file
NOTE_BY_KIND = {
    "detection": "Boxes at the confidence of the best mean F1, summed over finished seeds; "
    "background as predicted: missed, background as truth: found where nothing is.",
    "segmentation": "Pixels of all test images, summed over finished seeds.",
}

ConfusionCounts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """One source's matrix.

    Attributes:
        names: Of rows and columns.
        counts: int64 (N, N), rows are the truth; boxes or pixels.
    """

    class_names: tuple[str, ...]
    counts: ConfusionCounts

    @property
    def row_shares(self) -> NDArray[np.float64]:
        """Of each row's sum, (N, N); NaN in a row without any."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return self.counts / np.where(sums > 0, sums, np.nan)


def read_confusion_matrices(cells: Sequence[Run], store: Store) -> dict[str, ConfusionMatrix]:
    """The matrix of every source with a finished record that has one.

    Raises:
        UserError: If a file is damaged, or the files of a source have other classes.
    """
    found: dict[str, ConfusionMatrix] = {}
    for cell in cells:
        record = cell.read_record(store)
        mine = _read_run_matrix(cell, record, cell.get_record_folder(store)) if record else None
        if mine is None:
            continue
        earlier = found.get(cell.source_name)
        if earlier and earlier.class_names != mine.class_names:
            raise UserError(
                f"{cell.get_record_folder(store)}: its confusion matrix has the classes "
                f"{', '.join(mine.class_names)}, that of another seed {', '.join(earlier.class_names)}; "
                "delete its folder and run again"
            )
        counts = mine.counts + (earlier.counts if earlier else 0)
        found[cell.source_name] = ConfusionMatrix(mine.class_names, counts)
    return _drop_unused_classes(found)


def build_dataframe(found: dict[str, ConfusionMatrix]) -> pd.DataFrame:
    """One row per source, true and predicted class: count, and share of the true class."""
    rows = [
        (
            source,
            one.class_names[i],
            one.class_names[j],
            int(one.counts[i, j]),
            float(one.row_shares[i, j]),
        )
        for source, one in found.items()
        for i, j in np.ndindex(one.counts.shape)
    ]
    return pd.DataFrame(rows, columns=["source", "truth", "predicted", "count", "share"])


def _read_run_matrix(cell: Run, record: Record, folder: Path) -> ConfusionMatrix | None:
    if cell.task.kind == "detection" and (folder / BOX_CONFUSION_FILE).is_file():
        return _read_box_matrix(folder / BOX_CONFUSION_FILE)
    labels = folder / bootstrap_scoring.CONFUSION_FILE
    if (
        cell.task.kind == "segmentation"
        and labels.is_file()
        and (folder / image_index.FILE_NAME).is_file()
    ):
        counts = bootstrap_scoring.read_confusion_counts(
            labels, image_index.read_image_index(folder).keys
        ).sum(axis=0)
        options = bootstrap_scoring.get_metric_options(record, "iou")
        if options.get("unlabeled") == "ignored":
            counts[0] = 0
        return ConfusionMatrix(cell.test_split.classes, counts)
    return None


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
            f"{file}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return ConfusionMatrix(names, counts)


def _drop_unused_classes(found: dict[str, ConfusionMatrix]) -> dict[str, ConfusionMatrix]:
    """Without classes that no source has in the truth or predicts."""
    used: dict[str, bool] = {}
    for one in found.values():
        sums = one.counts.sum(axis=0) + one.counts.sum(axis=1)
        for name, number in zip(one.class_names, sums, strict=True):
            used[name] = used.get(name, False) or bool(number)
    kept = {}
    for source, one in found.items():
        there = [place for place, name in enumerate(one.class_names) if used[name]]
        names = tuple(one.class_names[place] for place in there)
        kept[source] = ConfusionMatrix(names, one.counts[np.ix_(there, there)])
    return kept
