"""Expected values of every fusion metric variant, derived by hand for simple images.

There are three patterns of 176 x 192 pixels, in which all rows are equal:

bars   8 pixels black, 8 pixels white, and so on: 23 steps of 255
fine   1 pixel black, 1 pixel white, and so on
ramp   gray level = column, 0 to 191

A `ValueRange` is expected where only bounds can be derived; a number has a relative tolerance of
1e-6.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

HEIGHT, WIDTH = 176, 192
STEP_COUNT = 23  # of bars
PIXEL_COUNT = HEIGHT * WIDTH


@dataclass(frozen=True)
class ValueRange:
    low: float
    high: float

    def __eq__(self, value):
        return value is not None and self.low <= value <= self.high

    __hash__ = None


def build_range(value, tolerance):
    return ValueRange(value - tolerance, value + tolerance)


def repeat_row(levels):
    return np.tile(np.asarray(levels, np.uint8), (HEIGHT, 1))


COLUMN_INDEX = np.arange(WIDTH)
BARS, BARS_SHIFTED_IMAGE = (
    repeat_row(COLUMN_INDEX // 8 % 2 * 255),
    repeat_row((COLUMN_INDEX + 1) // 8 % 2 * 255),
)
FINE = repeat_row(COLUMN_INDEX % 2 * 255)
RAMP = repeat_row(COLUMN_INDEX)
FLAT = np.full((HEIGHT, WIDTH), 128, np.uint8)


def expect_variants(metric, **values):
    """Expect a value per variant; dots in a variant's name are written ``__``."""
    return {f"{metric}.{key.replace('__', '.')}": value for key, value in values.items()}


def expect_metric(metric, value):
    return {metric: value}


def expect_same_value(metric, variants, value):
    return {f"{metric}.{variant}": value for variant in variants.split()}


QE_VARIANTS = "uiqi8 ssim11 edges.uiqi8 edges.ssim11 weighted.uiqi8 weighted.ssim11 plain.uiqi8"
QE_VARIANTS += " plain.ssim11 plain.edges.uiqi8"

# --- metrics of the fused image only: bars ---
# two levels, half of the pixels each; 23 of 191 horizontal differences are 255, no vertical one is
SAMPLE_DEVIATION_FACTOR = sqrt(PIXEL_COUNT / (PIXEL_COUNT - 1))
BARS_STATISTICS = {
    **expect_same_value("entropy", "levels sat254", 1),
    # mean of the columns' deviations: a column is constant
    **expect_variants(
        "standard_deviation", population=127.5, sample=127.5 * SAMPLE_DEVIATION_FACTOR, columns=0
    ),
    **expect_variants(
        "spatial_frequency",
        differences=255 * sqrt(STEP_COUNT / (WIDTH - 1)),
        mn=255 * sqrt(STEP_COUNT / WIDTH),
    ),
    # central: 127.5 / sqrt 2 at both pixels of a step; forward: 255 / sqrt 2 at one
    **expect_variants(
        "average_gradient",
        central=255 / sqrt(2) * STEP_COUNT / WIDTH,
        m1n1=255 / sqrt(2) * STEP_COUNT * HEIGHT / ((HEIGHT - 1) * (WIDTH - 1)),
        forward=255 / sqrt(2) * STEP_COUNT / WIDTH,
    ),
}
# --- values that several cases share ---
# one level determines the other: I = H = 1 bit, I / H = 1, (H + H) / H = 2, per source
FULL_INFORMATION = {
    **expect_same_value("mutual_information", "bits bits.sat254 normalized", 2),
    **expect_same_value("mutual_information", "nats nats.norm", 2 * log(2)),
    **expect_variants("mutual_information", mean__entropies=4),
}
# all edges preserved: A = 1, G = 1 or the strength itself, which is large
MAX_QABF = 0.9994 * 0.9879 / (1 + exp(-22 * 0.2))
MAX_QABF_EQ1 = MAX_QABF / (1 + exp(-15 * 0.5))
MAX_QABF_LIU = 1 / (1 + exp(-10 * 0.5)) / (1 + exp(-20 * 0.25))
ALL_EDGES_PRESERVED = expect_variants(
    "edge_preservation", standard=MAX_QABF, eq1=MAX_QABF_EQ1, liu=MAX_QABF_LIU
)


def compute_petrovic_quality(ratio, alignment):
    """Compute Q of Nabf: G = ratio of the strengths, D = 1 - angle over pi / 2."""
    strength = 0.9999 / (1 + exp(-19 * (ratio - 0.5)))
    return sqrt(strength * 0.9995 / (1 + exp(-22 * (alignment - 0.5))))


def expect_no_artifacts(edge_quality, non_edge_quality):
    """Expect no new edge.

    A step has strength 255 4 / 8 and a weight of its power of 1.5; other pixels have weight 0.001.
    """
    edges, rest = 2 * STEP_COUNT * 127.5**1.5, (WIDTH - 2 * STEP_COUNT) * 0.001
    preserved = (edges * edge_quality + rest * non_edge_quality) / (edges + rest)
    return {
        **expect_same_value("fusion_artifacts", "kumar petrovic port", 0),
        **expect_variants("fusion_artifacts", kept=preserved, loss=1 - preserved),
    }


NO_NEW_EDGES = expect_no_artifacts(compute_petrovic_quality(1, 1), compute_petrovic_quality(0, 1))
# a window of 8 with j black pixels: UIQI of a bar with its inverse is -(2 x y / (x^2 + y^2)),
# x = j, y = 8 - j, and its variance is 255^2 x y / 64; j = 1 to 7 once for every step
NEGATED_UIQI = [2 * j * (8 - j) / (j * j + (8 - j) ** 2) for j in range(1, 8)]
WINDOW_VARIANCES = [255**2 * j * (8 - j) / 64 for j in range(1, 8)]
WINDOW_COUNT = WIDTH - 7  # of windows of 8; the 24 that start with a bar have one level


def compute_weighted_quality(quality, flat):
    """Compute Qw; windows with one level have weight 0.5, because no source has variance there."""
    total = (
        STEP_COUNT * sum(p * q for p, q in zip(WINDOW_VARIANCES, quality, strict=True))
        + 24 * 0.5 * flat
    )
    return total / (STEP_COUNT * sum(WINDOW_VARIANCES) + 24 * 0.5)


def compute_mean_quality(quality, flat):
    return (STEP_COUNT * sum(quality) + 24 * flat) / WINDOW_COUNT


def compute_ssim_uniform7(fused, scale):
    """Compute SSIM of the bars in 7 x 7 windows; ``fused`` maps source to fused levels."""
    c1, c2 = (2.55 * scale) ** 2, (7.65 * scale) ** 2
    total = 0.0
    for start in range(WIDTH - 6):
        x = BARS[0, start : start + 7].astype(float)
        y = fused(x)
        (vx, covariance), (_, vy) = np.cov(x, y, ddof=0) * 49 / 48  # sample covariances
        numerator = (2 * x.mean() * y.mean() + c1) * (2 * covariance + c2)
        total += numerator / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (vx + vy + c2))
    return total / (WIDTH - 6)


# --- three identical images: bars ---
IDENTICAL = BARS_STATISTICS | FULL_INFORMATION | ALL_EDGES_PRESERVED | NO_NEW_EDGES
IDENTICAL |= {
    **expect_metric("correlation_coefficient", 1),
    **expect_metric(
        "sum_of_correlations_of_differences", 0
    ),  # F - A is constant: undefined, counts as 0
    **expect_metric("cross_entropy", 0),
    **expect_same_value("edge_dependent_quality", QE_VARIANTS, 1),
    **expect_same_value("feature_mutual_information", "edge pixel gradient", 1),
    **expect_metric("multi_exposure_similarity", 1),
    **expect_same_value("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", 1),
    **expect_same_value("multi_scale_structural_similarity", "sum zeros truncate x255", 2),
    **expect_same_value(
        "structural_similarity", "sum uniform7.sum uniform7.range2.sum x255.sum", 2
    ),
    **expect_variants("structural_similarity", mean=1),
    **expect_same_value("peak_signal_to_noise", "mean_error mean scaled", None),  # infinite
    **expect_variants("visual_information_fidelity", sum=2, mean=1, ir=1, vi=1),
    **expect_metric("visual_information_fusion", 1),
    # below 1, because the sources' maps are masked and the fused image's map is not
    **expect_same_value("phase_congruency", "liu kovesi", ValueRange(0.5, 0.99)),
}

# --- three constant images of one level ---
FLAT_STATISTICS = {
    **expect_same_value("entropy", "levels sat254", 0),
    **expect_same_value("standard_deviation", "population sample columns", 0),
    **expect_same_value("spatial_frequency", "differences mn", 0),
    **expect_same_value("average_gradient", "central m1n1 forward", 0),
}
CONSTANT = FLAT_STATISTICS | {
    name: value
    for name, value in IDENTICAL.items()
    if name.startswith(("edge_", "feature_", "multi_", "structural", "peak", "cross"))
    or name in ("visual_information_fusion", "sum_of_correlations_of_differences")
}
CONSTANT |= {
    **expect_metric("correlation_coefficient", 0),  # undefined, counts as 0
    **expect_same_value("mutual_information", "bits nats nats.norm bits.sat254 normalized", 0),
    **expect_variants("mutual_information", mean__entropies=2),  # 0 / 0 counts as 1 per source
    **expect_same_value(
        "visual_information_fidelity", "sum mean ir vi", None
    ),  # no information in the sources
    **expect_same_value("phase_congruency", "liu kovesi", None),  # no feature
    # without an edge all pixels have the same weight, and G = 0 / 0 counts as 0
    **expect_same_value("fusion_artifacts", "kumar petrovic", 0),
    **expect_variants(
        "fusion_artifacts",
        port=None,
        kept=compute_petrovic_quality(0, 1),
        loss=1 - compute_petrovic_quality(0, 1),
    ),
}
