"""Which pairs are for training and which for testing: named rules over keys.

M3FD's published split was never released and its neighboring ids are neighboring video frames, so
a random split tests on what was trained on. The default rule therefore cuts whole blocks of ids.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fusebench.data.box_annotations import read_text
from fusebench.errors import UserError

SplitKeys = dict[str, list[str]]


class _SplitRuleModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlockRule(_SplitRuleModel):
    """Contiguous blocks of ids; every n-th block is tested, its neighbors lose ``gap`` ids."""

    rule: Literal["blocks"] = "blocks"
    length: int = Field(default=100, ge=1)
    gap: int = Field(default=10, ge=0)
    every: int = Field(default=4, ge=2)
    first: int = Field(default=2, ge=0)


class RandomRule(_SplitRuleModel):
    """Any pair anywhere: neighboring frames end up on both sides."""

    rule: Literal["random"] = "random"
    seed: int = 0
    share: float = Field(default=0.25, gt=0, lt=1)


class ListRule(_SplitRuleModel):
    """The user's own lists, one key or file name per line; paths start at the data folder."""

    rule: Literal["lists"] = "lists"
    train: Path = Path("meta/train.txt")
    test: Path = Path("meta/test.txt")


class OfficialRule(_SplitRuleModel):
    """What the data set itself ships."""

    rule: Literal["official"] = "official"


class AllPairsRule(_SplitRuleModel):
    """Every pair is tested and none is for training: for models that were trained elsewhere."""

    rule: Literal["all"] = "all"


SplitRule = Annotated[
    BlockRule | RandomRule | ListRule | OfficialRule | AllPairsRule, Field(discriminator="rule")
]


def divide_keys(
    keys: Sequence[str], rule: SplitRule, given: Mapping[str, Sequence[str]]
) -> SplitKeys:
    """Keys of ``train`` and ``test``, sorted; disjoint, and possibly not all of ``keys``.

    Args:
        keys: The keys that are there.
        rule: How to divide them.
        given: For the rules ``lists`` and ``official``: what the files say (see `read_split_lists`).

    Raises:
        UserError: If a part is empty, a listed key is unknown, or one is on both sides.
    """
    if isinstance(rule, BlockRule):
        parts = _split_by_blocks(sorted(keys), rule)
    elif isinstance(rule, RandomRule):
        parts = _split_at_random(sorted(keys), rule)
    else:
        parts = {name: sorted(given[name]) for name in ("train", "test")}
        _check_lists(parts, set(keys))
    for name, some in parts.items():
        if not some:
            raise UserError(
                f"{describe_rule(rule)}: no pair of {len(keys)} is left for {name}; choose another rule "
                "for so few pairs, e.g. split: {rule: random, share: 0.5}"
            )
    return parts


def describe_rule(rule: SplitRule) -> str:
    """The rule as a reader of a table should see it."""
    if isinstance(rule, BlockRule):
        return (
            f"blocks of {rule.length} ids, gap {rule.gap}, 1 of {rule.every} tested "
            f"from block {rule.first % rule.every}"
        )
    if isinstance(rule, RandomRule):
        return f"random, {rule.share:g} tested, seed {rule.seed}"
    if isinstance(rule, ListRule):
        return f"lists {rule.train.name} and {rule.test.name}"
    if isinstance(rule, AllPairsRule):
        return "all pairs"
    return "official"


def read_split_lists(folder: Path, rule: ListRule) -> SplitKeys:
    """The keys in the two list files, file endings dropped, blank lines skipped.

    Raises:
        UserError: If a file is missing, is not text, or names a key twice.
    """
    parts: SplitKeys = {}
    for name, path in (("train", folder / rule.train), ("test", folder / rule.test)):
        if not path.is_file():
            raise UserError(
                f"{path}: no such list; write it (one key per line) or choose another rule, "
                "e.g. split: {rule: blocks}"
            )
        rows = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        parts[name] = [Path(row.replace("\\", "/")).stem for row in rows]
        doubled = [key for key, count in Counter(parts[name]).items() if count > 1]
        if doubled:
            raise UserError(f"{path}: {doubled[0]} is listed twice; delete one of the lines")
    return parts


def has_leakage(
    rule: SplitRule, parts: Mapping[str, Sequence[str]], sequences: Mapping[str, str]
) -> bool:
    """Whether the rule puts neighboring frames on both sides.

    Blocks do without a gap, chance always does. Listed keys do if one of ``sequences`` (key to
    sequence, as far as known) is on both sides, or else if more than half of the tested ids have
    their direct neighbor in train. An official split is only judged by known sequences.
    """
    if isinstance(rule, BlockRule):
        return rule.gap == 0
    if isinstance(rule, RandomRule):
        return True
    trained = {sequences[key] for key in parts["train"] if key in sequences}
    if any(sequences.get(key) in trained for key in parts["test"]):
        return True
    loose = [key for key in parts["test"] if key not in sequences]
    at = get_frame_positions([*parts["train"], *parts["test"]])
    beside = {at[key] + step for key in parts["train"] for step in (-1, 1)}
    return isinstance(rule, ListRule) and 2 * sum(at[k] in beside for k in loose) > len(loose)


def assign_blocks(keys: Sequence[str], length: int) -> dict[str, str]:
    """Name of the block of ``length`` ids each key lies in, e.g. ``"block-0003"``."""
    return {
        key: f"block-{number // length:04d}" for key, number in get_frame_positions(keys).items()
    }


def parse_frame_numbers(keys: Sequence[str]) -> dict[str, int] | None:
    """The number in every key, or None unless all keys are ``<same text><digits><any text>``."""
    found = {key: re.fullmatch(r"(\D*)(\d+)\D*", key) for key in keys}
    if len({match and match.group(1) for match in found.values()}) != 1:
        return None
    return {key: int(match.group(2)) for key, match in found.items() if match} or None


def get_frame_positions(keys: Sequence[str]) -> dict[str, int]:
    """Where each key stands in time: its frame number, or else its position."""
    at = {key: position for position, key in enumerate(sorted(keys))}
    return parse_frame_numbers(keys) or at


def _split_by_blocks(keys: Sequence[str], rule: BlockRule) -> SplitKeys:
    at = get_frame_positions(keys)
    turn = rule.first % rule.every
    test = [key for key in keys if at[key] // rule.length % rule.every == turn]
    tested = {at[key] for key in test}
    kept_away = {number + step for number in tested for step in range(-rule.gap, rule.gap + 1)}
    return {"train": [key for key in keys if at[key] not in kept_away], "test": test}


def _split_at_random(keys: Sequence[str], rule: RandomRule) -> SplitKeys:
    shuffled = sorted(keys)
    random.Random(rule.seed).shuffle(shuffled)
    tested = round(rule.share * len(keys))
    return {"train": sorted(shuffled[tested:]), "test": sorted(shuffled[:tested])}


def _check_lists(parts: SplitKeys, keys: set[str]) -> None:
    both = sorted(set(parts["train"]) & set(parts["test"]))
    if both:
        raise UserError(
            f"{len(both)} key(s) are listed for train and for test: {', '.join(both[:3])}; "
            "delete them from one list"
        )
    for name, some in parts.items():
        unknown = sorted(set(some) - keys)
        if unknown:
            raise UserError(
                f"{len(unknown)} key(s) listed for {name} are not in the data set: "
                f"{', '.join(unknown[:3])}; {len(keys)} pairs are there"
            )
