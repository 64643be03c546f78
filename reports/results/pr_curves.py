"""Precision at every recall, from the file that lies beside a detection record."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fusebench.errors import UserError
from fusebench.experiments.plan import Run
from fusebench.storage.store import Store

FILE_NAME = "curves.csv"
PLOTTED_IOU_THRESHOLD = 0.5  # of the curves that are drawn
COLUMNS = ("class", "iou", "recall", "precision", "score")

PrecisionRecallCurve = tuple[list[float], list[float]]  # recall, precision
CurvesByClass = Mapping[str, Mapping[str, PrecisionRecallCurve]]  # class to source to curve


def read_curves(cells: Sequence[Run], store: Store) -> pd.DataFrame:
    """The curves of the first finished seed of every source that has them.

    Returns:
        Columns ``source``, ``seed`` and `COLUMNS`, as the files have them; empty without any.

    Raises:
        UserError: If a file is not of that form.
    """
    found: dict[str, pd.DataFrame] = {}
    for cell in cells:
        file = cell.get_record_folder(store) / FILE_NAME
        if cell.source_name in found or cell.read_record(store) is None or not file.is_file():
            continue
        try:
            table = pd.read_csv(file, keep_default_na=False, dtype={"class": str, "score": str})
            table = table[list(COLUMNS)].astype({"recall": float, "precision": float})
        except (ValueError, KeyError) as fault:
            raise UserError(
                f"{file}: cannot be read ({fault}); delete its folder and run again"
            ) from None
        table.insert(0, "source", cell.source_name)
        table.insert(1, "seed", cell.seed)
        found[cell.source_name] = table
    return pd.concat(found.values(), ignore_index=True) if found else pd.DataFrame()


def select_plotted_curves(table: pd.DataFrame) -> CurvesByClass:
    """The curves at `PLOTTED_IOU_THRESHOLD`, by class and source, in the order of the table."""
    some = table[table["iou"].astype(float) == PLOTTED_IOU_THRESHOLD]
    found: dict[str, dict[str, PrecisionRecallCurve]] = {}
    for (name, source), rows in some.groupby(["class", "source"], sort=False):
        curve = rows["recall"].tolist(), rows["precision"].tolist()
        found.setdefault(str(name), {})[str(source)] = curve
    return found
