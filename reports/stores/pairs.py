"""The finished records of two stores, paired by task, source and seed."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import evidence, records, tasks
from bench.errors import BenchError
from bench.records import Record
from reports.records import per_image as files
from reports.records.places import Place, numbers


@dataclass(frozen=True, order=True)
class Key:
    """What makes two records the same run."""

    kind: str
    task: str
    source: str
    seed: int  # -1 where nothing is trained

    @property
    def run(self) -> str:
        """Source and seed in words."""
        return self.source if self.seed < 0 else f"{self.source} seed {self.seed}"

    @property
    def name(self) -> str:
        """Task, source and seed in words."""
        return f"{self.task}: {self.run}"


@dataclass(frozen=True)
class Finished:
    """A record and the folder that it lies in."""

    record: Record
    folder: Path

    def same_images(self, other: "Finished") -> bool:
        """Whether both were measured on the same test images, by split hash."""
        mine, theirs = (one.record.protocol.get("split hash") for one in (self, other))
        return mine is not None and mine == theirs


@dataclass(frozen=True)
class Pairs:
    """Two stores.

    Attributes:
        both: The runs that are in both, in order.
        stale: Records that were passed over because the same store has a later one of the run.
    """

    both: tuple[tuple[Key, Finished, Finished], ...]
    only_a: tuple[Key, ...]
    only_b: tuple[Key, ...]
    stale: int


def read(a: Path, b: Path, wanted: Sequence[str] | None = None) -> Pairs:
    """Pair the records of two stores.

    Args:
        a: Folder of a store.
        b: Folder of another.
        wanted: Tasks; None for all.

    Raises:
        BenchError: If a folder has no records, or one is damaged.
    """
    first, second = _store(a, wanted), _store(b, wanted)
    found = [
        {key: max(those, key=_made) for key, those in side.items()} for side in (first, second)
    ]
    one, other = found
    return Pairs(
        both=tuple((key, one[key], other[key]) for key in sorted(one) if key in other),
        only_a=tuple(key for key in sorted(one) if key not in other),
        only_b=tuple(key for key in sorted(other) if key not in one),
        stale=sum(len(those) - 1 for side in (first, second) for those in side.values()),
    )


def differing(a: Record, b: Record) -> Iterator[tuple[Place, tuple[float | None, float | None]]]:
    """The scores that differ between two records."""
    one, other = numbers(a), numbers(b)
    for place in dict.fromkeys([*one, *other]):
        values = one.get(place), other.get(place)
        if not _same(*values):
            yield place, values


def change(a: float | None, b: float | None) -> float | None:
    """Second minus first; None if one of them is undefined."""
    return None if a is None or b is None else b - a


def per_image(seeds: Sequence[Finished]) -> dict[str, dict[str, float]]:
    """What it is called to key to its mean over seeds, of images that have a score in all."""
    found = [files.read(one.folder, one.record.kind) for one in seeds]
    return {
        name: {
            key: statistics.fmean(scores[name][key] for scores in found)
            for key in found[0][name]
            if all(key in scores.get(name, {}) for scores in found)
        }
        for name in found[0]
    }


def groups(one: Finished) -> dict[str, str]:
    """Key to sequence; empty if the record does not say."""
    if not (one.folder / evidence.NAME).is_file():
        return {}
    listed = evidence.read(one.folder)
    return dict(zip(listed.keys, listed.groups, strict=True))


def _same(a: float | None, b: float | None) -> bool:
    """Whether two scores are one: the last digits are another machine's rounding."""
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _store(root: Path, wanted: Sequence[str] | None) -> dict[Key, list[Finished]]:
    if root.is_file():
        raise BenchError(f"{root}: is a file; name a folder that was given to --out")
    if not root.is_dir():
        raise BenchError(f"{root}: no such folder; name one that was given to --out")
    found: dict[Key, list[Finished]] = {}
    for one in _finished(root):
        record = one.record
        if wanted is None or record.task in wanted:
            seed = -1 if record.seed is None else record.seed
            found.setdefault(Key(record.kind, record.task, record.source, seed), []).append(one)
    if not found:
        what = f" of {', '.join(wanted)}" if wanted else ""
        raise BenchError(f"{root}: no finished records{what} in it; expected a folder like runs/")
    return found


def _finished(root: Path) -> Iterator[Finished]:
    for kind in tasks.KINDS:
        for file in sorted((root / kind).glob("*/record.json")):
            if not file.parent.name.endswith(".partial"):
                yield Finished(records.read(file), file.parent)


def _made(one: Finished) -> tuple[str, str]:
    return str(one.record.made.get("at", "")), one.folder.name
