"""Split rules: which keys are for training and which for testing.

The split of M3FD's publication was never released, and neighboring ids are neighboring video
frames, so that a random split tests on almost the same images that were trained on. Therefore the
default rule divides whole blocks of ids.
"""

import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusebench.data.matching import name_hints
from fusebench.data.splitting.frame_numbers import get_frame_positions
from fusebench.errors import UserError

SplitKeys = dict[str, list[str]]  # ``train`` and ``test`` to keys


class _SplitRuleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlockRule(_SplitRuleModel):
    """Blocks of consecutive ids, whole blocks for testing.

    Attributes:
        rule: ``blocks``.
        length: Ids per block.
        gap: Ids on each side of a test block that are in neither part.
        every: One of this many blocks is tested.
        first: Index of the first tested block, modulo ``every``.
    """

    rule: Literal["blocks"] = "blocks"
    length: int = Field(default=100, ge=1)
    gap: int = Field(default=10, ge=0)
    every: int = Field(default=4, ge=2)
    first: int = Field(default=2, ge=0)


class RandomRule(_SplitRuleModel):
    """Random keys; neighboring frames end up in both train and test."""

    rule: Literal["random"] = "random"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    share: float = Field(default=0.25, gt=0, lt=1)


class FoldRule(_SplitRuleModel):
    """One of several folds for testing; no sequence is divided.

    Attributes:
        rule: ``folds``.
        count: Number of folds.
        fold: Index of the tested fold.
        seed: Random seed of the division.
    """

    rule: Literal["folds"] = "folds"
    count: int = Field(default=5, ge=2, le=1000)
    fold: int = Field(default=0, ge=0, le=999)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)

    @model_validator(mode="after")
    def _check_fold(self) -> "FoldRule":
        if self.fold >= self.count:
            raise ValueError(f"fold {self.fold}: the {self.count} folds are 0 to {self.count - 1}")
        return self


class ListRule(_SplitRuleModel):
    """The user's lists, one key or file name per line; paths are relative to the data set."""

    rule: Literal["lists"] = "lists"
    train: Path = Path("meta/train.txt")
    test: Path = Path("meta/test.txt")


class OfficialRule(_SplitRuleModel):
    """The split that the data set itself defines."""

    rule: Literal["official"] = "official"


class AllPairsRule(_SplitRuleModel):
    """Every pair is tested, none is for training: for models that were trained elsewhere."""

    rule: Literal["all"] = "all"


SplitRule = Annotated[
    BlockRule | RandomRule | FoldRule | ListRule | OfficialRule | AllPairsRule,
    Field(discriminator="rule"),
]


def divide_keys(
    keys: Sequence[str],
    rule: SplitRule,
    listed: Mapping[str, Sequence[str]],
    sequences: Mapping[str, str] = MappingProxyType({}),
) -> SplitKeys:
    """Divide keys into ``train`` and ``test``.

    Args:
        keys: Keys of the data set.
        rule: How to divide them.
        listed: Keys of train and test for the rules ``lists`` and ``official``; not used by the
            others.
        sequences: Sequence of each key, for the rule ``folds``.

    Returns:
        Sorted keys of ``train`` and ``test``; disjoint, and not necessarily all of ``keys``.

    Raises:
        UserError: If a part is empty, a listed key is unknown, or one is in both parts.
    """
    if isinstance(rule, BlockRule):
        parts = _split_by_blocks(sorted(keys), rule)
    elif isinstance(rule, RandomRule):
        parts = _split_at_random(sorted(keys), rule)
    elif isinstance(rule, FoldRule):
        parts = _split_by_folds(sorted(keys), rule, sequences)
    else:
        parts = {name: sorted(listed[name]) for name in ("train", "test")}
        _check_lists(parts, set(keys))
    for name, part in parts.items():
        if not part:
            raise UserError(
                f"{describe_rule(rule)}: no pair of {len(keys)} is left for {name}; choose another "
                "rule for so few pairs, e.g. split: {rule: random, share: 0.5}"
            )
    return parts


def describe_rule(rule: SplitRule) -> str:
    """Describe a rule with all its numbers, for the protocol under a table."""
    if isinstance(rule, BlockRule):
        return (
            f"blocks of {rule.length} ids, gap {rule.gap}, 1 of {rule.every} tested "
            f"from block {rule.first % rule.every}"
        )
    if isinstance(rule, RandomRule):
        return f"random, {rule.share:g} tested, seed {rule.seed}"
    if isinstance(rule, FoldRule):
        return f"fold {rule.fold} of {rule.count} tested, whole sequences, seed {rule.seed}"
    if isinstance(rule, ListRule):
        return f"lists {rule.train.name} and {rule.test.name}"
    if isinstance(rule, AllPairsRule):
        return "all pairs"
    return "official"


def _split_by_blocks(keys: Sequence[str], rule: BlockRule) -> SplitKeys:
    positions = get_frame_positions(keys)
    remainder = rule.first % rule.every
    test = [key for key in keys if positions[key] // rule.length % rule.every == remainder]
    # Training keeps a gap to every test frame; only the nearest one on each side matters.
    test_positions = sorted(positions[key] for key in test)

    def is_in_gap(position: int) -> bool:
        index = bisect_left(test_positions, position)
        return any(
            abs(position - nearest) <= rule.gap
            for nearest in test_positions[max(index - 1, 0) : index + 1]
        )

    return {"train": [key for key in keys if not is_in_gap(positions[key])], "test": test}


def _split_at_random(keys: Sequence[str], rule: RandomRule) -> SplitKeys:
    shuffled = sorted(keys)
    random.Random(rule.seed).shuffle(shuffled)
    test_count = round(rule.share * len(keys))
    return {"train": sorted(shuffled[test_count:]), "test": sorted(shuffled[:test_count])}


def _split_by_folds(keys: Sequence[str], rule: FoldRule, sequences: Mapping[str, str]) -> SplitKeys:
    """Deal whole sequences, the longest first, each to the fold with the fewest pairs."""
    members: dict[str, list[str]] = {}
    for key in keys:
        members.setdefault(sequences[key], []).append(key)
    names = sorted(members)
    if len(names) < rule.count:
        raise UserError(
            f"split: {rule.count} folds of {len(names)} sequence(s), which are not divided: "
            f"{name_hints.list_first(names)}; set count to at most {len(names)}, or choose another "
            "rule"
        )
    random.Random(rule.seed).shuffle(names)
    names.sort(key=lambda name: -len(members[name]))  # equally long ones stay shuffled
    folds: list[list[str]] = [[] for _ in range(rule.count)]
    for name in names:
        min(folds, key=len).extend(members[name])
    test = set(folds[rule.fold])
    return {"train": [key for key in keys if key not in test], "test": sorted(test)}


def _check_lists(parts: SplitKeys, keys: set[str]) -> None:
    common = sorted(set(parts["train"]) & set(parts["test"]))
    if common:
        raise UserError(
            f"{len(common)} key(s) are listed for train and for test: "
            f"{name_hints.list_first(common)}; delete them from one list"
        )
    for name, part in parts.items():
        unknown = sorted(set(part) - keys)
        if unknown:
            raise UserError(
                f"{len(unknown)} key(s) listed for {name} are not in the data set: "
                f"{name_hints.list_first(unknown)}; it has {len(keys)} pairs, e.g. "
                f"{min(keys, default='none')}; {name_hints.suggest_key(unknown[0], keys)}"
            )
