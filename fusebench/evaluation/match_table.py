"""Matches of predicted and true boxes by COCO's rule, from which average precision is computed.

The table has one row per prediction: whether it is a true positive at each IoU threshold
(`IOU_THRESHOLDS`) and size of true box (`AREA_RANGES`), and its rank among the predictions of its
image and class. From it, average precision is computed with any limit of boxes per image, by size,
on a subset of the images, or on bootstrap resamples, without matching again. It is saved as
``matches.npz`` in the folder of a record.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation.counts import DetectionCounts

COUNTS_FILE = "matches.npz"
AREA_RANGES = ("all", "small", "medium", "large")  # true boxes up to 32^2, 96^2, above; pixels
IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
MAX_STORED_DETECTIONS = 300  # predictions per image and class, highest scores first

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """Matches of the N predictions of one class on I images.

    Attributes:
        scores: float64 (N,), falling; on ties, the earlier image first, as COCO sorts.
        image_indices: int64 (N,), the image of each prediction: an index into the sorted keys.
        ranks: int64 (N,), how many predictions of its image and class come before it: at most
            ``n`` predictions per image are those with a rank below ``n``.
        true_positives: bool (areas, thresholds, N), whether it is matched to a true box of that
            size.
        ignored: bool, same shape: neither true nor false positive, because its matched true box,
            or the prediction itself if unmatched, is not of that size, or because it lies on an
            ignored true box.
        truth_counts: int64 (areas, I), true boxes per image, without ignored ones.
    """

    scores: NDArray[np.float64]
    image_indices: IntArray
    ranks: IntArray
    true_positives: BoolArray
    ignored: BoolArray
    truth_counts: IntArray

    def __post_init__(self) -> None:
        number = len(self.scores)
        shape = (len(AREA_RANGES), len(IOU_THRESHOLDS), number)
        if not (len(self.image_indices) == len(self.ranks) == number):
            raise ValueError(
                f"{number} scores, {len(self.image_indices)} images, {len(self.ranks)} ranks"
            )
        if self.true_positives.shape != shape or self.ignored.shape != shape:
            raise ValueError(
                f"true positives {self.true_positives.shape} and ignored {self.ignored.shape}, "
                f"not {shape}"
            )
        if self.truth_counts.ndim != 2 or len(self.truth_counts) != len(AREA_RANGES):
            raise ValueError(f"true boxes {self.truth_counts.shape}, not ({len(AREA_RANGES)}, I)")


def select_class(counts: DetectionCounts, class_id: int) -> ClassMatches:
    """Select the matches of one class from the counts of `detection.coco_matching`."""
    order = counts.sort_class(class_id)
    true_positives, ignored = (
        np.ascontiguousarray(counts.rows[name][order].transpose(1, 2, 0))
        for name in ("true_positives", "ignored")
    )
    return ClassMatches(
        counts.rows["scores"][order],
        counts.image_indices[order],
        counts.rows["ranks"][order],
        true_positives,
        ignored,
        np.ascontiguousarray(counts.totals["truth_counts"][:, :, class_id].T),
    )
