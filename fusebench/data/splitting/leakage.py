"""Leakage of a split: almost the same images, neighboring video frames, in train and in test."""

from collections.abc import Mapping, Sequence

from fusebench.data.splits import BlockRule, FoldRule, ListRule, RandomRule, SplitRule
from fusebench.data.splitting.frame_numbers import get_frame_positions


def has_leakage(
    rule: SplitRule, parts: Mapping[str, Sequence[str]], sequences: Mapping[str, str]
) -> bool:
    """Return whether neighboring frames are in both train and test.

    Blocks leak without a gap; random splits always do; folds do unless every sequence is known.
    Listed keys leak if a sequence is in both parts, or if more than half of the test keys of
    unknown sequence have a direct neighbor in train. An official split is judged by known
    sequences only.

    Args:
        rule: The split rule.
        parts: Keys of train and test.
        sequences: Sequence per key, as far as known.
    """
    if isinstance(rule, BlockRule):
        return rule.gap == 0
    if isinstance(rule, RandomRule):
        return True
    if isinstance(rule, FoldRule):
        return any(key not in sequences for part in parts.values() for key in part)
    training_sequences = {sequences[key] for key in parts["train"] if key in sequences}
    if any(sequences.get(key) in training_sequences for key in parts["test"]):
        return True
    if not isinstance(rule, ListRule):
        return False
    keys = [key for key in parts["test"] if key not in sequences]  # of unknown sequence
    positions = get_frame_positions([*parts["train"], *parts["test"]])
    training_neighbors = {positions[key] + step for key in parts["train"] for step in (-1, 1)}
    return 2 * sum(positions[key] in training_neighbors for key in keys) > len(keys)


def has_neighbors_in_both_parts(parts: Mapping[str, Sequence[str]] | None) -> bool:
    """Return whether most test keys have a neighbor in train, where keys are frame numbers.

    Args:
        parts: Keys of train and test; None: there is no such division.
    """
    return parts is not None and has_leakage(ListRule(), parts, {})
