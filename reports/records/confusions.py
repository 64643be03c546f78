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

from bench import evidence
from bench.errors import BenchError
from bench.plan import Cell
from bench.records import Record
from bench.store import Store
from reports.records import rescoring

BOXES = "confusion.csv"  # of a detection record
ALL = "all"  # conditions together, in that file
NOTES = {
    "detection": "Boxes at the confidence of the best mean F1, summed over finished seeds; "
    "background as predicted: missed, background as truth: found where nothing is.",
    "segmentation": "Pixels of all test images, summed over finished seeds.",
}

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Confusion:
    """One source's matrix.

    Attributes:
        names: Of rows and columns.
        counts: int64 (N, N), rows are the truth; boxes or pixels.
    """

    names: tuple[str, ...]
    counts: Counts

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of each row's sum, (N, N); NaN in a row without any."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return self.counts / np.where(sums > 0, sums, np.nan)


def read(cells: Sequence[Cell], store: Store) -> dict[str, Confusion]:
    """The matrix of every source with a finished record that has one.

    Raises:
        BenchError: If a file is damaged, or the files of a source have other classes.
    """
    found: dict[str, Confusion] = {}
    for cell in cells:
        record = cell.record(store)
        mine = _of(cell, record, cell.place(store)) if record else None
        if mine is None:
            continue
        earlier = found.get(cell.source_name)
        if earlier and earlier.names != mine.names:
            raise BenchError(
                f"{cell.place(store)}: its confusion matrix has the classes "
                f"{', '.join(mine.names)}, that of another seed {', '.join(earlier.names)}; "
                "delete its folder and run again"
            )
        counts = mine.counts + (earlier.counts if earlier else 0)
        found[cell.source_name] = Confusion(mine.names, counts)
    return _without_empty(found)


def sheet(found: dict[str, Confusion]) -> pd.DataFrame:
    """One row per source, true and predicted class: count, and share of the true class."""
    rows = [
        (source, one.names[i], one.names[j], int(one.counts[i, j]), float(one.shares[i, j]))
        for source, one in found.items()
        for i, j in np.ndindex(one.counts.shape)
    ]
    return pd.DataFrame(rows, columns=["source", "truth", "predicted", "count", "share"])


def _of(cell: Cell, record: Record, folder: Path) -> Confusion | None:
    if cell.task.kind == "detection" and (folder / BOXES).is_file():
        return _boxes(folder / BOXES)
    labels = folder / rescoring.SEGMENTATION
    if cell.task.kind == "segmentation" and labels.is_file() and (folder / evidence.NAME).is_file():
        counts = rescoring.confusions(labels, evidence.read(folder).keys).sum(axis=0)
        options = rescoring.options(record, "iou")
        if options.get("unlabelled") == "ignored":
            counts[0] = 0
        return Confusion(cell.test.classes, counts)
    return None


def _boxes(file: Path) -> Confusion:
    try:
        table = pd.read_csv(file, keep_default_na=False, dtype=str)
        table = table[table["scene"] == ALL].astype({"boxes": np.int64})
        names = tuple(dict.fromkeys(table["truth"]))
        counts = np.zeros((len(names), len(names)), np.int64)
        rows = zip(table["truth"], table["predicted"], table["boxes"], strict=True)
        for truth, predicted, boxes in rows:
            counts[names.index(truth), names.index(predicted)] = boxes
    except (OSError, ValueError, KeyError) as fault:
        raise BenchError(
            f"{file}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    return Confusion(names, counts)


def _without_empty(found: dict[str, Confusion]) -> dict[str, Confusion]:
    """Without classes that no source has in the truth or predicts."""
    used: dict[str, bool] = {}
    for one in found.values():
        sums = one.counts.sum(axis=0) + one.counts.sum(axis=1)
        for name, number in zip(one.names, sums, strict=True):
            used[name] = used.get(name, False) or bool(number)
    kept = {}
    for source, one in found.items():
        there = [place for place, name in enumerate(one.names) if used[name]]
        names = tuple(one.names[place] for place in there)
        kept[source] = Confusion(names, one.counts[np.ix_(there, there)])
    return kept
