"""Expected values for images shifted by one pixel and for independent noise.

See `expected_metrics` for the images.
"""

from math import exp, factorial, log, log2, log10, pi, sqrt

import numpy as np

from tests.helpers.fusion.expected_metrics import (
    HEIGHT,
    MAX_QABF,
    MAX_QABF_LIU,
    PIXEL_COUNT,
    QE_VARIANTS,
    SAMPLE_DEVIATION_FACTOR,
    WIDTH,
    ValueRange,
    build_range,
    compute_petrovic_quality,
    expect_metric,
    expect_same_value,
    expect_variants,
)

# --- a ramp shifted by one pixel: one gray level brighter, the same structure everywhere ---
C1, C2 = 2.55**2, 7.65**2


def mean_luminance_term(first, step, count, c1):
    """Average l = (2 m n + C) / (m^2 + n^2 + C), n = m + 1, over m = first, first + step, ..."""
    m = first + step * np.arange(count)
    return float((1 - 1 / (m**2 + (m + 1) ** 2 + c1)).mean())


# the center pixels of windows of 11 in the ramp, and after four halvings: means of 16 levels
SSIM = mean_luminance_term(5, 1, WIDTH - 10, C1)
LAST_SCALE = mean_luminance_term(7.5 + 5 * 16, 16, 2, C1) ** 0.1333
LAST_SCALE_X255 = mean_luminance_term(7.5 + 5 * 16, 16, 2, C1 / 255**2) ** 0.1333
UIQI = mean_luminance_term(3.5, 1, WIDTH - 7, (1e-6 * 255) ** 2)
PIELLA = mean_luminance_term(5, 1, WIDTH - 10, C1)
# Sobel over 8 is 1, but 0 in the first and last column, where the mirrored border has no gradient;
# no strength reaches 2, so all pixels have the same weight
PRESERVED_SHARE = (
    190 * compute_petrovic_quality(1, 1) + 2 * compute_petrovic_quality(0, 1)
) / WIDTH
SSIM_EXPECTED = expect_variants("structural_similarity", mean=SSIM, sum=2 * SSIM)
SHIFTED = {
    **expect_same_value("entropy", "levels sat254", log2(WIDTH)),
    **expect_variants("standard_deviation", population=sqrt((WIDTH**2 - 1) / 12), columns=0),
    **expect_variants(
        "standard_deviation", sample=sqrt((WIDTH**2 - 1) / 12) * SAMPLE_DEVIATION_FACTOR
    ),
    **expect_variants("spatial_frequency", differences=1, mn=sqrt(191 / WIDTH)),
    **expect_variants("average_gradient", central=sqrt(0.5), forward=sqrt(0.5) * 191 / WIDTH),
    **expect_variants(
        "average_gradient", m1n1=sqrt(0.5) * PIXEL_COUNT / ((HEIGHT - 1) * (WIDTH - 1))
    ),
    **expect_metric("correlation_coefficient", 1),
    **expect_metric("sum_of_correlations_of_differences", 0),  # F - A is 1: undefined, counts as 0
    **expect_metric("cross_entropy", 0),  # the 191 levels in common are equally often
    **expect_same_value("mutual_information", "bits bits.sat254", 2 * log2(WIDTH)),
    **expect_same_value("mutual_information", "nats nats.norm", 2 * log(WIDTH)),
    **expect_variants("mutual_information", normalized=2, mean__entropies=4),
    **expect_same_value("peak_signal_to_noise", "mean_error mean", 20 * log10(255)),
    **expect_variants("peak_signal_to_noise", scaled=40 * log10(255)),
    **expect_variants("visual_information_fidelity", sum=2, mean=1, ir=1, vi=1),
    **expect_metric("visual_information_fusion", 1),
    **SSIM_EXPECTED,
    **expect_variants(
        "structural_similarity", uniform7__sum=2 * mean_luminance_term(3, 1, WIDTH - 6, C1)
    ),
    **expect_variants(
        "structural_similarity",
        uniform7__range2__sum=2 * mean_luminance_term(3, 1, WIDTH - 6, (2.55 * 2 / 255) ** 2),
        x255__sum=2 * mean_luminance_term(5, 1, WIDTH - 10, C1 / 255**2),
    ),
    **expect_same_value(
        "multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", LAST_SCALE
    ),
    **expect_same_value("multi_scale_structural_similarity", "sum zeros truncate", 2 * LAST_SCALE),
    **expect_variants("multi_scale_structural_similarity", x255=2 * LAST_SCALE_X255),
    **expect_metric("multi_exposure_similarity", 1),
    **expect_same_value("edge_dependent_quality", "weighted.uiqi8 plain.uiqi8", UIQI),
    **expect_same_value("edge_dependent_quality", "weighted.ssim11 plain.ssim11", PIELLA),
    # inside, every gradient is 6; along the border it depends on the gray levels
    **expect_same_value(
        "edge_dependent_quality", "edges.uiqi8 edges.ssim11 ssim11", ValueRange(0.98, 1)
    ),
    **expect_same_value("edge_dependent_quality", "uiqi8 plain.edges.uiqi8", ValueRange(0.98, 1)),
    # no pixel is a gradient maximum; normalized windows are equal, gradient windows are flat
    **expect_same_value("feature_mutual_information", "edge pixel gradient", 1),
    **expect_same_value("fusion_artifacts", "kumar petrovic", 0),
    **expect_variants(
        "fusion_artifacts", port=None, kept=PRESERVED_SHARE, loss=1 - PRESERVED_SHARE
    ),
    # strengths are equal inside; along the border their ratio is x / (x + 1), which cannot raise Q
    **expect_variants("edge_preservation", standard=ValueRange(0.9 * MAX_QABF, MAX_QABF)),
    **expect_variants(
        "edge_preservation",
        eq1=ValueRange(0.9 * MAX_QABF, MAX_QABF),
        liu=build_range(MAX_QABF_LIU, 0.022),
    ),
}
# bars shifted by one pixel: 1/8 of the pixels change their level
CONDITIONAL_ENTROPY = -(log2(1 / 8) / 8 + log2(7 / 8) * 7 / 8)  # bits, of which pixels change
BARS_SHIFTED = {
    **expect_metric("correlation_coefficient", 1 - 2 / 8),
    **expect_same_value("mutual_information", "bits bits.sat254", 2 * (1 - CONDITIONAL_ENTROPY)),
    **expect_variants(
        "mutual_information",
        nats=2 * (1 - CONDITIONAL_ENTROPY) * log(2),
        normalized=2 * (1 - CONDITIONAL_ENTROPY),
    ),
    **expect_variants("mutual_information", mean__entropies=2 * 2 / (1 + CONDITIONAL_ENTROPY)),
    **expect_variants("peak_signal_to_noise", mean_error=10 * log10(8), mean=10 * log10(8)),
    # features are shifted: the maps are uncorrelated or negatively correlated
    **expect_same_value("phase_congruency", "liu kovesi", ValueRange(-0.5, 0.25)),
}

# --- independent noise, 256 x 256, all levels equally often ---
NOISE_SIDE = 256
NOISE_PIXEL_COUNT = NOISE_SIDE * NOISE_SIDE
SIGMA = sqrt((256**2 - 1) / 12)
CORRELATION_TOLERANCE = 5 / NOISE_SIDE  # five standard errors of a correlation
ENTROPY_BIAS = 255 / (2 * NOISE_PIXEL_COUNT * log(2))  # bits, of the entropy of 256 bins (Miller)
# The joint histogram has as many bins as there are pixels: a bin's count k is Poisson with mean 1,
# so H = log2 M - E(k log2 k), and the difference to 8 + 8 bits appears as information
JOINT_ENTROPY = 16 - sum(exp(-1) / factorial(k) * k * log2(k) for k in range(2, 30))
MI = 2 * (16 - JOINT_ENTROPY)
STRONGEST_EDGE_SHARE = 1 / 3  # share of pixels where the fused image has the strongest edge
# mean of cs, C2 / (2 v + C2), for a constant v; halving divides v by 4
CONTRAST_STRUCTURE = [C2 / (2 * SIGMA**2 / 4**scale + C2) for scale in range(5)]
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_PRODUCT = float(
    np.prod([c**w for c, w in zip(CONTRAST_STRUCTURE, SCALE_WEIGHTS, strict=True)])
)
NOISE = {
    **expect_variants("entropy", levels=build_range(8 - ENTROPY_BIAS, 5e-4)),
    **expect_variants(
        "entropy", sat254=build_range(8 - 2 / 256 - ENTROPY_BIAS, 1e-3)
    ),  # one bin of two levels
    **expect_same_value("standard_deviation", "population sample", build_range(SIGMA, 0.5)),
    **expect_variants("standard_deviation", columns=build_range(SIGMA, 0.7)),
    **expect_same_value("spatial_frequency", "differences mn", build_range(2 * SIGMA, 1.5)),
    # at most the root mean square (Jensen); averaging over directions gives at least pi / 4 of it
    **expect_same_value(
        "average_gradient", "central m1n1", ValueRange(pi / 4 * SIGMA / sqrt(2), SIGMA / sqrt(2))
    ),
    **expect_variants(
        "average_gradient", forward=ValueRange(pi / 4 * SIGMA * sqrt(2), SIGMA * sqrt(2))
    ),
    **expect_metric("correlation_coefficient", build_range(0, CORRELATION_TOLERANCE)),
    # F - B has half of its variance from F and half from B, none from A
    **expect_metric(
        "sum_of_correlations_of_differences", build_range(0, 2 * CORRELATION_TOLERANCE)
    ),
    **expect_metric(
        "cross_entropy", build_range(2 * ENTROPY_BIAS, ENTROPY_BIAS)
    ),  # both histograms vary
    **expect_variants(
        "mutual_information", bits=build_range(MI, 0.03), nats=build_range(MI * log(2), 0.02)
    ),
    **expect_variants("mutual_information", nats__norm=build_range(MI * log(2), 0.02)),
    # levels are merged in the joint histogram, but not in the marginal ones
    **expect_variants("mutual_information", bits__sat254=ValueRange(MI, MI + 4 * 2 / 256 + 0.03)),
    **expect_variants("mutual_information", normalized=build_range(MI / 8, 0.004)),
    **expect_variants(
        "mutual_information", mean__entropies=build_range(2 * 16 / JOINT_ENTROPY, 0.004)
    ),
    **expect_same_value(
        "peak_signal_to_noise",
        "mean_error mean",
        build_range(10 * log10(255**2 / SIGMA**2 / 2), 0.1),
    ),
    **expect_variants(
        "peak_signal_to_noise", scaled=build_range(10 * log10(255**4 / SIGMA**2 / 2), 0.1)
    ),
    **expect_variants(
        "visual_information_fidelity", sum=ValueRange(0, 0.2), mean=ValueRange(0, 0.1)
    ),
    **expect_same_value("visual_information_fidelity", "ir vi", ValueRange(0, 0.1)),
    **expect_metric("visual_information_fusion", ValueRange(0, 0.1)),
    **expect_variants(
        "structural_similarity",
        mean=build_range(CONTRAST_STRUCTURE[0], CORRELATION_TOLERANCE),
        sum=build_range(2 * CONTRAST_STRUCTURE[0], 2 * CORRELATION_TOLERANCE),
    ),
    **expect_variants(
        "structural_similarity",
        uniform7__sum=build_range(2 * CONTRAST_STRUCTURE[0], 2 * CORRELATION_TOLERANCE),
    ),
    **expect_same_value(
        "structural_similarity",
        "uniform7.range2.sum x255.sum",
        build_range(0, 2 * CORRELATION_TOLERANCE),
    ),
    **expect_same_value(
        "multi_scale_structural_similarity",
        "mean ir vi",
        build_range(MS_SSIM_PRODUCT, MS_SSIM_PRODUCT / 3),
    ),
    **expect_same_value(
        "multi_scale_structural_similarity",
        "zeros.ir zeros.vi",
        build_range(MS_SSIM_PRODUCT, MS_SSIM_PRODUCT / 3),
    ),
    **expect_same_value(
        "multi_scale_structural_similarity",
        "sum zeros truncate",
        build_range(2 * MS_SSIM_PRODUCT, MS_SSIM_PRODUCT),
    ),
    **expect_variants("multi_scale_structural_similarity", x255=ValueRange(0, MS_SSIM_PRODUCT)),
    **expect_metric("multi_exposure_similarity", ValueRange(0, 0.1)),
    **expect_same_value(
        "edge_dependent_quality", QE_VARIANTS, build_range(0, 2 * CORRELATION_TOLERANCE)
    ),
    **expect_same_value("feature_mutual_information", "pixel gradient", ValueRange(0, 0.5)),
    **expect_variants(
        "feature_mutual_information", edge=ValueRange(0.5, 0.95)
    ),  # windows without edge are equal
    **expect_variants(
        "fusion_artifacts",
        kumar=ValueRange(0, STRONGEST_EDGE_SHARE),
        port=ValueRange(0, STRONGEST_EDGE_SHARE),
    ),
    **expect_variants("fusion_artifacts", petrovic=ValueRange(0, 2 * STRONGEST_EDGE_SHARE)),
    **expect_variants("fusion_artifacts", loss=ValueRange(0, 1), kept=ValueRange(0, 0.5)),
    **expect_same_value("edge_preservation", "standard eq1 liu", ValueRange(0, 0.3)),
    **expect_same_value("phase_congruency", "liu kovesi", build_range(0, 0.1)),
}
