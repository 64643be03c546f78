"""From the files of a data set to a `Split`: the steps every data set shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Pair, Split
from fusebench.data.sequences import ConditionAndSequence
from fusebench.errors import UserError

DEFAULT_SEQUENCE_LENGTH = 100  # ids per group where nothing says which frames are one sequence
SPLIT_NAMES = ("train", "test", "all")


@dataclass(frozen=True)
class DatasetIndex:
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
    read_boxes: Callable[[str, tuple[int, int]], Boxes] | None = None
    label_maps: Mapping[str, Path] = field(default_factory=dict)
    official_split: splits.SplitKeys | None = None
    conditions_and_sequences: Mapping[str, ConditionAndSequence] = field(default_factory=dict)


def check_split_name(split: str) -> None:
    """Refuse what is not the name of a split.

    Raises:
        UserError: Naming the three that exist.
    """
    if split not in SPLIT_NAMES:
        raise UserError(f"no split is called {split!r}; there is {', '.join(SPLIT_NAMES)}")


def build_split(found: DatasetIndex, split: str, rule: splits.SplitRule | None = None) -> Split:
    """The pairs of one split; only their headers and labels are read.

    Args:
        found: The whole data set.
        split: ``train``, ``test`` or ``all``.
        rule: How train and test are divided; None if everything is tested.

    Raises:
        UserError: If the rule does not fit, or a header or a label is broken.
    """
    check_split_name(split)
    keys = [key for key, _, _ in found.files]
    length = rule.length if isinstance(rule, splits.BlockRule) else DEFAULT_SEQUENCE_LENGTH
    groups = splits.assign_blocks(keys, length)
    if rule is None and splits.parse_frame_numbers(keys) is None:
        groups = {key: key for key in keys}
    known = {
        key: scene.sequence
        for key, scene in found.conditions_and_sequences.items()
        if scene.sequence
    }
    groups.update(known)
    if split == "train" and isinstance(rule, splits.AllPairsRule):
        raise UserError(
            f"{found.dataset}: split: {{rule: all}} tests every pair and leaves none to train on; "
            "it is for models trained elsewhere, choose another rule"
        )
    if split == "all" or rule is None or isinstance(rule, splits.AllPairsRule):
        return Split(
            found.dataset, split, found.classes, _build_pairs(found, keys, groups), "all pairs"
        )
    parts = splits.divide_keys(keys, rule, _load_listed_keys(found, rule))
    return Split(
        found.dataset,
        split,
        found.classes,
        _build_pairs(found, parts[split], groups),
        splits.describe_rule(rule),
        splits.has_leakage(rule, parts, known),
    )


def _load_listed_keys(found: DatasetIndex, rule: splits.SplitRule) -> splits.SplitKeys:
    if isinstance(rule, splits.ListRule):
        return splits.read_split_lists(found.folder, rule)
    if isinstance(rule, splits.OfficialRule):
        if found.official_split is None:
            raise UserError(
                f"{found.dataset} has no official split here; set split to blocks, random or lists"
            )
        return found.official_split
    return {}


def _build_pairs(
    found: DatasetIndex, keys: Sequence[str], groups: Mapping[str, str]
) -> tuple[Pair, ...]:
    chosen, pairs = set(keys), []
    for key, infrared, visible in found.files:
        if key not in chosen:
            continue
        size = folder_discovery.read_common_size(infrared, visible)
        scene, mask = found.conditions_and_sequences.get(key), found.label_maps.get(key)
        if mask is not None:
            folder_discovery.read_common_size(mask, visible)
        pairs.append(
            Pair(
                key,
                infrared,
                visible,
                size,
                found.read_boxes(key, size) if found.read_boxes else None,
                mask,
                scene.condition if scene else None,
                groups[key],
            )
        )
    return tuple(pairs)
