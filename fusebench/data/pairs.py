"""Registered infrared-visible pairs and splits of them.

Pairs hold paths, not pixels: `fusebench.data.images` and `fusebench.data.label_maps` read files.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from fusebench.data.boxes import Boxes
from fusebench.errors import UserError

CAUTION_PREFIX = "caution: "  # of the names of protocol facts that are warnings


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Split:
    """Pairs of one split, sorted by key, and how they were selected.

    Attributes:
        dataset: Name of the data set.
        name: ``train``, ``test`` or ``all``.
        classes: Class names in the order of their ids, of boxes and of label maps.
        pairs: Sorted by key.
        rule_description: The split rule as text, e.g. ``"blocks of 100 ids, gap 10, ..."``.
        has_leakage: The rule puts neighboring frames into both train and test.
        is_simulated: The images are rendered by `fusebench.simulator`, not taken by cameras.
        excluded_keys: Keys of the split that `limit_pairs` left out.
        notes: How the files were read where a reader has to know it, as (name, text), e.g.
            ``("duplicate boxes", "3 of 812 dropped")``. Printed with the protocol; a name that
            starts with `CAUTION_PREFIX` is a warning.
    """

    dataset: str
    name: str
    classes: tuple[str, ...]
    pairs: tuple[Pair, ...]
    rule_description: str = ""
    has_leakage: bool = False
    is_simulated: bool = False
    excluded_keys: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        keys = [pair.key for pair in self.pairs]
        duplicates = [key for key, count in Counter(keys).items() if count > 1]
        if duplicates:
            raise UserError(f"{self.dataset}/{self.name}: key {duplicates[0]!r} names two pairs")
        if keys != sorted(keys):
            raise UserError(f"{self.dataset}/{self.name}: pairs are not in key order")

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the pairs, sorted."""
        return tuple(pair.key for pair in self.pairs)

    def limit_pairs(self, limit: int | None) -> "Split":
        """Select at most ``limit`` pairs, evenly spaced over the split; None keeps all."""
        if limit is None or limit >= len(self.pairs):
            return self
        pairs = tuple(self.pairs[i * len(self.pairs) // limit] for i in range(limit))
        selected_keys = {pair.key for pair in pairs}
        excluded_keys = tuple(key for key in self.keys if key not in selected_keys)
        rule = f"{self.rule_description}, limited to {limit}"
        return replace(self, pairs=pairs, rule_description=rule, excluded_keys=excluded_keys)
