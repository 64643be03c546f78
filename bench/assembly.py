"""From the files of a data set to a `Split`: the steps every data set shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import layout, splits
from bench.boxes import Boxes
from bench.errors import BenchError
from bench.pairs import Pair, Split
from bench.scenarios import Scene

GROUP_LENGTH = 100  # ids per group where nothing says which frames are one sequence
NAMES = ("train", "test", "all")


@dataclass(frozen=True)
class Found:
    """A data set as it lies on disk.

    Attributes:
        files: (key, infrared, visible) in key order.
        boxes: Reads the true boxes of (key, image size); None where there are none.
        masks: Label images by key; empty where there are none.
        official: Keys per part, where the data set ships a split.
        scenes: Condition and sequence by key, as far as they are known.
    """

    dataset: str
    folder: Path
    classes: tuple[str, ...]
    files: Sequence[tuple[str, Path, Path]]
    boxes: Callable[[str, tuple[int, int]], Boxes] | None = None
    masks: Mapping[str, Path] = field(default_factory=dict)
    official: splits.Parts | None = None
    scenes: Mapping[str, Scene] = field(default_factory=dict)


def check_name(split: str) -> None:
    """Refuse what is not the name of a split.

    Raises:
        BenchError: Naming the three that exist.
    """
    if split not in NAMES:
        raise BenchError(f"no split is called {split!r}; there is {', '.join(NAMES)}")


def assemble(found: Found, split: str, rule: splits.Rule | None = None) -> Split:
    """The pairs of one split; only their headers and labels are read.

    Args:
        found: The whole data set.
        split: ``train``, ``test`` or ``all``.
        rule: How train and test are divided; None if everything is tested.

    Raises:
        BenchError: If the rule does not fit, or a header or a label is broken.
    """
    check_name(split)
    keys = [key for key, _, _ in found.files]
    length = rule.length if isinstance(rule, splits.Blocks) else GROUP_LENGTH
    groups = splits.block_names(keys, length)
    if rule is None and splits.frame_numbers(keys) is None:
        groups = {key: key for key in keys}
    known = {key: scene.group for key, scene in found.scenes.items() if scene.group}
    groups.update(known)
    if split == "train" and isinstance(rule, splits.All):
        raise BenchError(
            f"{found.dataset}: split: {{rule: all}} tests every pair and leaves none to train on; "
            "it is for models trained elsewhere, choose another rule"
        )
    if split == "all" or rule is None or isinstance(rule, splits.All):
        return Split(found.dataset, split, found.classes, _pairs(found, keys, groups), "all pairs")
    parts = splits.divide(keys, rule, _given(found, rule))
    return Split(
        found.dataset,
        split,
        found.classes,
        _pairs(found, parts[split], groups),
        splits.words(rule),
        splits.leaks(rule, parts, known),
    )


def _given(found: Found, rule: splits.Rule) -> splits.Parts:
    if isinstance(rule, splits.Lists):
        return splits.listed(found.folder, rule)
    if isinstance(rule, splits.Official):
        if found.official is None:
            raise BenchError(
                f"{found.dataset} has no official split here; set split to blocks, random or lists"
            )
        return found.official
    return {}


def _pairs(found: Found, keys: Sequence[str], groups: Mapping[str, str]) -> tuple[Pair, ...]:
    chosen, pairs = set(keys), []
    for key, infrared, visible in found.files:
        if key not in chosen:
            continue
        size = layout.common_size(infrared, visible)
        scene, mask = found.scenes.get(key), found.masks.get(key)
        if mask is not None:
            layout.common_size(mask, visible)
        pairs.append(
            Pair(
                key,
                infrared,
                visible,
                size,
                found.boxes(key, size) if found.boxes else None,
                mask,
                scene.condition if scene else None,
                groups[key],
            )
        )
    return tuple(pairs)
