"""AP and IoU of one source made twice on the same images: is the difference shown?

The same statistics as in the report (`reports.significance.statistics`), from the saved matches and
confusion counts of both records. Resamples that `python -m reports.run` kept in a store are taken
from there, others are made and not kept.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import evidence, matches
from bench.errors import BenchError
from bench.records import Record
from bench.store import Store
from reports.records import per_image, resamples, rescoring
from reports.records.evidence import Evidence, Quantity, Resampled
from reports.records.evidence import read as kept
from reports.scores import tables
from reports.scores.certainty import compared
from reports.scores.comparison import Comparison, Heading
from reports.scores.numbers import signed, unit
from reports.significance import resampling, statistics
from reports.significance.statistics import Estimate
from reports.stores.pairs import Finished

DECIMALS = 2  # of points, as `reports.compare` prints scores
SHOWN = "a difference is shown"


@dataclass(frozen=True)
class Change:
    """One score of a source, second store minus first.

    Attributes:
        name: Class; None for the mean.
        a: The mean over seeds in the first store.
        b: The same in the second.
    """

    source: str
    name: str | None
    metric: str
    a: float
    b: float
    heading: Heading
    estimate: Estimate


def able(seeds: Sequence[Finished]) -> bool:
    """Whether what the statistics need is beside all of some records."""
    return all(rescoring.able(one.record, one.folder) for one in seeds)


def changes(source: str, first: Sequence[Finished], second: Sequence[Finished]) -> list[Change]:
    """Every mean and every class's first metric that differ, over the seeds of both stores.

    Raises:
        BenchError: If a file of a record is damaged.
    """
    if evidence.read(first[0].folder) != evidence.read(second[0].folder):
        return []  # the same keys in other groups or conditions: drawn apart
    sides = [Evidence({source: tuple(map(_resampled, seeds))}) for seeds in (first, second)]
    record = first[0].record
    found = []
    for name, metric in _asked(record):
        samples = [
            side.sample(source, Quantity(None, name, metric), [_score(s, name, metric) for s in of])
            for side, of in zip(sides, (first, second), strict=True)
        ]
        one, other = samples
        if one is None or other is None or one.scores.tolist() == other.scores.tolist():
            continue
        estimate = statistics.difference(other, one)
        if estimate:
            heading = tables.heading(record.columns[metric], decimals=DECIMALS)
            scores = float(one.scores.mean()), float(other.scores.mean())
            found.append(Change(source, name, metric, *scores, heading, estimate))
    return found


def verdict(adjusted: float) -> str:
    """Whether a difference with this p-value, adjusted, is shown."""
    return SHOWN if adjusted < 1 - statistics.LEVEL else statistics.UNSHOWN


def said(change: Change, adjusted: float) -> str:
    """A change in words; ``adjusted`` is its p-value, adjusted (Holm) for all of them."""
    heading, estimate = change.heading, change.estimate
    ends = compared(Comparison("A", estimate, adjusted, ""), heading)
    amount = f"{signed(estimate.value, heading)} {unit(heading)}".rstrip()
    name = "" if change.name is None else f" of {change.name}"
    what = f"{change.source}, {heading.title}{name}"
    return f"{what}: B - A {amount}, {ends}: {verdict(adjusted)}"


def classes(record: Record, folder: Path) -> list[str]:
    """The class names of a record in the order of their ids.

    Label maps are counted by id and, per image, by name; both leave out the same classes. An id
    that no image has gets one of the names that are left: it has no counts to give.

    Raises:
        BenchError: If the files do not fit together.
    """
    if record.kind == "detection":
        return list(matches.read(folder / rescoring.DETECTION).classes)
    keys = evidence.read(folder).keys
    counts = rescoring.confusions(folder / rescoring.SEGMENTATION, keys)
    file = folder / per_image.NAME
    named: dict[str, list[str]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as text:
            for row in csv.DictReader(text):
                named.setdefault(row["key"], []).append(row["class"])
        found: list[str | None] = [None] * counts.shape[1]
        for key, matrix in zip(keys, counts, strict=True):
            there = (matrix.sum(axis=0) + matrix.sum(axis=1)).nonzero()[0]
            for place, name in zip(there, named.get(key, []), strict=True):
                found[place] = name
    except (OSError, KeyError, ValueError) as fault:
        raise BenchError(
            f"{file}: cannot be read ({fault!r}); delete its folder and run again"
        ) from None
    left = iter(name for name in record.by_class if name not in found)
    return [name or next(left, f"class {place}") for place, name in enumerate(found)]


def _asked(record: Record) -> Iterator[tuple[str | None, str]]:
    """Class (None: mean) and metric."""
    first = next(iter(record.columns))
    yield from ((None, metric) for metric in record.columns)
    yield from ((name, first) for name in record.by_class)


def _score(one: Finished, name: str | None, metric: str) -> float | None:
    scores = one.record.values if name is None else one.record.by_class.get(name, {})
    return scores.get(metric)


def _resampled(one: Finished) -> Resampled | None:
    """The resamples of a record, those that are kept beside it in its store if there are any."""
    root, label = one.folder.parents[1], one.folder.name.rpartition("-")[0]
    place = Store(root).path(resamples.KIND, label, resamples.spec(one.record.spec))
    if place.is_dir():
        return kept(place)
    return rescoring.of(
        one.record, one.folder, classes(one.record, one.folder), resampling.RESAMPLES
    )
