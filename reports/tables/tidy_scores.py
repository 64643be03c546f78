"""Every score of records as one tidy table, one row per score."""

from collections.abc import Iterable

import pandas as pd

from fusebench.storage.records import Record, Scalar
from reports.results import protocol
from reports.results.score_index import index_scores

SCORE_COLUMNS = (
    *("task", "kind", "dataset", "source", "seed", "level", "condition", "class", "metric", "value"),
    "signature",
)
FACT_COLUMNS = {"simulated": "simulated", "split_hash": "split hash", "fingerprint": "fingerprint"}


def build_dataframe(records: Iterable[Record]) -> pd.DataFrame:
    """One row per score: columns `SCORE_COLUMNS`, of the protocol those in `FACT_COLUMNS`, and its digest.

    ``condition`` is "all" for the scores on all images, ``class`` is "mean" for the mean over classes,
    and ``level`` tells them from a condition or a class of that name (see `records.places`); of a
    mean over fewer classes, or as others take it, ``class`` says which. Values are as in the record
    (fractions), undefined ones are missing values; ``get_signature`` says which of the numbers of its
    name a fusion metric's is, and is missing for others. ``protocol`` is a key of
    `protocol.sheet`.
    """
    rows = [
        (
            *(r.task, r.kind, r.dataset, r.source, r.seed, *where.labels, value),
            get_signature(r, where.metric),
            *(*get_facts(r), key),
        )
        for r in records
        for key in [protocol.compute_key(r)]
        for where, value in index_scores(r).items()
    ]
    found = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, *FACT_COLUMNS, "protocol"])
    return found.astype({"seed": "Int64", "value": "float64"})


def get_signature(record: Record, metric: str) -> str | None:
    """Which of the numbers of its name a fusion metric's is; None for others."""
    column, luminance = record.columns.get(metric), record.protocol.get("luminance")
    if column is None or not column.signature:
        return None
    return f"{column.signature}, {luminance}" if luminance else column.signature


def get_facts(record: Record) -> list[Scalar]:
    """What a record says of `FACT_COLUMNS`."""
    return [record.protocol.get(name) for name in FACT_COLUMNS.values()]
