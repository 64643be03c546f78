"""Which pairs are shown: a fixed rule, so that nobody can pick the pictures that please."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.pairs import Split

MOST_SCENES = 6  # conditions that are shown
RULE = (
    "For every condition the pair whose data set and key have the smallest SHA-256; then the two "
    "pairs on which the best fused source and the better single sensor differ most, one in each "
    "direction. Nothing is picked by hand."
)


@dataclass(frozen=True)
class Choice:
    """A pair to show, and why this one."""

    key: str
    why: str


def by_scene(split: Split) -> list[Choice]:
    """One pair of every condition (or of the whole split), by the order of the keys' hashes."""
    first: dict[str, str] = {}
    for pair in sorted(split.pairs, key=lambda pair: _hash(split.dataset, pair.key)):
        first.setdefault(pair.scene or "", pair.key)
    names = sorted(first, key=lambda name: (name == "", name))[:MOST_SCENES]
    return [Choice(first[name], "hash draw") for name in names]


def extremes(
    fused: Mapping[str, float], single: Mapping[str, float], names: tuple[str, str]
) -> list[Choice]:
    """The pair on which the fused source gains most, and the one on which it loses most.

    Args:
        fused: Score per key, higher is better.
        single: The same for the single sensor; keys that are in one of the two only are left out.
        names: What the two sources are called.
    """
    gaps = {key: fused[key] - single[key] for key in sorted(fused) if key in single}
    if not gaps:
        return []
    most, least = max(gaps, key=lambda key: gaps[key]), min(gaps, key=lambda key: gaps[key])
    found = []
    if gaps[most] > 0:
        found.append(Choice(most, f"{names[0]} gains most over {names[1]}"))
    if gaps[least] < 0:
        found.append(Choice(least, f"{names[0]} loses most to {names[1]}"))
    return found


def merged(choices: Sequence[Choice]) -> list[Choice]:
    """Every pair once, with all of its reasons."""
    reasons: dict[str, list[str]] = {}
    for choice in choices:
        reasons.setdefault(choice.key, []).append(choice.why)
    return [Choice(key, "; ".join(why)) for key, why in reasons.items()]


def _hash(dataset: str, key: str) -> str:
    return hashlib.sha256(f"{dataset}/{key}".encode()).hexdigest()
