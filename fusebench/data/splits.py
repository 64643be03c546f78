"""Split rules: which keys are for training and which for testing.

The split of M3FD's publication was never released, and neighboring ids are neighboring video
frames, so that a random split tests on almost the same images that were trained on. Therefore the
default rule divides whole blocks of ids.
"""

import random
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import index_keys, resolve_key
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_LIST_BYTES = 100_000_000  # of a list of keys
NUMBERED_KEY = re.compile(r"(\D*)(\d+)\D*")
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
    count: int = Field(default=5, ge=2)
    fold: int = Field(default=0, ge=0)
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


def read_split_lists(folder: Path, rule: ListRule, keys: Collection[str]) -> SplitKeys:
    """Read the keys of the two list files; skips blank lines.

    A row is a key or a file name, with or without folders (see `matching.keys.resolve_key`).

    Args:
        folder: Folder that the lists are relative to.
        rule: Names the lists.
        keys: Keys of the data set. A row that names none of them is kept as it is.

    Raises:
        UserError: If a file is missing, is not text, or lists a key twice.
    """
    known_keys = index_keys(keys)
    parts: SplitKeys = {}
    for name, path in (("train", folder / rule.train), ("test", folder / rule.test)):
        if not path.is_file():
            raise UserError(
                f"{path}: no such list; write it (one key per line) or choose another rule, "
                "e.g. split: {rule: blocks}"
            )
        rows = [row for row in read_text(path, MAX_LIST_BYTES).splitlines() if row.strip()]
        parts[name] = [_read_row(row, known_keys) for row in rows]
        duplicates = [key for key, count in Counter(parts[name]).items() if count > 1]
        if duplicates:
            raise UserError(
                f"{path}: {shorten(duplicates[0], 200)} is listed twice; delete one of the lines"
            )
    return parts


def _read_row(row: str, known_keys: Mapping[str, str]) -> str:
    """Return the key that a row of a list names; the row if it names none."""
    key = resolve_key(row, known_keys) or resolve_key(row.strip(), known_keys)
    return row.strip() if key is None else key


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


def assign_blocks(keys: Sequence[str], length: int) -> dict[str, str]:
    """Return the block of ``length`` ids that each key is in, e.g. ``"block-0003"``."""
    return {
        key: f"block-{number // length:04d}" for key, number in get_frame_positions(keys).items()
    }


def parse_frame_numbers(keys: Sequence[str]) -> dict[str, int] | None:
    """Parse the number in every key; None unless all are ``<same text><digits><any text>``."""
    matches = {key: NUMBERED_KEY.fullmatch(key) for key in keys}
    if len({match and match.group(1) for match in matches.values()}) != 1:
        return None
    return {key: int(match.group(2)) for key, match in matches.items() if match} or None


def get_frame_positions(keys: Sequence[str]) -> dict[str, int]:
    """Return each key's position in time: its frame number, or else its rank in sorted order."""
    ranks = {key: rank for rank, key in enumerate(sorted(keys))}
    return parse_frame_numbers(keys) or ranks


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
