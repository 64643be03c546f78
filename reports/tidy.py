"""Every score of records as one tidy table, one row per score."""

from collections.abc import Iterable

import pandas as pd

from bench.records import Record, Scalar
from reports.pairs import numbers

ALL, MEAN = "all", "mean"  # what stands for every condition, and for the mean over classes
TIDY = (
    *("task", "kind", "dataset", "source", "seed", "level", "scene", "class", "metric", "value"),
    "signature",
)
FACTS = {"simulated": "simulated", "split_hash": "split hash", "fingerprint": "fingerprint"}


def scores(records: Iterable[Record]) -> pd.DataFrame:
    """One row per score: columns `TIDY`, and of the protocol those in `FACTS`.

    ``scene`` is "all" for the scores on all images, ``class`` is "mean" for the mean over classes,
    and ``level`` tells them from a condition or a class of that name (see `place`). Values are as
    in the record (fractions), undefined ones are missing values; ``signature`` says which of the
    numbers of its name a fusion metric's is, and is missing for others.
    """
    rows = [
        (
            *(r.task, r.kind, r.dataset, r.source, r.seed, *place(scene, name), metric, value),
            _signature(r, metric),
            *_facts(r),
        )
        for r in records
        for (scene, name, metric), value in numbers(r).items()
    ]
    found = pd.DataFrame(rows, columns=[*TIDY, *FACTS])
    return found.astype({"seed": "Int64", "value": "float64"})


def place(scene: str | None, name: str | None) -> tuple[str, str, str]:
    """Level, condition and class of a score as a table says them.

    The level is ``mean``, ``class``, ``mean in condition`` or ``class in condition``.

    Args:
        scene: None for all images.
        name: Class; None for the mean over classes, or over images where there are none.
    """
    level = f"{MEAN if name is None else 'class'}{'' if scene is None else ' in condition'}"
    return level, ALL if scene is None else scene, MEAN if name is None else name


def _signature(record: Record, metric: str) -> str | None:
    column, luminance = record.columns.get(metric), record.protocol.get("luminance")
    if column is None or not column.signature:
        return None
    return f"{column.signature}, {luminance}" if luminance else column.signature


def _facts(record: Record) -> list[Scalar]:
    return [record.protocol.get(name) for name in FACTS.values()]
