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

from fusebench.evaluation import average_precision
from fusebench.evaluation.match_table import AREA_RANGES, IOU_THRESHOLDS, ClassMatches

TRUE_VALUE_IMAGES = 20_000  # images, for the true value
QUADRATURE_NODES = 7  # of the quadrature over trainings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class DetectorModel:
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

    mean_skill: float = 1.0
    seed_std: float = 0.1
    group_std: float = 0.6
    object_std: float = 0.6
    seed_group_std: float = 0.1
    seed_object_std: float = 0.4
    boxes_per_image: float = 3.0
    false_positives_per_image: float = 3.0


@dataclass(frozen=True, eq=False)
class SyntheticGroundTruth:
    """True boxes on I images: what every training meets.

    Attributes:
        groups: int64 (I,), the group of each image.
        images: int64 (B,), the image of each box.
        ease: float64 (B,), the part of z that all trainings share.
    """

    group_of_image: IntArray
    image_of_box: IntArray
    ease_of_box: FloatArray


def generate_ground_truth(
    world: DetectorModel, sizes: IntArray, rng: np.random.Generator
) -> SyntheticGroundTruth:
    """Draw images in groups of the given sizes."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    images = np.repeat(np.arange(len(groups)), rng.poisson(world.boxes_per_image, len(groups)))
    ease = world.group_std * rng.standard_normal(len(sizes))[groups[images]]
    return SyntheticGroundTruth(
        groups, images, ease + world.object_std * rng.standard_normal(len(images))
    )


def simulate_detections(
    world: DetectorModel,
    on: SyntheticGroundTruth,
    rng: np.random.Generator,
    skill: float | None = None,
) -> ClassMatches:
    """What one training finds; its skill is drawn unless it is given."""
    if skill is None:
        skill = world.mean_skill + world.seed_std * float(rng.standard_normal())
    luck = world.seed_group_std * rng.standard_normal(int(on.group_of_image.max(initial=0)) + 1)
    z = skill + on.ease_of_box + luck[on.group_of_image[on.image_of_box]]
    z += world.seed_object_std * rng.standard_normal(len(z))
    found = z > 0
    number = len(on.group_of_image)
    alarms = np.repeat(np.arange(number), rng.poisson(world.false_positives_per_image, number))
    images = np.concatenate([on.image_of_box[found], alarms])
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
    hits = overlap[order] >= np.array(IOU_THRESHOLDS)[:, None]
    wide = (len(AREA_RANGES), *hits.shape)
    truths = np.bincount(on.image_of_box, minlength=number)
    return ClassMatches(
        scores[order],
        images[order],
        ranks[order],
        np.broadcast_to(hits, wide),
        np.broadcast_to(np.False_, wide),
        np.broadcast_to(truths, (len(AREA_RANGES), number)),
    )


def compute_true_average_precision(world: DetectorModel, seed: int = 0) -> FloatArray:
    """AP at every overlap over endless images, mean over endless trainings, (thresholds,)."""
    rng = np.random.default_rng(seed)
    places, shares = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    alone = np.ones(
        TRUE_VALUE_IMAGES, np.int64
    )  # groups do not change what is expected of an image
    found = np.zeros(len(IOU_THRESHOLDS))
    for place, share in zip(places, shares / shares.sum(), strict=True):
        on = generate_ground_truth(world, alone, rng)
        skill = world.mean_skill + world.seed_std * float(place)
        found += share * average_precision.unweighted_average_precision(
            simulate_detections(world, on, rng, skill)
        )
    return found
