"""Precision-recall curves, from the file `curves.csv` beside every detection record."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fusebench.errors import UserError
from fusebench.experiments.planning.run import Run
from fusebench.runtime import command_name
from fusebench.storage.store import Store

FILE_NAME = "curves.csv"
PLOTTED_IOU_THRESHOLD = 0.5
COLUMNS = ("class", "iou", "recall", "precision", "score")

PrecisionRecallCurve = tuple[list[float], list[float]]  # recall, precision
CurvesByClass = Mapping[str, Mapping[str, PrecisionRecallCurve]]  # class to source to curve


def read_curves(runs: Sequence[Run], store: Store) -> pd.DataFrame:
    """Read the curves of the first finished seed of every source that has them.

    Returns:
        Columns ``source``, ``seed`` and `COLUMNS`, as in the files; empty without any.

    Raises:
        UserError: If a file is damaged.
    """
    tables: dict[str, pd.DataFrame] = {}
    for run in runs:
        file = run.get_record_folder(store) / FILE_NAME
        if run.source_name in tables or run.read_record(store) is None or not file.is_file():
            continue
        try:
            # A class may be called NA, so that no text is read as a missing value.
            table = pd.read_csv(file, keep_default_na=False, dtype={"class": str, "score": str})
            table = table[list(COLUMNS)].astype({"recall": float, "precision": float})
        except (ValueError, KeyError) as fault:
            advice = command_name.format_repair_advice(file.parent)
            raise UserError(f"{file}: cannot be read ({fault}); {advice}") from None
        table.insert(0, "source", run.source_name)
        table.insert(1, "seed", run.seed)
        tables[run.source_name] = table
    return pd.concat(tables.values(), ignore_index=True) if tables else pd.DataFrame()


def select_plotted_curves(table: pd.DataFrame) -> CurvesByClass:
    """Select the curves at `PLOTTED_IOU_THRESHOLD`, in the order of the table."""
    plotted = table[table["iou"].astype(float) == PLOTTED_IOU_THRESHOLD]
    curves: dict[str, dict[str, PrecisionRecallCurve]] = {}
    for (name, source), rows in plotted.groupby(["class", "source"], sort=False):
        curve = rows["recall"].tolist(), rows["precision"].tolist()
        curves.setdefault(str(name), {})[str(source)] = curve
    return curves
