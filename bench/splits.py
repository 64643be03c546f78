"""Which pairs are for training and which for testing: named rules over keys.

M3FD's published split was never released and its neighbouring ids are neighbouring video frames, so
a random split tests on what was trained on. The default rule therefore cuts whole blocks of ids.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.annotations import text
from bench.errors import BenchError

Parts = dict[str, list[str]]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Blocks(_Rule):
    """Contiguous blocks of ids; every n-th block is tested, its neighbours lose ``gap`` ids."""

    rule: Literal["blocks"] = "blocks"
    length: int = Field(default=100, ge=1)
    gap: int = Field(default=10, ge=0)
    every: int = Field(default=4, ge=2)
    first: int = Field(default=2, ge=0)


class Random(_Rule):
    """Any pair anywhere: neighbouring frames end up on both sides."""

    rule: Literal["random"] = "random"
    seed: int = 0
    share: float = Field(default=0.25, gt=0, lt=1)


class Lists(_Rule):
    """The user's own lists, one key or file name per line; paths start at the data folder."""

    rule: Literal["lists"] = "lists"
    train: Path = Path("meta/train.txt")
    test: Path = Path("meta/test.txt")


class Official(_Rule):
    """What the data set itself ships."""

    rule: Literal["official"] = "official"


class All(_Rule):
    """Every pair is tested and none is for training: for models that were trained elsewhere."""

    rule: Literal["all"] = "all"


Rule = Annotated[Blocks | Random | Lists | Official | All, Field(discriminator="rule")]


def divide(keys: Sequence[str], rule: Rule, given: Mapping[str, Sequence[str]]) -> Parts:
    """Keys of ``train`` and ``test``, sorted; disjoint, and possibly not all of ``keys``.

    Args:
        keys: The keys that are there.
        rule: How to divide them.
        given: For the rules ``lists`` and ``official``: what the files say (see `listed`).

    Raises:
        BenchError: If a part is empty, a listed key is unknown, or one is on both sides.
    """
    if isinstance(rule, Blocks):
        parts = _blocks(sorted(keys), rule)
    elif isinstance(rule, Random):
        parts = _random(sorted(keys), rule)
    else:
        parts = {name: sorted(given[name]) for name in ("train", "test")}
        _check_lists(parts, set(keys))
    for name, some in parts.items():
        if not some:
            raise BenchError(
                f"{words(rule)}: no pair of {len(keys)} is left for {name}; choose another rule "
                "for so few pairs, e.g. split: {rule: random, share: 0.5}"
            )
    return parts


def words(rule: Rule) -> str:
    """The rule as a reader of a table should see it."""
    if isinstance(rule, Blocks):
        return (
            f"blocks of {rule.length} ids, gap {rule.gap}, 1 of {rule.every} tested "
            f"from block {rule.first % rule.every}"
        )
    if isinstance(rule, Random):
        return f"random, {rule.share:g} tested, seed {rule.seed}"
    if isinstance(rule, Lists):
        return f"lists {rule.train.name} and {rule.test.name}"
    if isinstance(rule, All):
        return "all pairs"
    return "official"


def listed(folder: Path, rule: Lists) -> Parts:
    """The keys in the two list files, file endings dropped, blank lines skipped.

    Raises:
        BenchError: If a file is missing, is not text, or names a key twice.
    """
    parts: Parts = {}
    for name, path in (("train", folder / rule.train), ("test", folder / rule.test)):
        if not path.is_file():
            raise BenchError(
                f"{path}: no such list; write it (one key per line) or choose another rule, "
                "e.g. split: {rule: blocks}"
            )
        rows = [line.strip() for line in text(path).splitlines() if line.strip()]
        parts[name] = [Path(row.replace("\\", "/")).stem for row in rows]
        doubled = [key for key, count in Counter(parts[name]).items() if count > 1]
        if doubled:
            raise BenchError(f"{path}: {doubled[0]} is listed twice; delete one of the lines")
    return parts


def leaks(rule: Rule, parts: Mapping[str, Sequence[str]], sequences: Mapping[str, str]) -> bool:
    """Whether the rule puts neighbouring frames on both sides.

    Blocks do without a gap, chance always does. Listed keys do if one of ``sequences`` (key to
    sequence, as far as known) is on both sides, or else if more than half of the tested ids have
    their direct neighbour in train. An official split is only judged by known sequences.
    """
    if isinstance(rule, Blocks):
        return rule.gap == 0
    if isinstance(rule, Random):
        return True
    trained = {sequences[key] for key in parts["train"] if key in sequences}
    if any(sequences.get(key) in trained for key in parts["test"]):
        return True
    loose = [key for key in parts["test"] if key not in sequences]
    at = places([*parts["train"], *parts["test"]])
    beside = {at[key] + step for key in parts["train"] for step in (-1, 1)}
    return isinstance(rule, Lists) and 2 * sum(at[k] in beside for k in loose) > len(loose)


def block_names(keys: Sequence[str], length: int) -> dict[str, str]:
    """Name of the block of ``length`` ids each key lies in, e.g. ``"block-0003"``."""
    return {key: f"block-{number // length:04d}" for key, number in places(keys).items()}


def frame_numbers(keys: Sequence[str]) -> dict[str, int] | None:
    """The number in every key, or None unless all keys are ``<same text><digits><any text>``."""
    found = {key: re.fullmatch(r"(\D*)(\d+)\D*", key) for key in keys}
    if len({match and match.group(1) for match in found.values()}) != 1:
        return None
    return {key: int(match.group(2)) for key, match in found.items() if match} or None


def places(keys: Sequence[str]) -> dict[str, int]:
    """Where each key stands in time: its frame number, or else its position."""
    at = {key: position for position, key in enumerate(sorted(keys))}
    return frame_numbers(keys) or at


def _blocks(keys: Sequence[str], rule: Blocks) -> Parts:
    at = places(keys)
    turn = rule.first % rule.every
    test = [key for key in keys if at[key] // rule.length % rule.every == turn]
    tested = {at[key] for key in test}
    kept_away = {number + step for number in tested for step in range(-rule.gap, rule.gap + 1)}
    return {"train": [key for key in keys if at[key] not in kept_away], "test": test}


def _random(keys: Sequence[str], rule: Random) -> Parts:
    shuffled = sorted(keys)
    random.Random(rule.seed).shuffle(shuffled)
    tested = round(rule.share * len(keys))
    return {"train": sorted(shuffled[tested:]), "test": sorted(shuffled[:tested])}


def _check_lists(parts: Parts, keys: set[str]) -> None:
    both = sorted(set(parts["train"]) & set(parts["test"]))
    if both:
        raise BenchError(
            f"{len(both)} key(s) are listed for train and for test: {', '.join(both[:3])}; "
            "delete them from one list"
        )
    for name, some in parts.items():
        unknown = sorted(set(some) - keys)
        if unknown:
            raise BenchError(
                f"{len(unknown)} key(s) listed for {name} are not in the data set: "
                f"{', '.join(unknown[:3])}; {len(keys)} pairs are there"
            )
