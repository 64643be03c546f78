"""Ranks of sources with their uncertainty: rank sets, and letters of sources that may be equal.

All pairs of n sources are tested. The p-values are adjusted by Shaffer's method, which is Holm's
with the largest number of hypotheses that can be true together in place of all that remain: if two
of four sources differ, at most three of the six pairs can be equal. The probability of any false
difference among the pairs is at most 5 %, whatever their correlation and however many are equal
(Shaffer, "Modified sequentially rejective multiple test procedures", J. Am. Stat. Assoc. 81(395),
1986). With the adjusted tests, the rank of source j lies in

    [1 + number of sources that j is worse than,  n - number of sources that j is better than]

for all sources at once with a probability of at least 95 % (Al Mohamad, Goeman, van Zwet,
"Simultaneous confidence intervals for ranks with application to ranking institutions", Biometrics
78(1), 2022; Mogstad, Romano, Shaikh, Wilhelm, "Inference for ranks with applications to mobility
across neighbourhoods and academic achievement across countries", Rev. Econ. Stud. 91(1), 2024).
Sources with equal true scores share all ranks of their group, and the sets contain all of them.
Percentiles of the ranks of bootstrap resamples are not used: they miss the ranks of equal sources.
The sources whose set contains 1 are, with the same probability, all that may be the best.

Letters: sources that share one are not shown to differ. They are found by inserting the differences
one by one into a single group of all sources and dropping groups that another one contains
(Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons", J. Comput.
Graph. Stat. 13(2), 2004).
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import ScoreSample

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RankSet:
    """Rank of one source among n.

    Attributes:
        rank: 1 + number of sources with a better score.
        low: Best rank that is compatible with the tests.
        high: Worst rank.
        letters: One per group of sources that are not shown to differ; ``a`` has the best source.
    """

    rank: int
    low: int
    high: int
    letters: str

    @property
    def may_be_best(self) -> bool:
        """Whether no other source is shown to be better."""
        return self.low == 1


def adjust_all_pairs(p_values: FloatArray) -> FloatArray:
    """Adjust the p-values of all pairs of n sources by Shaffer's method.

    Args:
        p_values: float64 (n, n), symmetric; the diagonal is ignored. A pair that cannot be tested
            has 1.

    Returns:
        float64 (n, n), symmetric, with 1 on the diagonal.
    """
    count = len(p_values)
    firsts, seconds = np.triu_indices(count, 1)
    values = p_values[firsts, seconds]
    possible = sorted(list_possible_true_counts(count))
    adjusted = np.ones((count, count))
    running_maximum = 0.0
    for rejected, index in enumerate(np.argsort(values, kind="stable")):
        remaining = len(values) - rejected
        factor = max(number for number in possible if number <= remaining)
        running_maximum = max(running_maximum, min(1.0, factor * float(values[index])))
        i, j = firsts[index], seconds[index]
        adjusted[i, j] = adjusted[j, i] = running_maximum
    return adjusted


@cache
def list_possible_true_counts(count: int) -> frozenset[int]:
    """List how many of the pairs of ``count`` sources can be equal at the same time.

    Equal sources form groups; a group of k sources has k (k - 1) / 2 equal pairs.
    """
    if count < 2:
        return frozenset({0})
    return frozenset(
        size * (size - 1) // 2 + others
        for size in range(1, count + 1)
        for others in list_possible_true_counts(count - size)
    )


def compute_rank_sets(gains: Sequence[float], is_different: BoolArray) -> list[RankSet]:
    """Compute the rank set and the letters of every source.

    Args:
        gains: Score of each source, higher is better.
        is_different: bool (n, n), symmetric: whether a difference of two sources is shown.
    """
    scores = np.asarray(gains, np.float64)
    is_better = scores[:, None] > scores[None, :]
    worse_than = (is_different & is_better.T).sum(axis=1)
    better_than = (is_different & is_better).sum(axis=1)
    letters = assign_letters(scores, is_different)
    return [
        RankSet(
            1 + int((scores > scores[i]).sum()),
            1 + int(worse_than[i]),
            len(scores) - int(better_than[i]),
            letters[i],
        )
        for i in range(len(scores))
    ]


def compute_pairwise_p_values(samples: Sequence[ScoreSample]) -> FloatArray | None:
    """Test all pairs of sources, with the variance over seeds pooled over all of them.

    Pooled over the two sources of a pair alone, the variance of 3 seeds each is by chance so small
    in one of ten pairs that 7.5 % of tables with 5 equal sources have a false difference.

    Args:
        samples: Scores of n sources on the same resamples, all trained by one recipe.

    Returns:
        float64 (n, n), symmetric; 1 for a pair that cannot be tested, and on the diagonal. None
        if no pair can be tested.
    """
    p_values = np.ones((len(samples), len(samples)))
    is_tested = False
    for i, j in combinations(range(len(samples)), 2):
        others = [sample for k, sample in enumerate(samples) if k not in (i, j)]
        estimate = confidence_intervals.estimate_difference(samples[i], samples[j], others)
        if estimate is not None:
            p_values[i, j] = p_values[j, i] = estimate.p_value
            is_tested = True
    return p_values if is_tested else None


def assign_letters(scores: Sequence[float] | FloatArray, is_different: BoolArray) -> list[str]:
    """Assign letters so that two sources share one exactly if no difference is shown.

    Args:
        scores: Score of each source, higher is better; the groups are named in this order.
        is_different: bool (n, n), symmetric.
    """
    count = len(scores)
    groups: list[frozenset[int]] = [frozenset(range(count))] if count else []
    for i, j in zip(*np.nonzero(np.triu(is_different, 1)), strict=True):
        groups = _split_groups(groups, int(i), int(j))
    order = sorted(range(count), key=lambda source: -scores[source])
    place = {source: number for number, source in enumerate(order)}
    groups.sort(key=lambda group: sorted(place[source] for source in group))
    return [
        "".join(_name_group(number) for number, group in enumerate(groups) if source in group)
        for source in range(count)
    ]


def _split_groups(groups: list[frozenset[int]], first: int, second: int) -> list[frozenset[int]]:
    """Split every group that has two different sources; drop groups within another one."""
    split = []
    for group in groups:
        if first in group and second in group:
            split += [group - {first}, group - {second}]
        else:
            split.append(group)
    unique = list(dict.fromkeys(split))
    return [group for group in unique if not any(group < other for other in unique)]


def _name_group(number: int) -> str:
    """Name a group: a to z, then a2 to z2, and so on."""
    turn, letter = divmod(number, len(string.ascii_lowercase))
    return string.ascii_lowercase[letter] + (str(turn + 1) if turn else "")
