"""Every score of records as one tidy table, one row per score."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from bench.records import Record, Scalar, Slice
from reports import pairs, protocol

ALL, MEAN = "all", "mean"  # what stands for every condition, and for the mean over classes
CLASS, FEWER, CONVENTION = "class", "mean over fewer", "convention"  # the other levels
TIDY = (
    *("task", "kind", "dataset", "source", "seed", "level", "scene", "class", "metric", "value"),
    "signature",
)
FACTS = {"simulated": "simulated", "split_hash": "split hash", "fingerprint": "fingerprint"}


class Place(NamedTuple):
    """Where in a record a score stands.

    Attributes:
        scene: None for all images.
        of: `MEAN`, `CLASS`, `FEWER` (a mean over fewer classes) or `CONVENTION` (a mean as others
            take it).
        name: Class, or the words of such a mean; None for the mean over classes, or over images
            where there are none.
    """

    scene: str | None
    of: str
    name: str | None
    metric: str

    @property
    def said(self) -> tuple[str, str, str, str]:
        """Level, condition, class and metric as a table says them."""
        _, scene, name = place(self.scene, self.name)
        return f"{self.of}{_where(self.scene)}", scene, name, self.metric


def scores(records: Iterable[Record]) -> pd.DataFrame:
    """One row per score: columns `TIDY`, of the protocol those in `FACTS`, and its digest.

    ``scene`` is "all" for the scores on all images, ``class`` is "mean" for the mean over classes,
    and ``level`` tells them from a condition or a class of that name (see `place`); of a mean over
    fewer classes, or as others take it, ``class`` says which. Values are as in the record
    (fractions), undefined ones are missing values; ``signature`` says which of the numbers of its
    name a fusion metric's is, and is missing for others. ``protocol`` is a key of
    `protocol.sheet`.
    """
    rows = [
        (
            *(r.task, r.kind, r.dataset, r.source, r.seed, *where.said, value),
            signature(r, where.metric),
            *(*facts(r), key),
        )
        for r in records
        for key in [protocol.key(r)]
        for where, value in numbers(r).items()
    ]
    found = pd.DataFrame(rows, columns=[*TIDY, *FACTS, "protocol"])
    return found.astype({"seed": "Int64", "value": "float64"})


def numbers(record: Record) -> dict[Place, float | None]:
    """Every score of a record."""
    found = {
        Place(scene, MEAN if name is None else CLASS, name, metric): value
        for (scene, name, metric), value in pairs.numbers(record).items()
    }
    parts: list[tuple[str | None, Slice]] = [(None, record), *record.by_scene.items()]
    return found | {
        Place(scene, of, name, metric): value
        for scene, part in parts
        for of, means in ((FEWER, part.other_means), (CONVENTION, part.conventions))
        for name, scores in means.items()
        for metric, value in scores.items()
    }


def place(scene: str | None, name: str | None) -> tuple[str, str, str]:
    """Level, condition and class of a score as a table says them.

    The level is ``mean``, ``class``, ``mean in condition`` or ``class in condition``.

    Args:
        scene: None for all images.
        name: Class; None for the mean over classes, or over images where there are none.
    """
    level = f"{MEAN if name is None else CLASS}{_where(scene)}"
    return level, ALL if scene is None else scene, MEAN if name is None else name


def signature(record: Record, metric: str) -> str | None:
    """Which of the numbers of its name a fusion metric's is; None for others."""
    column, luminance = record.columns.get(metric), record.protocol.get("luminance")
    if column is None or not column.signature:
        return None
    return f"{column.signature}, {luminance}" if luminance else column.signature


def facts(record: Record) -> list[Scalar]:
    """What a record says of `FACTS`."""
    return [record.protocol.get(name) for name in FACTS.values()]


def _where(scene: str | None) -> str:
    return "" if scene is None else " in condition"
