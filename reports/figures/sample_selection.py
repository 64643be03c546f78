"""Selection of the sample pairs by a fixed rule, which excludes a favorable choice of images."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusebench.data.pairs import Split

MAX_CONDITIONS = 6
PAIRS_PER_CRITERION = 2  # for each of largest spread, gain and loss
SELECTION_RULE = (
    "Selection rule: for every condition the pair whose data set and key have the smallest "
    f"SHA-256; the {PAIRS_PER_CRITERION} pairs with the largest spread of scores between the "
    f"sources; the {PAIRS_PER_CRITERION} with the largest gain of the best fused source over the "
    f"better single sensor, and the {PAIRS_PER_CRITERION} with the largest loss. The score of a "
    "pair is F1 at the confidence of the per-image files (detection) or the pixel accuracy on "
    "labeled pixels (segmentation), of the first seed. Nothing is picked by hand."
)
RANK_NAMES = ("largest", "second largest", "third largest")


@dataclass(frozen=True)
class SelectedPair:
    """A selected pair and the criterion that selected it.

    Attributes:
        key: Of the pair.
        reason: The criterion in words.
        effect: ``gain`` or ``loss`` of the best fused source; empty for other criteria.
    """

    key: str
    reason: str
    effect: str = ""


def select_by_condition(split: Split) -> list[SelectedPair]:
    """Select one pair of every condition (or of the whole split): the smallest hash."""
    keys: dict[str, str] = {}
    for pair in sorted(split.pairs, key=lambda pair: _hash_pair(split.dataset, pair.key)):
        keys.setdefault(pair.condition or "", pair.key)
    conditions = sorted(keys, key=lambda condition: (condition == "", condition))
    return [
        SelectedPair(keys[condition], "smallest hash") for condition in conditions[:MAX_CONDITIONS]
    ]


def select_largest_spread(
    scores: Mapping[str, Mapping[str, float]], count: int = 1
) -> list[SelectedPair]:
    """Select the pairs with the largest range (maximum - minimum) of the sources' scores.

    Args:
        scores: Source to key to score; keys that a source lacks are left out.
        count: Maximum number of pairs.
    """
    if len(scores) < 2:
        return []
    common = set.intersection(*(set(by_key) for by_key in scores.values()))
    ranges = {
        key: max(by_key[key] for by_key in scores.values())
        - min(by_key[key] for by_key in scores.values())
        for key in common
    }
    order = sorted((key for key in ranges if ranges[key] > 0), key=lambda key: (-ranges[key], key))
    return [
        SelectedPair(key, f"{rank} spread between sources")
        for key, rank in zip(order[:count], RANK_NAMES, strict=False)
    ]


def select_largest_gain_and_loss(
    fused: Mapping[str, float], single: Mapping[str, float], names: tuple[str, str], count: int = 1
) -> list[SelectedPair]:
    """Select the pairs with the largest gain of the fused source, and with its largest loss.

    Args:
        fused: Key to score of the fused source; higher is better.
        single: The same of the single sensor; keys that only one of the two has are left out.
        names: Names of the two sources.
        count: Maximum number of pairs in each direction.
    """
    differences = {key: fused[key] - single[key] for key in sorted(fused) if key in single}
    gains = sorted(
        (key for key in differences if differences[key] > 0), key=lambda key: -differences[key]
    )
    losses = sorted(
        (key for key in differences if differences[key] < 0), key=lambda key: differences[key]
    )
    return [
        SelectedPair(key, f"{rank} {kind} of {names[0]} against {names[1]}", kind)
        for keys, kind in ((gains, "gain"), (losses, "loss"))
        for key, rank in zip(keys[:count], RANK_NAMES, strict=False)
    ]


def merge_duplicates(pairs: Sequence[SelectedPair]) -> list[SelectedPair]:
    """Merge pairs of the same key; their reasons are joined."""
    by_key: dict[str, list[SelectedPair]] = {}
    for pair in pairs:
        by_key.setdefault(pair.key, []).append(pair)
    return [
        SelectedPair(
            key,
            "; ".join(pair.reason for pair in same),
            next((pair.effect for pair in same if pair.effect), ""),
        )
        for key, same in by_key.items()
    ]


def _hash_pair(dataset: str, key: str) -> str:
    return hashlib.sha256(f"{dataset}/{key}".encode()).hexdigest()
