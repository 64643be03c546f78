"""Registered infrared-visible pairs and splits of them.

Pairs hold paths, not pixels: `fusebench.data.images` and `fusebench.data.label_maps` read files.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.errors import UserError

CAUTION_PREFIX = "caution: "  # of the names of protocol facts that are warnings


@dataclass(frozen=True, slots=True)
class Pair:
    """One infrared and one visible image of the same view, registered pixel by pixel.

    Attributes:
        key: File stem, unique within the data set, e.g. ``"00042"``. It identifies the pair in
            every file and table row that this project writes.
        infrared: Thermal image (gray, or gray stored as RGB).
        visible: RGB image of the same height and width.
        size: (width, height) of both images, in pixels.
        boxes: Ground-truth boxes, or None if the data set has none. An image without objects has
            an empty `Boxes` instead.
        label_map: Label image, uint8 class ids, or None.
        condition: E.g. ``"night"``, or None if unknown.
        sequence: Recording that the pair belongs to, the resampling unit of the bootstrap. No
            split divides a sequence.
    """

    key: str
    infrared: Path
    visible: Path
    size: tuple[int, int]
    boxes: Boxes | None = None
    label_map: Path | None = None
    condition: str | None = None
    sequence: str = ""


@dataclass(frozen=True, eq=False)
class PairColumns(Sequence[Pair]):
    """N pairs as columns, a small part of the memory of N objects; built when they are read.

    Attributes:
        keys: Key of each pair.
        infrared: Path of each infrared image.
        visible: Path of each visible image.
        sizes: (width, height) of each pair, int64 (N, 2).
        label_maps: Path of each label image, or None.
        conditions: Condition of each pair, or None.
        sequences: Sequence of each pair.
        have_boxes: Whether each pair has boxes, bool (N,).
        box_starts: Where the boxes of each pair begin, int64 (N + 1,).
        corners: Boxes of all pairs, float64 (M, 4), see `Boxes`.
        class_ids: Class ids of all boxes, int64 (M,).
        ignored: Whether each box is ignored, bool (M,).
    """

    keys: tuple[str, ...]
    infrared: Sequence[str]
    visible: Sequence[str]
    sizes: NDArray[np.int64]
    label_maps: Sequence[str | None]
    conditions: Sequence[str | None]
    sequences: Sequence[str]
    have_boxes: NDArray[np.bool_]
    box_starts: NDArray[np.int64]
    corners: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    ignored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> Pair: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Pair, ...]: ...

    def __getitem__(self, place: int | slice) -> Pair | tuple[Pair, ...]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        i = range(len(self))[place]
        first, end = self.box_starts[i : i + 2].tolist()
        width, height = self.sizes[i].tolist()
        label_map = self.label_maps[i]
        boxes = (self.corners[first:end], self.class_ids[first:end])
        return Pair(
            self.keys[i],
            Path(self.infrared[i]),
            Path(self.visible[i]),
            (width, height),
            Boxes(*boxes, ignored=self.ignored[first:end]) if self.have_boxes[i] else None,
            None if label_map is None else Path(label_map),
            self.conditions[i],
            self.sequences[i],
        )


def build_columns(pairs: Sequence[Pair]) -> PairColumns:
    """Convert pairs to columns."""
    if isinstance(pairs, PairColumns):
        return pairs
    return pack_columns(
        keys=[pair.key for pair in pairs],
        infrared=[str(pair.infrared) for pair in pairs],
        visible=[str(pair.visible) for pair in pairs],
        sizes=[pair.size for pair in pairs],
        boxes=[pair.boxes for pair in pairs],
        label_maps=[None if p.label_map is None else str(p.label_map) for p in pairs],
        conditions=[pair.condition for pair in pairs],
        sequences=[pair.sequence for pair in pairs],
    )


def pack_columns(  # noqa: PLR0913 - one per column
    *,
    keys: Sequence[str],
    infrared: Sequence[str],
    visible: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    boxes: Sequence[Boxes | None],
    label_maps: Sequence[str | None],
    conditions: Sequence[str | None],
    sequences: Sequence[str],
) -> PairColumns:
    """Build columns from one value per pair; see `Pair`."""
    present = [entry for entry in boxes if entry is not None]
    counts = [0 if entry is None else len(entry) for entry in boxes]
    return PairColumns(
        keys=tuple(keys),
        infrared=tuple(infrared),
        visible=tuple(visible),
        sizes=np.array(sizes, np.int64).reshape(-1, 2),
        label_maps=tuple(label_maps),
        conditions=tuple(conditions),
        sequences=tuple(sequences),
        have_boxes=np.array([entry is not None for entry in boxes], bool),
        box_starts=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
        corners=np.concatenate([np.zeros((0, 4)), *(entry.corners for entry in present)]),
        class_ids=np.concatenate([np.zeros(0, np.int64), *(entry.class_ids for entry in present)]),
        ignored=np.concatenate([np.zeros(0, np.bool_), *(entry.ignored for entry in present)]),
    )


@dataclass(frozen=True)
class Split:
    """Pairs of one split, sorted by key, and how they were selected.

    Attributes:
        dataset: Name of the data set.
        name: ``train``, ``test`` or ``all``.
        classes: Class names in the order of their ids, of boxes and of label maps.
        pairs: Sorted by key; a tuple, or `PairColumns`.
        rule_description: The split rule as text, e.g. ``"blocks of 100 ids, gap 10, ..."``.
        has_leakage: The rule puts neighboring frames into both train and test.
        is_simulated: The images are rendered by `fusebench.simulator`, not taken by cameras.
        excluded_keys: Keys of the split that `limit_pairs` left out.
        notes: How the files were read where a reader has to know it, as (name, text), e.g.
            ``("duplicate boxes", "3 of 812 dropped")``. Printed with the protocol; a name that
            starts with `CAUTION_PREFIX` is a warning.
        hashes: Hashes of the split that were computed already, by name; see
            `fusebench.storage.hashing`.
    """

    dataset: str
    name: str
    classes: tuple[str, ...]
    pairs: Sequence[Pair]
    rule_description: str = ""
    has_leakage: bool = False
    is_simulated: bool = False
    excluded_keys: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    hashes: dict[str, str] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        keys = list(self.keys)
        if len(set(keys)) < len(keys):
            duplicates = [key for key, count in Counter(keys).items() if count > 1]
            raise UserError(f"{self.dataset}/{self.name}: key {duplicates[0]!r} names two pairs")
        if keys != sorted(keys):
            raise UserError(f"{self.dataset}/{self.name}: pairs are not in key order")

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        if isinstance(self.pairs, PairColumns):
            return self.pairs.keys
        return tuple(pair.key for pair in self.pairs)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the pairs, sorted."""
        return self._keys

    def find_unlabeled(self, labels: Literal["boxes", "label_map"]) -> str | None:
        """Return the key of the first pair without boxes, or without a label map; or None."""
        if not isinstance(self.pairs, PairColumns):
            return next((p.key for p in self.pairs if getattr(p, labels) is None), None)
        columns = self.pairs
        if labels == "boxes":
            missing = ~columns.have_boxes
            return columns.keys[int(missing.argmax())] if missing.any() else None
        keys = zip(columns.keys, columns.label_maps, strict=True)
        return next((key for key, label_map in keys if label_map is None), None)

    def count_boxes(self) -> list[int]:
        """Count the true boxes of each class, without ignored boxes."""
        columns = build_columns(self.pairs)
        class_ids = columns.class_ids[~columns.ignored]
        counts: list[int] = np.bincount(class_ids, minlength=len(self.classes)).tolist()
        return counts

    def count_ignored_boxes(self) -> int:
        """Count the true boxes that are ignored."""
        return int(build_columns(self.pairs).ignored.sum())

    def limit_pairs(self, limit: int | None) -> "Split":
        """Select at most ``limit`` pairs, evenly spaced over the split; None keeps all."""
        if limit is None or limit >= len(self.pairs):
            return self
        pairs = tuple(self.pairs[i * len(self.pairs) // limit] for i in range(limit))
        selected_keys = {pair.key for pair in pairs}
        excluded_keys = tuple(key for key in self.keys if key not in selected_keys)
        rule = f"{self.rule_description}, limited to {limit}"
        return replace(self, pairs=pairs, rule_description=rule, excluded_keys=excluded_keys)
