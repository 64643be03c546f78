"""The finished records of two stores, paired by task, source and seed."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.storage import image_index, records
from fusebench.storage.records import Record
from reports.results import per_image as files
from reports.results.score_index import ScoreLocation, index_scores


@dataclass(frozen=True, order=True)
class RunKey:
    """What makes two records the same run."""

    kind: str
    task: str
    source: str
    seed: int  # -1 where nothing is trained

    @property
    def source_and_seed(self) -> str:
        """Source and seed in words."""
        return self.source if self.seed < 0 else f"{self.source} seed {self.seed}"

    @property
    def full_name(self) -> str:
        """Task, source and seed in words."""
        return f"{self.task}: {self.source_and_seed}"


@dataclass(frozen=True)
class StoredRun:
    """A record and the folder that it lies in."""

    record: Record
    folder: Path

    def has_same_images(self, other: "StoredRun") -> bool:
        """Whether both were measured on the same test images, by split hash."""
        mine, theirs = (one.record.protocol.get("split hash") for one in (self, other))
        return mine is not None and mine == theirs


@dataclass(frozen=True)
class MatchedRuns:
    """Two stores.

    Attributes:
        both: The runs that are in both, in order.
        stale: Records that were passed over because the same store has a later one of the run.
    """

    in_both: tuple[tuple[RunKey, StoredRun, StoredRun], ...]
    only_in_a: tuple[RunKey, ...]
    only_in_b: tuple[RunKey, ...]
    superseded_count: int


def read_matched_runs(a: Path, b: Path, wanted: Sequence[str] | None = None) -> MatchedRuns:
    """Pair the records of two stores.

    Args:
        a: Folder of a store.
        b: Folder of another.
        wanted: Tasks; None for all.

    Raises:
        UserError: If a folder has no records, or one is damaged.
    """
    first, second = _read_store(a, wanted), _read_store(b, wanted)
    found = [
        {key: max(those, key=_get_creation_order) for key, those in side.items()}
        for side in (first, second)
    ]
    one, other = found
    return MatchedRuns(
        in_both=tuple((key, one[key], other[key]) for key in sorted(one) if key in other),
        only_in_a=tuple(key for key in sorted(one) if key not in other),
        only_in_b=tuple(key for key in sorted(other) if key not in one),
        superseded_count=sum(len(those) - 1 for side in (first, second) for those in side.values()),
    )


def find_differing_scores(
    a: Record, b: Record
) -> Iterator[tuple[ScoreLocation, tuple[float | None, float | None]]]:
    """The scores that differ between two records."""
    one, other = index_scores(a), index_scores(b)
    for place in dict.fromkeys([*one, *other]):
        values = one.get(place), other.get(place)
        if not _are_equal(*values):
            yield place, values


def subtract_scores(a: float | None, b: float | None) -> float | None:
    """Second minus first; None if one of them is undefined."""
    return None if a is None or b is None else b - a


def average_per_image_scores(seeds: Sequence[StoredRun]) -> dict[str, dict[str, float]]:
    """What it is called to key to its mean over seeds, of images that have a score in all."""
    found = [files.read_per_image_scores(one.folder, one.record.kind) for one in seeds]
    return {
        name: {
            key: statistics.fmean(scores[name][key] for scores in found)
            for key in found[0][name]
            if all(key in scores.get(name, {}) for scores in found)
        }
        for name in found[0]
    }


def read_sequences(one: StoredRun) -> dict[str, str]:
    """Key to sequence; empty if the record does not say."""
    if not (one.folder / image_index.FILE_NAME).is_file():
        return {}
    listed = image_index.read_image_index(one.folder)
    return dict(zip(listed.keys, listed.sequences, strict=True))


def _are_equal(a: float | None, b: float | None) -> bool:
    """Whether two scores are one: the last digits are another machine's rounding."""
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _read_store(root: Path, wanted: Sequence[str] | None) -> dict[RunKey, list[StoredRun]]:
    if root.is_file():
        raise UserError(f"{root}: is a file; name a folder that was given to --out")
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name one that was given to --out")
    found: dict[RunKey, list[StoredRun]] = {}
    for one in _iterate_runs(root):
        record = one.record
        if wanted is None or record.task in wanted:
            seed = -1 if record.seed is None else record.seed
            found.setdefault(RunKey(record.kind, record.task, record.source, seed), []).append(one)
    if not found:
        what = f" of {', '.join(wanted)}" if wanted else ""
        raise UserError(f"{root}: no finished records{what} in it; expected a folder like runs/")
    return found


def _iterate_runs(root: Path) -> Iterator[StoredRun]:
    for kind in schema.TASK_CLASSES:
        for file in sorted((root / kind).glob("*/record.json")):
            if not file.parent.name.endswith(".partial"):
                yield StoredRun(records.read_record(file), file.parent)


def _get_creation_order(one: StoredRun) -> tuple[str, str]:
    return str(one.record.provenance.get("at", "")), one.folder.name
