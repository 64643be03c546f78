"""Synthetic detections with a known average precision, to check the statistics.

Every true box has an ease of detection z, the sum of normally distributed effects

    z = skill of the training + effect of the group + effect of the object
        + interaction of training and group + interaction of training and object

A training (a seed) is one sample of the skill. All trainings share the images, groups and objects,
and each has its own interactions with every group and object. A box with z > 0 is
detected, with an IoU and a score that rise with z; false positives have lower scores on average.
Average precision over infinitely many images depends on the skill alone. The true value, the mean
over infinitely many trainings, is therefore computed by quadrature over skills from large samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation import average_precision
from fusebench.evaluation.match_table import AREA_RANGES, IOU_THRESHOLDS, ClassMatches

TRUE_VALUE_IMAGES = 20_000  # images per quadrature node
QUADRATURE_NODES = 7  # of the Gauss-Hermite quadrature over trainings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class DetectorModel:
    """Standard deviations of the effects in z, and numbers of boxes.

    Attributes:
        mean_skill: Mean over trainings.
        seed_std: Between trainings.
        group_std: Between groups, shared by all trainings.
        object_std: Between objects, shared by all trainings.
        seed_group_std: Interaction of training and group.
        seed_object_std: Interaction of training and object.
        boxes_per_image: Mean number of true boxes.
        false_positives_per_image: Mean number of false positives.
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
    """True boxes on I images, shared by all trainings.

    Attributes:
        group_of_image: int64 (I,).
        image_of_box: int64 (B,).
        ease_of_box: float64 (B,), the part of z that all trainings share.
    """

    group_of_image: IntArray
    image_of_box: IntArray
    ease_of_box: FloatArray


def generate_ground_truth(
    model: DetectorModel, sizes: IntArray, rng: np.random.Generator
) -> SyntheticGroundTruth:
    """Generate true boxes on images in groups of the given sizes."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    images = np.repeat(np.arange(len(groups)), rng.poisson(model.boxes_per_image, len(groups)))
    ease = model.group_std * rng.standard_normal(len(sizes))[groups[images]]
    return SyntheticGroundTruth(
        groups, images, ease + model.object_std * rng.standard_normal(len(images))
    )


def simulate_detections(
    model: DetectorModel,
    truth: SyntheticGroundTruth,
    rng: np.random.Generator,
    skill: float | None = None,
) -> ClassMatches:
    """Simulate the detections of one training.

    Args:
        model: Sizes of the effects.
        truth: True boxes.
        rng: Random generator; the result depends on the order of its calls.
        skill: Skill of the training; drawn if None.
    """
    # z of every true box
    if skill is None:
        skill = model.mean_skill + model.seed_std * float(rng.standard_normal())
    group_count = int(truth.group_of_image.max(initial=0)) + 1
    group_interaction = model.seed_group_std * rng.standard_normal(group_count)
    z = skill + truth.ease_of_box + group_interaction[truth.group_of_image[truth.image_of_box]]
    z += model.seed_object_std * rng.standard_normal(len(z))

    # Detected boxes, then false positives: image, score and IoU of each
    is_detected = z > 0
    image_count = len(truth.group_of_image)
    false_positives = np.repeat(
        np.arange(image_count), rng.poisson(model.false_positives_per_image, image_count)
    )
    images = np.concatenate([truth.image_of_box[is_detected], false_positives])
    logits = np.concatenate(
        [1.5 * z[is_detected] - 1 + 0.7 * rng.standard_normal(int(is_detected.sum())),
         rng.normal(-1, 1, len(false_positives))]
    )  # fmt: skip
    scores = 1 / (1 + np.exp(-logits))
    iou = np.concatenate([1 - 0.5 * np.exp(-0.9 * z[is_detected]), np.zeros(len(false_positives))])

    # Rank of each prediction in its image, then all predictions by falling score
    by_image = np.lexsort((-scores, images))
    counts = np.bincount(images, minlength=image_count)
    ranks = np.empty(len(images), np.int64)
    ranks[by_image] = np.arange(len(images)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = by_image[np.argsort(-scores[by_image], kind="stable")]

    true_positives = iou[order] >= np.array(IOU_THRESHOLDS)[:, None]
    shape = (len(AREA_RANGES), *true_positives.shape)  # the same for every range of areas
    truth_counts = np.bincount(truth.image_of_box, minlength=image_count)
    return ClassMatches(
        scores[order],
        images[order],
        ranks[order],
        np.broadcast_to(true_positives, shape),
        np.broadcast_to(np.False_, shape),
        np.broadcast_to(truth_counts, (len(AREA_RANGES), image_count)),
    )


def compute_true_average_precision(model: DetectorModel, seed: int = 0) -> FloatArray:
    """Compute AP over infinitely many images and trainings.

    Returns:
        float64 (T,), one per IoU threshold.
    """
    rng = np.random.default_rng(seed)
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    # Groups do not change the expected value of an image: one image per group
    sizes = np.ones(TRUE_VALUE_IMAGES, np.int64)
    mean = np.zeros(len(IOU_THRESHOLDS))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        truth = generate_ground_truth(model, sizes, rng)
        skill = model.mean_skill + model.seed_std * float(node)
        mean += weight * average_precision.unweighted_average_precision(
            simulate_detections(model, truth, rng, skill)
        )
    return mean
