"""A source tried against itself: how often the statistics find a difference that is not there.

A trial draws images and trainings, makes two pretended sources of them that differ in nothing but
chance, and asks `statistics` for its verdict (A/A test). Where the true value is known, it also
looks whether the interval holds it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import average_precision
from reports.significance import resampling, statistics, synthetic
from reports.significance.resampling import Draws
from reports.significance.statistics import Estimate, Sample
from reports.significance.synthetic import World

ALPHA = 1 - statistics.LEVEL

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Score = Callable[[Floats], Floats]  # weights (R, I) to scores (R,) of one training


@dataclass(frozen=True, eq=False)
class Saved:
    """A source whose trainings can be scored on any weighting of its images.

    Attributes:
        trainings: One per seed.
        groups: Per image.
        truths: (C, I), true boxes or pixels per class and image.
    """

    name: str
    trainings: tuple[Score, ...]
    groups: tuple[str, ...]
    truths: NDArray[np.generic]


@dataclass(frozen=True)
class Outcome:
    """What became of one trial.

    Attributes:
        false: The verdict was not "no difference shown".
        covered: The interval of the score holds the true value; None where that is not known.
    """

    false: bool
    covered: bool | None = None


def sample(of: Saved, which: Sequence[int], chosen: Whole, draws: Draws) -> Sample:
    """Some trainings on some images: their scores, and those on the draws of these images."""
    weights = np.zeros((len(draws.times) + 1, len(of.groups)))
    weights[0, chosen] = 1
    weights[1:, chosen] = draws.weights
    found = np.stack([of.trainings[i](weights) for i in which])
    held = [resampling.per_unit(draws, counts) for counts in of.truths[:, chosen]]
    shares = np.mean([each / each.sum() for each in held if each.any()], axis=0)
    return Sample(found[:, 0], found[:, 1:], shares)


def with_known_value(
    world: World, sizes: Whole, seeds: int, truth: float, rng: np.random.Generator, resamples: int
) -> dict[str, Outcome]:
    """One trial on drawn detections, by three ways of reckoning.

    Args:
        world: What the detections are drawn from.
        sizes: Images per group.
        seeds: Trainings of each pretended source.
        truth: Mean AP@.5 over endless images and trainings.
        rng: Of this trial.
        resamples: How many.

    Returns:
        ``as reported``; ``groups ignored``, images drawn one by one; ``seeds ignored``, the
        variance of images alone.
    """
    on = synthetic.scenes(world, sizes, rng)
    every = tuple(_training(world, on, rng) for _ in range(2 * seeds))
    boxes = np.bincount(on.images, minlength=len(on.groups))[None]
    grouped = Saved("", every, tuple(map(str, on.groups)), boxes)
    images = np.arange(len(on.groups))
    seed = int(rng.integers(2**31))
    found = {}
    for name, groups in (("as reported", grouped.groups), ("groups ignored", images.astype(str))):
        draws = resampling.draw(list(groups), resamples, seed)
        pair = [sample(grouped, range(first, first + seeds), images, draws) for first in (0, seeds)]
        found[name] = _outcome(pair, truth)
        if name == "as reported":
            found["seeds ignored"] = _outcome([_as_one(each) for each in pair], truth)
    return found


def halves(of: Saved, rng: np.random.Generator, resamples: int) -> Outcome | None:
    """The same trainings on two halves of the groups; None where a half is too little to judge."""
    names = np.unique(of.groups)
    first = set(rng.permutation(names)[: len(names) // 2])
    inside = np.array([group in first for group in of.groups])
    parts = []
    for chosen in (np.flatnonzero(inside), np.flatnonzero(~inside)):
        draws = _draws(of, chosen, rng, resamples)
        parts.append(statistics.score(_as_one(sample(of, range(len(of.trainings)), chosen, draws))))
    one, other = parts
    return Outcome(apart(one, other) < ALPHA) if one and other else None


def seeds(of: Saved, rng: np.random.Generator, resamples: int) -> Outcome | None:
    """Some trainings against others of the same source, on half of the groups.

    Two against two where there are four; one against one where there are fewer, which is what a
    table of one seed each compares.
    """
    names = np.unique(of.groups)
    first = set(rng.permutation(names)[: (len(names) + 1) // 2])
    chosen = np.flatnonzero([group in first for group in of.groups])
    order = rng.permutation(len(of.trainings))
    size = len(order) // 2 if len(order) > 3 else 1
    draws = _draws(of, chosen, rng, resamples)
    pair = [sample(of, list(order[i : i + size]), chosen, draws) for i in (0, size)]
    found = statistics.difference(*pair)
    return Outcome(found.p < ALPHA) if found else None


def apart(one: Estimate, other: Estimate) -> float:
    """The p-value of a difference between scores on different images."""
    total = one.images + other.images
    gap = abs(one.value - other.value)
    if total == 0:
        return 1.0 if gap == 0 else 0.0
    freedom = total**2 / sum(each.images**2 / each.freedom for each in (one, other))
    return 2 * statistics.share(-gap / math.sqrt(total), freedom)


def _training(world: World, on: synthetic.Scenes, rng: np.random.Generator) -> Score:
    found = synthetic.detect(world, on, rng)

    def score(weights: Floats) -> Floats:
        alone: Floats = average_precision.weighted(found, weights, overlaps=slice(0, 1))[:, 0]
        return alone

    return score


def _draws(of: Saved, chosen: Whole, rng: np.random.Generator, resamples: int) -> Draws:
    return resampling.draw([of.groups[i] for i in chosen], resamples, int(rng.integers(2**31)))


def _as_one(of: Sample) -> Sample:
    """The mean over the trainings as if it were one, whose seeds are not asked after."""
    return Sample(
        of.scores.mean(keepdims=True), of.resampled.mean(axis=0, keepdims=True), of.shares
    )


def _outcome(pair: Sequence[Sample], truth: float) -> Outcome:
    gap, one = statistics.difference(*pair), statistics.score(pair[0], pair[1:])
    assert gap is not None
    assert one is not None
    return Outcome(gap.p < ALPHA, one.low <= truth <= one.high)
