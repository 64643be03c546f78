"""Weighted boxes fusion: boxes of an object are averaged, weighted by their scores.

Source: Solovyev, Wang, Gabruseva, "Weighted boxes fusion: ensembling boxes from different object
detection models", Image and Vision Computing 107, 2021. In falling score, every box joins the
cluster of its class whose fused box overlaps it most, if IoU > threshold; otherwise it starts one.
The fused box of a cluster of T boxes of N members, computed anew whenever a box joins:

    corners = sum s_i corners_i / sum s_i          score = (sum s_i / T) min(T, N) / N

so a box that one of two members alone predicts has half of its score. With weights w_m of the
members, s_i is the score times w_m, and N in the denominator is sum w_m. Equal to
``weighted_boxes_fusion`` of the authors' library ensemble-boxes with its default options; the
library is no dependency, because it needs numba and pandas.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detection.ensembles._shared import IouThreshold, average_corners, build_boxes, join_boxes
from fusebench.data.boxes import Boxes, make_boxes
from fusebench.evaluation.box_matching import pairwise_iou

VERSION = 1
TITLE = "weighted boxes fusion"

Weight = Annotated[float, Field(gt=0, le=1000)]


class Options(BaseModel):
    """Options of weighted boxes fusion; the defaults are the authors'.

    Attributes:
        iou: A box joins the cluster whose fused box has a higher IoU with it.
        min_score: Boxes with a lower score are left out.
        weights: Weight of each member, in the order of ``of``. None: equal weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iou: IouThreshold = 0.55
    min_score: float = Field(default=0.0, ge=0, lt=1)
    weights: tuple[Weight, ...] | None = None


def combine(predictions: Sequence[Boxes], options: Options) -> Boxes:
    """Return the fused box of every cluster, in falling score.

    Args:
        predictions: Boxes of one image with scores, per member.
        options: See `Options`.
    """
    weights = np.array(options.weights or (1.0,) * len(predictions))
    weighted = [
        make_boxes(boxes.corners, boxes.class_ids, boxes.scores * weight).select(
            boxes.scores >= options.min_score
        )
        for boxes, weight in zip(predictions, weights, strict=True)
    ]
    boxes, _ = join_boxes(weighted)
    fused = np.zeros((len(boxes), 4))  # the fused box of each cluster; the first `count` are used
    class_ids = np.zeros(len(boxes), np.int64)
    clusters: list[list[int]] = []  # indices of boxes
    for i in range(len(boxes)):
        count, class_id = len(clusters), boxes.class_ids[i]
        iou = pairwise_iou(boxes.corners[i : i + 1], fused[:count])[0]
        iou[class_ids[:count] != class_id] = -1.0
        best = int(iou.argmax()) if count else -1
        if count and iou[best] > options.iou:
            clusters[best].append(i)
            fused[best] = average_corners(boxes.select(np.array(clusters[best])))
        else:
            clusters.append([i])
            fused[count], class_ids[count] = boxes.corners[i], class_id
    scores = [
        boxes.scores[members].mean() * min(len(members), len(predictions)) / weights.sum()
        for members in clusters
    ]
    return build_boxes(list(fused[: len(clusters)]), list(class_ids[: len(clusters)]), scores)


def describe(options: Options) -> str:
    """Describe the options for the protocol."""
    text = f"IoU {options.iou:g}"
    if options.min_score:
        text += f", scores from {options.min_score:g}"
    if options.weights is not None:
        text += f", weights {', '.join(f'{weight:g}' for weight in options.weights)}"
    return text


def config_errors(options: Options, members: int, where: str) -> list[str]:
    """List the errors in the number of weights."""
    if options.weights is None or len(options.weights) == members:
        return []
    return [f"{where}.weights: {len(options.weights)} weights for {members} members"]
