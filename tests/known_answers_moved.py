"""The same of images moved by one pixel and of independent noise; see `known_answers`."""

from math import exp, factorial, log, log2, log10, pi, sqrt

import numpy as np
from known_answers import (
    HEIGHT,
    LIU,
    MN,
    QE,
    WHOLE,
    WIDTH,
    Between,
    N,
    about,
    named,
    petrovic,
    same,
    single,
)

# --- a ramp moved by one pixel: one grey level brighter, the same structure everywhere ---
C1, C2 = 2.55**2, 7.65**2


def brighter(first, step, count, c1):
    """Mean of l = (2 m n + C) / (m^2 + n^2 + C), n = m + 1, over m = first, first + step, ..."""
    m = first + step * np.arange(count)
    return float((1 - 1 / (m**2 + (m + 1) ** 2 + c1)).mean())


# the middle pixels of windows of 11 in the ramp, and in its fourth halving: means of 16 levels
SSIM = brighter(5, 1, WIDTH - 10, C1)
LAST = brighter(7.5 + 5 * 16, 16, 2, C1) ** 0.1333
LAST_255 = brighter(7.5 + 5 * 16, 16, 2, C1 / 255**2) ** 0.1333
UIQI = brighter(3.5, 1, WIDTH - 7, (1e-6 * 255) ** 2)
PIELLA = brighter(5, 1, WIDTH - 10, C1)
# Sobel over 8 is 1, but 0 in the first and last column, where the mirrored border has no slope;
# no strength reaches 2, so that all pixels weigh the same
KEPT = (190 * petrovic(1, 1) + 2 * petrovic(0, 1)) / WIDTH
EQUAL = named("structural_similarity", mean=SSIM, sum=2 * SSIM)
SHIFTED = {
    **same("entropy", "levels sat254", log2(WIDTH)),
    **named("standard_deviation", population=sqrt((WIDTH**2 - 1) / 12), columns=0),
    **named("standard_deviation", sample=sqrt((WIDTH**2 - 1) / 12) * MN),
    **named("spatial_frequency", differences=1, mn=sqrt(191 / WIDTH)),
    **named("average_gradient", central=sqrt(0.5), forward=sqrt(0.5) * 191 / WIDTH),
    **named("average_gradient", m1n1=sqrt(0.5) * N / ((HEIGHT - 1) * (WIDTH - 1))),
    **single("correlation_coefficient", 1),
    **single("sum_of_correlations_of_differences", 0),  # F - A is 1: undefined, counts as 0
    **single("cross_entropy", 0),  # the 191 levels in common are equally often
    **same("mutual_information", "bits bits.sat254", 2 * log2(WIDTH)),
    **same("mutual_information", "nats nats.norm", 2 * log(WIDTH)),
    **named("mutual_information", normalised=2, mean__entropies=4),
    **same("peak_signal_to_noise", "mean_error mean", 20 * log10(255)),
    **named("peak_signal_to_noise", scaled=40 * log10(255)),
    **named("visual_information_fidelity", sum=2, mean=1, ir=1, vi=1),
    **single("visual_information_fusion", 1),
    **EQUAL,
    **named("structural_similarity", uniform7__sum=2 * brighter(3, 1, WIDTH - 6, C1)),
    **named(
        "structural_similarity",
        uniform7__range2__sum=2 * brighter(3, 1, WIDTH - 6, (2.55 * 2 / 255) ** 2),
        x255__sum=2 * brighter(5, 1, WIDTH - 10, C1 / 255**2),
    ),
    **same("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", LAST),
    **same("multi_scale_structural_similarity", "sum zeros truncate", 2 * LAST),
    **named("multi_scale_structural_similarity", x255=2 * LAST_255),
    **single("multi_exposure_similarity", 1),
    **same("edge_dependent_quality", "weighted.uiqi8 plain.uiqi8", UIQI),
    **same("edge_dependent_quality", "weighted.ssim11 plain.ssim11", PIELLA),
    # inside, all edges are 6 strong; along the border they follow the grey levels
    **same("edge_dependent_quality", "edges.uiqi8 edges.ssim11 ssim11", Between(0.98, 1)),
    **same("edge_dependent_quality", "uiqi8 plain.edges.uiqi8", Between(0.98, 1)),
    # no pixel is steeper than its neighbours; scaled windows are equal, slopes are flat
    **same("feature_mutual_information", "edge pixel gradient", 1),
    **same("fusion_artifacts", "kumar petrovic", 0),
    **named("fusion_artifacts", port=None, kept=KEPT, loss=1 - KEPT),
    # strengths equal inside; along the border x / (x + 1) apart, which lets nothing be kept better
    **named("edge_preservation", standard=Between(0.9 * WHOLE, WHOLE)),
    **named("edge_preservation", eq1=Between(0.9 * WHOLE, WHOLE), liu=about(LIU, 0.022)),
}
# bars moved by one pixel: 1/8 of the pixels change their level
H = -(log2(1 / 8) / 8 + log2(7 / 8) * 7 / 8)  # bits, of knowing which
BARS_MOVED = {
    **single("correlation_coefficient", 1 - 2 / 8),
    **same("mutual_information", "bits bits.sat254", 2 * (1 - H)),
    **named("mutual_information", nats=2 * (1 - H) * log(2), normalised=2 * (1 - H)),
    **named("mutual_information", mean__entropies=2 * 2 / (1 + H)),
    **named("peak_signal_to_noise", mean_error=10 * log10(8), mean=10 * log10(8)),
    # features beside their places: the pixels' maps have nothing in common, or less than that
    **same("phase_congruency", "liu kovesi", Between(-0.5, 0.25)),
}

# --- independent noise, 256 x 256, all levels equally often ---
SIDE = 256
M = SIDE * SIDE
SIGMA = sqrt((256**2 - 1) / 12)
R = 5 / SIDE  # five standard errors of a correlation
BIAS = 255 / (2 * M * log(2))  # bits, of the entropy of 256 bins (Miller)
# As many cells as pixels in a joint histogram: a cell's count k is Poisson of mean 1, so that
# H = log2 M - E(k log2 k), and what is missing to 8 + 8 bits passes for information
JOINT = 16 - sum(exp(-1) / factorial(k) * k * log2(k) for k in range(2, 30))
MI = 2 * (16 - JOINT)
STRONGEST = 1 / 3  # the share of pixels at which the fused image has the strongest edge
# the means of cs, C2 / (2 v + C2), if v were the same everywhere; halving divides v by 4
CS = [C2 / (2 * SIGMA**2 / 4**scale + C2) for scale in range(5)]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
PRODUCT = float(np.prod([c**w for c, w in zip(CS, WEIGHTS, strict=True)]))
NOISE = {
    **named("entropy", levels=about(8 - BIAS, 5e-4)),
    **named("entropy", sat254=about(8 - 2 / 256 - BIAS, 1e-3)),  # one bin of two levels
    **same("standard_deviation", "population sample", about(SIGMA, 0.5)),
    **named("standard_deviation", columns=about(SIGMA, 0.7)),
    **same("spatial_frequency", "differences mn", about(2 * SIGMA, 1.5)),
    # at most the root of the mean square (Jensen); directions add up to pi / 4 at least
    **same("average_gradient", "central m1n1", Between(pi / 4 * SIGMA / sqrt(2), SIGMA / sqrt(2))),
    **named("average_gradient", forward=Between(pi / 4 * SIGMA * sqrt(2), SIGMA * sqrt(2))),
    **single("correlation_coefficient", about(0, R)),
    # F - B has half of its variance from each, none of it A's
    **single("sum_of_correlations_of_differences", about(0, 2 * R)),
    **single("cross_entropy", about(2 * BIAS, BIAS)),  # both histograms vary
    **named("mutual_information", bits=about(MI, 0.03), nats=about(MI * log(2), 0.02)),
    **named("mutual_information", nats__norm=about(MI * log(2), 0.02)),
    # the joint histogram has two rows and two columns fewer, the single ones have not
    **named("mutual_information", bits__sat254=Between(MI, MI + 4 * 2 / 256 + 0.03)),
    **named("mutual_information", normalised=about(MI / 8, 0.004)),
    **named("mutual_information", mean__entropies=about(2 * 16 / JOINT, 0.004)),
    **same(
        "peak_signal_to_noise", "mean_error mean", about(10 * log10(255**2 / SIGMA**2 / 2), 0.1)
    ),
    **named("peak_signal_to_noise", scaled=about(10 * log10(255**4 / SIGMA**2 / 2), 0.1)),
    **named("visual_information_fidelity", sum=Between(0, 0.2), mean=Between(0, 0.1)),
    **same("visual_information_fidelity", "ir vi", Between(0, 0.1)),
    **single("visual_information_fusion", Between(0, 0.1)),
    **named("structural_similarity", mean=about(CS[0], R), sum=about(2 * CS[0], 2 * R)),
    **named("structural_similarity", uniform7__sum=about(2 * CS[0], 2 * R)),
    **same("structural_similarity", "uniform7.range2.sum x255.sum", about(0, 2 * R)),
    **same("multi_scale_structural_similarity", "mean ir vi", about(PRODUCT, PRODUCT / 3)),
    **same("multi_scale_structural_similarity", "zeros.ir zeros.vi", about(PRODUCT, PRODUCT / 3)),
    **same("multi_scale_structural_similarity", "sum zeros truncate", about(2 * PRODUCT, PRODUCT)),
    **named("multi_scale_structural_similarity", x255=Between(0, PRODUCT)),
    **single("multi_exposure_similarity", Between(0, 0.1)),
    **same("edge_dependent_quality", QE, about(0, 2 * R)),
    **same("feature_mutual_information", "pixel gradient", Between(0, 0.5)),
    **named(
        "feature_mutual_information", edge=Between(0.5, 0.95)
    ),  # windows without edge are alike
    **named("fusion_artifacts", kumar=Between(0, STRONGEST), port=Between(0, STRONGEST)),
    **named("fusion_artifacts", petrovic=Between(0, 2 * STRONGEST)),
    **named("fusion_artifacts", loss=Between(0, 1), kept=Between(0, 0.5)),
    **same("edge_preservation", "standard eq1 liu", Between(0, 0.3)),
    **same("phase_congruency", "liu kovesi", about(0, 0.1)),
}
