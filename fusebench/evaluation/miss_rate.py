"""Weighted log-average miss rate (LAMR, MR^-2) of matched predictions, for many image weightings.

    FPPI(i) = sum of w over false positives among the first i / sum of w over images
    MR(i)   = 1 - sum of w over true positives among the first i / sum of w over true boxes
    LAMR    = exp(mean over f = 10^-2, 10^-1.75, ..., 10^0 of log max(MR at f, 10^-10))

MR at f is that of the last i with FPPI(i) <= f, and 1 if there is none. A curve that ends before f
counts with its last value. With every weight 1 it is the log-average miss rate of Dollar's toolbox.
With integer weights it is that of a data set in which each image is repeated so often, e.g. a
bootstrap resample.

Source: Dollar, Wojek, Schiele, Perona, "Pedestrian detection: an evaluation of the state of the
art", TPAMI 34(4), 2012, and github.com/pdollar/toolbox, from version 3.22 on: `bbGt` (compRoc) and
`acfTest`, which has the lower limit of 10^-10 against the logarithm of 0. The Caltech benchmark's
own `dbEval` has no limit: one miss rate of 0 makes its mean 0.
"""

import numpy as np

from fusebench.evaluation.match_table import (
    IOU_THRESHOLDS,
    MAX_STORED_DETECTIONS,
    ClassMatches,
)
from fusebench.evaluation.weighted_curve import (
    CurveRows,
    FloatArray,
    accumulate_rows,
    build_curve_rows,
    cumulate_weights,
    iterate_blocks,
    select_predictions,
)

# Where the miss rate is read. Computed by Python, because in some versions of NumPy 10 ** -1 is
# below 0.1, so that 1 false positive in 10 images would be too many.
FALSE_POSITIVES_PER_IMAGE = np.array([10 ** (exponent / 4) for exponent in range(-8, 1)])
MIN_MISS_RATE = 1e-10
IOU_THRESHOLD = 0.5


def log_average_miss_rate(matches: ClassMatches, weights: FloatArray) -> FloatArray:
    """Compute the log-average miss rate of one class, for every weighting of the images.

    Args:
        matches: The matches of the class on I images.
        weights: (R, I), how often each image counts, 0 or more.

    Returns:
        (R,), fractions, lower is better; NaN where no true box has weight.

    Raises:
        ValueError: If the weights are not one per image, or negative.
    """
    rates = compute_miss_rates(matches, weights)
    mean: FloatArray = np.exp(np.log(np.maximum(rates, MIN_MISS_RATE)).mean(axis=1))
    return mean


def compute_miss_rates(matches: ClassMatches, weights: FloatArray) -> FloatArray:
    """Compute the miss rate at each of `FALSE_POSITIVES_PER_IMAGE`, (R, 9); see above."""
    column = IOU_THRESHOLDS.index(IOU_THRESHOLD)
    predictions, totals = select_predictions(matches, weights, 0, slice(column, column + 1))
    rows = build_curve_rows(predictions, MAX_STORED_DETECTIONS, weights)
    image_weights = np.asarray(weights, np.float64).sum(axis=1)
    rates = np.full((len(weights), len(FALSE_POSITIVES_PER_IMAGE)), np.nan)
    for block, row_weights in iterate_blocks(rows, weights):
        has_truth = totals[block] > 0
        rates[block][has_truth] = _compute_block(
            rows,
            row_weights[:, has_truth],
            totals[block][has_truth],
            image_weights[block][has_truth],
        )
    return rates


def _compute_block(
    rows: CurveRows, row_weights: FloatArray, totals: FloatArray, image_weights: FloatArray
) -> FloatArray:
    """Compute the miss rates (r, 9) of one block of weightings.

    Args:
        rows: The predictions.
        row_weights: Weights of images and copies, see `iterate_blocks`.
        totals: Weight of the true boxes, (r,), not 0.
        image_weights: Weight of all images, (r,), not 0.
    """
    is_true = rows.true_positives[0]
    positions = np.flatnonzero(is_true)
    # false positives up to each true positive, where alone the miss rate changes
    is_false = np.flatnonzero(rows.counted[0] & ~is_true)
    per_image = cumulate_weights(row_weights, rows.weight_rows, is_false, positions)
    per_image /= image_weights
    true_weight = np.zeros((1 + len(positions), len(totals)))
    true_weight[1:] = row_weights[rows.weight_rows[positions]]
    accumulate_rows(np.add, true_weight)
    columns = np.arange(len(totals))
    rates = np.empty((len(totals), len(FALSE_POSITIVES_PER_IMAGE)))
    for place, limit in enumerate(FALSE_POSITIVES_PER_IMAGE):
        reached = np.count_nonzero(per_image <= limit, axis=0)  # it never falls along the curve
        rates[:, place] = 1 - true_weight[reached, columns] / totals
    return rates
