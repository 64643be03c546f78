"""What is being evaluated: registered infrared-visible pairs and where their labels lie.

Nothing here opens an image. A `Split` is a list of paths; readers live in `fusebench.data.images` and
`fusebench.data.boxes`.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from fusebench.data.boxes import Boxes
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.errors import UserError


@dataclass(frozen=True)
class Pair:
    """One scene seen twice, pixel-registered.

    Attributes:
        key: Unique within the data set and equal to the file stem, e.g. ``"00042"``. Every file
            this project writes about the pair (fused image, prediction, table row) carries it.
        infrared: Thermal image (gray, or gray stored as RGB).
        visible: RGB image of the same height and width.
        size: (width, height) of both images, in pixels.
        boxes: True boxes in pixels, or None where the data set has none. No boxes in the image
            is an empty `Boxes`, which is something else.
        mask: Label image, uint8 class ids, or None.
        scene: Condition, e.g. ``"night"``, or None where it is not known.
        group: Sequence the pair belongs to: the unit of resampling, never cut by a split.
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
    """The pairs of one split, in key order, and how they were chosen.

    Attributes:
        classes: Class names in the order of their ids: of boxes 0, 1, ..., of mask values 0, 1, ...
        rule: In words what made the split, e.g. ``"blocks of 100 ids, gap 10, every 4th tested"``.
        leaks: The rule puts neighboring frames on both sides of train and test.
        simulated: The images are drawn by `fusebench.simulator`, not taken by cameras.
        left_out: Keys of the split that `limited` left out.
    """

    dataset: str
    name: str
    classes: tuple[str, ...]
    pairs: tuple[Pair, ...]
    rule_description: str = ""
    has_leakage: bool = False
    is_simulated: bool = False
    excluded_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keys = [pair.key for pair in self.pairs]
        doubled = [key for key, n in Counter(keys).items() if n > 1]
        if doubled:
            raise UserError(f"{self.dataset}/{self.name}: key {doubled[0]!r} names two pairs")
        if keys != sorted(keys):
            raise UserError(f"{self.dataset}/{self.name}: pairs are not in key order")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, sorted."""
        return tuple(pair.key for pair in self.pairs)

    def limit_pairs(self, limit: int | None) -> "Split":
        """At most ``limit`` pairs, spread evenly over the split so that every part is seen."""
        if limit is None or limit >= len(self.pairs):
            return self
        chosen = [self.pairs[i * len(self.pairs) // limit] for i in range(limit)]
        kept = {pair.key for pair in chosen}
        left_out = tuple(key for key in self.keys if key not in kept)
        rule = f"{self.rule_description}, limited to {limit}"
        return replace(self, pairs=tuple(chosen), rule_description=rule, excluded_keys=left_out)


def find_images_by_stem(folder: Path) -> dict[str, Path]:
    """Every image file of a folder by its stem, whatever its extension.

    Raises:
        UserError: If the folder is not there, or two files share a stem.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_EXTENSIONS or path.name.startswith("."):
            continue
        if path.stem in found:
            raise UserError(
                f"{folder}: {found[path.stem].name} and {path.name} are both called "
                f"{path.stem!r}; keep one of them"
            )
        found[path.stem] = path
    return found


def match_pairs_by_stem(infrared: Path, visible: Path) -> list[tuple[str, Path, Path]]:
    """List ``(key, infrared file, visible file)`` for two folders, matched by file stem.

    Never by position: one missing file would silently shift every later pair.

    Raises:
        UserError: If a stem is in one folder only; the message names the first three.
    """
    left, right = find_images_by_stem(infrared), find_images_by_stem(visible)
    check_same_keys(left, right, infrared, visible)
    return [(key, left[key], right[key]) for key in sorted(left)]


def check_same_keys(left: Collection[str], right: Collection[str], here: Path, there: Path) -> None:
    """Refuse keys that are on one side only.

    Raises:
        UserError: Naming the side that lacks them and the first three keys.
    """
    for lacking, keys in ((there, set(left) - set(right)), (here, set(right) - set(left))):
        if keys:
            first = sorted(keys)
            raise UserError(
                f"{len(keys)} image(s) have no partner in {lacking}: "
                f"{', '.join(first[:3])}{' …' if len(first) > 3 else ''}"
            )
