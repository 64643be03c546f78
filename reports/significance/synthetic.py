"""Detections drawn from a model whose average precision is known, to check statistics with.

A true box is found with an ease z that is the sum of normal parts

    z = skill of the training + difficulty of the group + of the object + luck of the training

A training is one draw of its skill (a seed); several trainings meet the same images, groups and
objects and have luck of their own, per group and per object. A box with z > 0 is found, with an
overlap and a score that rise with z; false alarms have lower scores on the whole. Average
precision over endless images depends on the skill alone, so that the true value, its mean over
endless trainings, is computed by quadrature from large samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import average_precision
from bench.matches import AREAS, THRESHOLDS, ClassMatches

LARGE = 20_000  # images, for the true value
NODES = 7  # of the quadrature over trainings

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """The sizes of the parts of z (standard deviations), and how many boxes there are.

    Attributes:
        skill: Mean over trainings.
        seed: Between trainings.
        group: Between groups, the same for all trainings.
        item: Between objects, the same for all trainings.
        group_luck: Between groups, another for every training.
        item_luck: Between objects, another for every training.
        boxes: True boxes per image, on average.
        alarms: False alarms per image, on average.
    """

    skill: float = 1.0
    seed: float = 0.1
    group: float = 0.6
    item: float = 0.6
    group_luck: float = 0.1
    item_luck: float = 0.4
    boxes: float = 3.0
    alarms: float = 3.0


@dataclass(frozen=True, eq=False)
class Scenes:
    """True boxes on I images: what every training meets.

    Attributes:
        groups: int64 (I,), the group of each image.
        images: int64 (B,), the image of each box.
        ease: float64 (B,), the part of z that all trainings share.
    """

    groups: Whole
    images: Whole
    ease: Floats


def scenes(world: World, sizes: Whole, rng: np.random.Generator) -> Scenes:
    """Draw images in groups of the given sizes."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    images = np.repeat(np.arange(len(groups)), rng.poisson(world.boxes, len(groups)))
    ease = world.group * rng.standard_normal(len(sizes))[groups[images]]
    return Scenes(groups, images, ease + world.item * rng.standard_normal(len(images)))


def detect(
    world: World, on: Scenes, rng: np.random.Generator, skill: float | None = None
) -> ClassMatches:
    """What one training finds; its skill is drawn unless it is given."""
    if skill is None:
        skill = world.skill + world.seed * float(rng.standard_normal())
    luck = world.group_luck * rng.standard_normal(int(on.groups.max(initial=0)) + 1)
    z = skill + on.ease + luck[on.groups[on.images]]
    z += world.item_luck * rng.standard_normal(len(z))
    found = z > 0
    number = len(on.groups)
    alarms = np.repeat(np.arange(number), rng.poisson(world.alarms, number))
    images = np.concatenate([on.images[found], alarms])
    logits = np.concatenate(
        [1.5 * z[found] - 1 + 0.7 * rng.standard_normal(int(found.sum())),
         rng.normal(-1, 1, len(alarms))]
    )  # fmt: skip
    scores = 1 / (1 + np.exp(-logits))
    overlap = np.concatenate([1 - 0.5 * np.exp(-0.9 * z[found]), np.zeros(len(alarms))])
    by_image = np.lexsort((-scores, images))
    counts = np.bincount(images, minlength=number)
    ranks = np.empty(len(images), np.int64)
    ranks[by_image] = np.arange(len(images)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = by_image[np.argsort(-scores[by_image], kind="stable")]
    hits = overlap[order] >= np.array(THRESHOLDS)[:, None]
    wide = (len(AREAS), *hits.shape)
    truths = np.bincount(on.images, minlength=number)
    return ClassMatches(
        scores[order],
        images[order],
        ranks[order],
        np.broadcast_to(hits, wide),
        np.broadcast_to(np.False_, wide),
        np.broadcast_to(truths, (len(AREAS), number)),
    )


def true_value(world: World, seed: int = 0) -> Floats:
    """AP at every overlap over endless images, mean over endless trainings, (thresholds,)."""
    rng = np.random.default_rng(seed)
    places, shares = np.polynomial.hermite_e.hermegauss(NODES)
    alone = np.ones(LARGE, np.int64)  # groups do not change what is expected of an image
    found = np.zeros(len(THRESHOLDS))
    for place, share in zip(places, shares / shares.sum(), strict=True):
        on = scenes(world, alone, rng)
        skill = world.skill + world.seed * float(place)
        found += share * average_precision.plain(detect(world, on, rng, skill))
    return found
