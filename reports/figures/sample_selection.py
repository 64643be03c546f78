"""Which pairs are shown: a fixed rule, so that nobody can pick the pictures that please."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusebench.data.pairs import Split

MAX_CONDITIONS = 6  # conditions that are shown
SELECTION_RULE = (
    "For every condition the pair whose data set and key have the smallest SHA-256; the two pairs "
    "on which the sources differ most; the two on which the best fused source gains most over the "
    "better single sensor, and the two on which it loses most. What counts per pair is F1 at the "
    "confidence of the per-image files (boxes) or the share of labeled pixels that are right "
    "(label maps), of the first seed. Nothing is picked by hand."
)
PAIRS_PER_CRITERION = 2  # pairs for each of the last three reasons
RANK_NAMES = ("most", "second most", "third most")


@dataclass(frozen=True)
class SelectedPair:
    """A pair to show, and why this one."""

    key: str
    reason: str


def select_by_condition(split: Split) -> list[SelectedPair]:
    """One pair of every condition (or of the whole split), by the order of the keys' hashes."""
    first: dict[str, str] = {}
    for pair in sorted(split.pairs, key=lambda pair: _hash_pair(split.dataset, pair.key)):
        first.setdefault(pair.condition or "", pair.key)
    names = sorted(first, key=lambda name: (name == "", name))[:MAX_CONDITIONS]
    return [SelectedPair(first[name], "hash draw") for name in names]


def select_largest_spread(
    scores: Mapping[str, Mapping[str, float]], count: int = 1
) -> list[SelectedPair]:
    """The pairs on which the sources' scores are furthest apart.

    Args:
        scores: Source to key to score; keys that a source lacks are left out.
        count: At most so many.
    """
    if len(scores) < 2:
        return []
    common = set.intersection(*(set(mine) for mine in scores.values()))
    ranges = {
        key: max(mine[key] for mine in scores.values()) - min(mine[key] for mine in scores.values())
        for key in common
    }
    order = sorted((key for key in ranges if ranges[key] > 0), key=lambda k: (-ranges[k], k))
    return [
        SelectedPair(key, f"sources differ {place}")
        for key, place in zip(order[:count], RANK_NAMES, strict=False)
    ]


def select_largest_gain_and_loss(
    fused: Mapping[str, float], single: Mapping[str, float], names: tuple[str, str], count: int = 1
) -> list[SelectedPair]:
    """The pairs on which the fused source gains most, and those on which it loses most.

    Args:
        fused: Score per key, higher is better.
        single: The same for the single sensor; keys that are in one of the two only are left out.
        names: What the two sources are called.
        count: At most so many in each direction.
    """
    gaps = {key: fused[key] - single[key] for key in sorted(fused) if key in single}
    gains = sorted((key for key in gaps if gaps[key] > 0), key=lambda key: -gaps[key])
    losses = sorted((key for key in gaps if gaps[key] < 0), key=lambda key: gaps[key])
    return [
        SelectedPair(key, f"{names[0]} {verb} {place} {to} {names[1]}")
        for keys, verb, to in ((gains, "gains", "over"), (losses, "loses", "to"))
        for key, place in zip(keys[:count], RANK_NAMES, strict=False)
    ]


def merge_duplicates(choices: Sequence[SelectedPair]) -> list[SelectedPair]:
    """Every pair once, with all of its reasons."""
    reasons: dict[str, list[str]] = {}
    for choice in choices:
        reasons.setdefault(choice.key, []).append(choice.reason)
    return [SelectedPair(key, "; ".join(why)) for key, why in reasons.items()]


def _hash_pair(dataset: str, key: str) -> str:
    return hashlib.sha256(f"{dataset}/{key}".encode()).hexdigest()
