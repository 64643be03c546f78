"""Precision at every recall, from the file that lies beside a detection record."""

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.errors import BenchError
from bench.plan import Cell
from bench.store import Store

NAME = "curves.csv"
OVERLAP = 0.5  # of the curves that are drawn
COLUMNS = ("class", "overlap", "recall", "precision", "score")

Curve = tuple[list[float], list[float]]  # recall, precision
Curves = Mapping[str, Mapping[str, Curve]]  # class to source to curve


def read(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The curves of the first finished seed of every source that has them.

    Returns:
        Columns ``source``, ``seed`` and `COLUMNS`, as the files have them; empty without any.

    Raises:
        BenchError: If a file is not of that form.
    """
    found: dict[str, pd.DataFrame] = {}
    for cell in cells:
        file = cell.place(store) / NAME
        if cell.source_name in found or cell.record(store) is None or not file.is_file():
            continue
        try:
            table = pd.read_csv(file, keep_default_na=False, dtype={"class": str, "score": str})
            table = table[list(COLUMNS)].astype({"recall": float, "precision": float})
        except (ValueError, KeyError) as fault:
            raise BenchError(
                f"{file}: cannot be read ({fault}); delete its folder and run again"
            ) from None
        table.insert(0, "source", cell.source_name)
        table.insert(1, "seed", cell.seed)
        found[cell.source_name] = table
    return pd.concat(found.values(), ignore_index=True) if found else pd.DataFrame()


def drawn(table: pd.DataFrame) -> Curves:
    """The curves at `OVERLAP`, by class and source, in the order of the table."""
    some = table[table["overlap"].astype(float) == OVERLAP]
    found: dict[str, dict[str, Curve]] = {}
    for (name, source), rows in some.groupby(["class", "source"], sort=False):
        curve = rows["recall"].tolist(), rows["precision"].tolist()
        found.setdefault(str(name), {})[str(source)] = curve
    return found
