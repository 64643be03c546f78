"""Division of a data set into train and test by its split rule; no file of a pair is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from fusebench.data import splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.splitting import frame_numbers, leakage, split_lists
from fusebench.errors import UserError

DEFAULT_SEQUENCE_LENGTH = 100  # ids per sequence if the data set does not name its sequences


@dataclass(frozen=True)
class Division:
    """Train and test part of a data set.

    Attributes:
        parts: Sorted keys of ``train`` and ``test``.
        description: How they were selected, for the protocol.
        has_leakage: Whether neighboring frames are in both parts.
    """

    parts: Mapping[str, list[str]]
    description: str
    has_leakage: bool


def is_divided(index: DatasetIndex) -> bool:
    """Return whether the data set has a train part; otherwise every pair is tested."""
    return index.rule is not None and not isinstance(index.rule, splits.AllPairsRule)


def divide_index(index: DatasetIndex) -> Division:
    """Divide the pairs of a data set.

    Args:
        index: The data set; see `is_divided`.

    Raises:
        ValueError: If every pair is tested.
        UserError: If the rule does not suit the data set.
    """
    rule = index.rule
    if rule is None or isinstance(rule, splits.AllPairsRule):
        raise ValueError(f"{index.dataset} has no train part: every pair is tested")
    sequences = assign_sequences(index) if isinstance(rule, splits.FoldRule) else {}
    parts = splits.divide_keys(index.keys, rule, _load_listed_keys(index, rule), sequences)
    has_leakage = leakage.has_leakage(rule, parts, _get_known_sequences(index))
    if isinstance(rule, splits.OfficialRule):
        has_leakage = has_leakage or index.official_split_leaks
    return Division(parts, index.official_split_text or splits.describe_rule(rule), has_leakage)


def assign_sequences(index: DatasetIndex) -> dict[str, str]:
    """Return the sequence of every key; unknown ones are approximated by blocks of ids.

    Where every pair is tested and keys are not numbered, neighbors are unrelated: each key is then
    a sequence of its own.
    """
    keys, rule = index.keys, index.rule
    length = DEFAULT_SEQUENCE_LENGTH
    if isinstance(rule, splits.BlockRule):
        length = rule.length
    elif isinstance(rule, splits.FoldRule):  # enough of them for its folds
        length = max(min(length, len(keys) // rule.count), 1)
    if rule is None and frame_numbers.parse_frame_numbers(keys) is None:
        sequences = {key: key for key in keys}
    else:
        sequences = frame_numbers.assign_blocks(keys, length)
    return sequences | _get_known_sequences(index)


def _get_known_sequences(index: DatasetIndex) -> dict[str, str]:
    return {
        key: recording.sequence
        for key, recording in index.conditions_and_sequences.items()
        if recording.sequence
    }


def _load_listed_keys(index: DatasetIndex, rule: splits.SplitRule) -> splits.SplitKeys:
    if isinstance(rule, splits.ListRule):
        return split_lists.read_split_lists(index.folder, rule, index.keys)
    if isinstance(rule, splits.OfficialRule):
        if index.official_split is None:
            raise UserError(
                f"{index.dataset} has no official split here{index.official_split_hint}; set split "
                "to blocks, random or lists, or to all if nothing is trained: "
                "data: {split: {rule: all}}"
            )
        return index.official_split
    return {}
