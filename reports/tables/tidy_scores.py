"""Tidy table of scores: one row per score of every record."""

from collections.abc import Iterable

import pandas as pd

from fusebench.storage.records import Record, Scalar
from reports.results import protocol
from reports.results.score_index import index_scores

SCORE_COLUMNS = (
    *("task", "kind", "dataset", "source", "seed", "level", "condition", "class", "metric"),
    *("value", "signature"),
)
FACT_COLUMNS = {"simulated": "simulated", "split_hash": "split hash", "fingerprint": "fingerprint"}


def build_dataframe(records: Iterable[Record]) -> pd.DataFrame:
    """Tabulate every score of the records.

    Returns:
        Columns `SCORE_COLUMNS`, `FACT_COLUMNS` (facts of the protocol) and ``protocol``
        (`protocol.compute_key`). ``condition`` is "all" for scores on all images, ``class`` is
        "mean" for the mean over classes; ``level`` distinguishes them from a condition or class of
        that name (see `score_index`). For a mean over fewer classes or by another convention,
        ``class`` is its name. Values are fractions as in the records, undefined ones are missing
        values. ``signature`` is that of a fusion metric (`get_signature`), missing for others.
    """
    rows = [
        (
            *(record.task, record.kind, record.dataset, record.source, record.seed),
            *(*location.labels, value, get_signature(record, location.metric)),
            *(*get_facts(record), key),
        )
        for record in records
        for key in [protocol.compute_key(record)]
        for location, value in index_scores(record).items()
    ]
    table = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, *FACT_COLUMNS, "protocol"])
    return table.astype({"seed": "Int64", "value": "float64"})


def get_signature(record: Record, metric: str) -> str | None:
    """Return the signature of a fusion metric, which identifies its variant; None for others."""
    column, luminance = record.columns.get(metric), record.protocol.get("luminance")
    if column is None or not column.signature:
        return None
    return f"{column.signature}, {luminance}" if luminance else column.signature


def get_facts(record: Record) -> list[Scalar]:
    """Return a record's protocol facts for `FACT_COLUMNS`."""
    return [record.protocol.get(name) for name in FACT_COLUMNS.values()]
