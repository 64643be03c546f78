"""Probabilistic ensembling (ProbEn): scores are fused by Bayes' rule.

Source: Chen, Shi, Ye, Mertz, Ramanan, Kong, "Multimodal object detection via probabilistic
ensembling", ECCV 2022 (arXiv 2104.02904). If the images x_1 ... x_n of n sensors are independent
given the class y, then

    p(y | x_1 ... x_n)  is proportional to  p(y | x_1) ... p(y | x_n) / p(y)^(n - 1)

The paper's detectors give one distribution over all classes and the background. Ours give one score
per class, s_m, which is the probability of "this class" against "not this class", the background
included. Per class and box there are two hypotheses, with the prior probability pi of the class:

    q = s_1 ... s_n / pi^(n-1)        r = (1 - s_1) ... (1 - s_n) / (1 - pi)^(n-1)
    score = q / (q + r),              or  logit(score) = sum logit(s_m) - (n - 1) logit(pi)

The paper takes a uniform prior, which is pi = 0.5 here. Then two scores above 0.5 support each
other, and two below 0.5 weaken each other.

Missing detections: the term of a member that has no box there is left out, so that a box of a
single member keeps its score. (A score below the prior is evidence against the object; a missing
box is no evidence.)

Boxes of one object: in falling score, a box takes from each other member the box of its class with
the largest IoU, if IoU > threshold; all other boxes of the class that overlap it so much, also
those of its own member, are dropped, as non-maximum suppression would. Only one box per member is
fused, because two boxes of one member are not independent. The corners are averaged, by default
with the scores as weights (the paper's s-avg).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detection.ensembles._shared import IouThreshold, average_corners, build_boxes, join_boxes
from fusebench.data.boxes import Boxes
from fusebench.evaluation.box_matching import pairwise_iou

VERSION = 1
TITLE = "probabilistic ensembling (ProbEn)"
SCORE_MARGIN = 1e-6  # scores are rounded to 6 decimals; the logit of 0 and 1 is infinite


class Options(BaseModel):
    """Options of probabilistic ensembling; the defaults are the paper's.

    Attributes:
        iou: Boxes of a class with a higher IoU are taken for one object.
        prior: Prior probability of a class, pi above.
        boxes: Corners of the fused box: ``scores``, mean weighted by the scores (s-avg);
            ``mean`` (avg); ``best``, those of the box with the highest score (argmax).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iou: IouThreshold = 0.5
    prior: float = Field(default=0.5, gt=0, lt=1)
    boxes: Literal["scores", "mean", "best"] = "scores"


def combine(predictions: Sequence[Boxes], options: Options) -> Boxes:
    """Return one box per object, in falling score.

    Args:
        predictions: Boxes of one image with scores, per member.
        options: See `Options`.
    """
    boxes, members = join_boxes(predictions)
    iou = pairwise_iou(boxes.corners, boxes.corners)
    iou[boxes.class_ids[:, None] != boxes.class_ids[None, :]] = -1.0
    is_left = np.ones(len(boxes), np.bool_)
    corners, class_ids, scores = [], [], []
    for i in range(len(boxes)):
        if not is_left[i]:
            continue
        overlapping = np.flatnonzero(is_left & (iou[i] > options.iou))
        cluster = [i]
        for member in sorted(set(members[overlapping]) - {members[i]}):
            candidates = overlapping[members[overlapping] == member]
            cluster.append(int(candidates[iou[i, candidates].argmax()]))
        is_left[overlapping] = False
        is_left[i] = False
        corners.append(_fuse_corners(boxes.select(np.array(cluster)), options))
        class_ids.append(int(boxes.class_ids[i]))
        scores.append(fuse_scores(boxes.scores[cluster], options.prior))
    return build_boxes(corners, class_ids, scores)


def fuse_scores(scores: NDArray[np.float64], prior: float) -> float:
    """Fuse the scores of independent members for one class.

    Args:
        scores: float64 (n,), 0 to 1; one score is returned as it is.
        prior: Prior probability of the class, between 0 and 1.

    Returns:
        Score, 0 to 1.
    """
    if len(scores) == 1:
        return float(scores[0])
    logit = _logit(scores).sum() - (len(scores) - 1) * _logit(np.array(prior))
    return float(1 / (1 + np.exp(-logit)))


def _logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = probabilities.clip(SCORE_MARGIN, 1 - SCORE_MARGIN)
    logits: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logits


def _fuse_corners(cluster: Boxes, options: Options) -> NDArray[np.float64]:
    """Return the corners (4,) of a cluster whose first box has the highest score."""
    if options.boxes == "scores":
        return average_corners(cluster)
    is_best = options.boxes == "best"
    corners: NDArray[np.float64] = cluster.corners[0] if is_best else cluster.corners.mean(axis=0)
    return corners


def describe(options: Options) -> str:
    """Describe the options for the protocol."""
    boxes = {"scores": "weighted by scores", "mean": "averaged", "best": "of the highest score"}
    return f"IoU {options.iou:g}, prior {options.prior:g}, boxes {boxes[options.boxes]}"
