"""Finished records of two stores, matched by task, source and seed."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.storage import image_index, records
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import per_image
from reports.results.score_index import ScoreLocation, index_scores


@dataclass(frozen=True, order=True)
class RunKey:
    """Identity of a run in any store.

    Attributes:
        kind: Kind of the task.
        task: Name of the task.
        source: Name of the source.
        seed: -1 where nothing is trained.
    """

    kind: str
    task: str
    source: str
    seed: int

    @property
    def source_and_seed(self) -> str:
        """Source and seed as printed."""
        return self.source if self.seed < 0 else f"{self.source} seed {self.seed}"

    @property
    def full_name(self) -> str:
        """Task, source and seed as printed."""
        return f"{self.task}: {self.source_and_seed}"


@dataclass(frozen=True)
class StoredRun:
    """A record and its folder."""

    record: Record
    folder: Path

    def has_same_images(self, other: "StoredRun") -> bool:
        """Return whether both were measured on the same test images, by split hash."""
        split_hash = self.record.protocol.get("split hash")
        return split_hash is not None and split_hash == other.record.protocol.get("split hash")


@dataclass(frozen=True)
class MatchedRuns:
    """Runs of two stores, A and B.

    Attributes:
        in_both: Key and run of A and B, sorted by key.
        only_in_a: Keys of the runs that B lacks.
        only_in_b: Keys of the runs that A lacks.
        superseded_count: Records left out because their store has a later one of the same run.
    """

    in_both: tuple[tuple[RunKey, StoredRun, StoredRun], ...]
    only_in_a: tuple[RunKey, ...]
    only_in_b: tuple[RunKey, ...]
    superseded_count: int


def read_matched_runs(a: Path, b: Path, tasks: Sequence[str] | None = None) -> MatchedRuns:
    """Read and match the records of two stores.

    Args:
        a: Folder of the first store.
        b: Folder of the second.
        tasks: Names of the tasks to read; None for all.

    Raises:
        UserError: If a folder has no records, or a record is damaged.
    """
    stores = [_read_store(root, tasks) for root in (a, b)]
    runs_a, runs_b = (
        {key: max(runs, key=_get_creation_order) for key, runs in store.items()} for store in stores
    )
    return MatchedRuns(
        in_both=tuple((key, runs_a[key], runs_b[key]) for key in sorted(runs_a) if key in runs_b),
        only_in_a=tuple(key for key in sorted(runs_a) if key not in runs_b),
        only_in_b=tuple(key for key in sorted(runs_b) if key not in runs_a),
        superseded_count=sum(len(runs) - 1 for store in stores for runs in store.values()),
    )


def find_differing_scores(
    a: Record, b: Record
) -> Iterator[tuple[ScoreLocation, tuple[float | None, float | None]]]:
    """Yield the scores that differ between two records."""
    scores_a, scores_b = index_scores(a), index_scores(b)
    for location in dict.fromkeys([*scores_a, *scores_b]):
        pair = scores_a.get(location), scores_b.get(location)
        if not _are_equal(*pair):
            yield location, pair


def subtract_scores(a: float | None, b: float | None) -> float | None:
    """Return ``b - a``; None if a score is undefined."""
    return None if a is None or b is None else b - a


def average_per_image_scores(seeds: Sequence[StoredRun]) -> dict[str, dict[str, float]]:
    """Average the scores per image over seeds.

    Returns:
        Title or metric, to key, to mean; only images with a score in every seed.
    """
    by_seed = [per_image.read_per_image_scores(run.folder, run.record.kind) for run in seeds]
    return {
        name: {
            key: statistics.fmean(scores[name][key] for scores in by_seed)
            for key in by_seed[0][name]
            if all(key in scores.get(name, {}) for scores in by_seed)
        }
        for name in by_seed[0]
    }


def read_sequences(run: StoredRun) -> dict[str, str]:
    """Read the sequence of every image by key; empty if the record has no image index."""
    if not (run.folder / image_index.FILE_NAME).is_file():
        return {}
    index = image_index.read_image_index(run.folder)
    return dict(zip(index.keys, index.sequences, strict=True))


def _are_equal(a: float | None, b: float | None) -> bool:
    """Compare two scores up to rounding, which differs between machines in the last digits."""
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _read_store(root: Path, tasks: Sequence[str] | None) -> dict[RunKey, list[StoredRun]]:
    """Read all finished runs of a store by key."""
    if root.is_file():
        raise UserError(f"{root}: is a file; name a folder that was given to --out")
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name one that was given to --out")
    runs: dict[RunKey, list[StoredRun]] = {}
    for run in _iterate_runs(root):
        record = run.record
        if tasks is None or record.task in tasks:
            seed = -1 if record.seed is None else record.seed
            key = RunKey(record.kind, record.task, record.source, seed)
            runs.setdefault(key, []).append(run)
    if not runs:
        of_tasks = f" of {', '.join(tasks)}" if tasks else ""
        raise UserError(
            f"{root}: no finished records{of_tasks} in it; expected a folder like runs/"
        )
    return runs


def _iterate_runs(root: Path) -> Iterator[StoredRun]:
    for kind in schema.TASK_CLASSES:
        for folder in Store(root).iterate_finished(kind):
            yield StoredRun(records.read_record(folder.path / records.FILE_NAME), folder.path)


def _get_creation_order(run: StoredRun) -> tuple[str, str]:
    return str(run.record.provenance.get("at", "")), run.folder.name
