"""Expected values for a constant fused image of bars, for copies and for inverted images.

See `expected_metrics` for the images.
"""

from math import exp, log10

from tests.helpers.fusion.expected_metrics import (
    BARS_STATISTICS,
    FLAT_STATISTICS,
    FULL_INFORMATION,
    MAX_QABF,
    MAX_QABF_EQ1,
    MAX_QABF_LIU,
    NEGATED_UIQI,
    NO_NEW_EDGES,
    STEP_COUNT,
    WIDTH,
    ValueRange,
    build_range,
    compute_mean_quality,
    compute_petrovic_quality,
    compute_ssim_uniform7,
    compute_weighted_quality,
    expect_metric,
    expect_no_artifacts,
    expect_same_value,
    expect_variants,
)

# --- bars lost: a constant fused image of level 128, both sources are the bars ---
# l of a white window with level 128; l of a black window is 0
WHITE_LUMINANCE_TERM = (2 * 255 * 128) / (255**2 + 128**2)
C2 = 7.65**2
# cs = C2 / (v + C2): v is 255^2 / 4 for narrow bars, and at least 255^2 0.02 0.98 at the center of
# a bar of 8 pixels, 3.5 pixels or 2.3 sigma from both its ends. cs is minimal at the third and
# fourth of five scales (bars of 2 and 1 pixels), nearly so at the second, and 1 at the fifth (flat)
MIN_CONTRAST_TERM, MAX_CONTRAST_TERM = C2 / (255**2 / 4 + C2), C2 / (255**2 * 0.02 * 0.98 + C2)
MS_SSIM_RANGE = ValueRange(
    MIN_CONTRAST_TERM**0.8669, 1.25 * MIN_CONTRAST_TERM**0.8669
)  # 1.25 > (MAX_CONTRAST_TERM / MIN_CONTRAST_TERM)^0.0448 and the factor of the second scale
MS_SSIM_SUM_RANGE = ValueRange(2 * MS_SSIM_RANGE.low, 2 * MS_SSIM_RANGE.high)
LOST_BARS = FLAT_STATISTICS | expect_no_artifacts(
    compute_petrovic_quality(0, 0), compute_petrovic_quality(0, 1)
)
LOST_BARS |= {
    **expect_metric("correlation_coefficient", 0),
    **expect_metric("sum_of_correlations_of_differences", -2),  # r(128 - A, A)
    **expect_metric("cross_entropy", 0),  # no level in common
    **expect_same_value("mutual_information", "bits nats nats.norm bits.sat254 normalized", 0),
    **expect_variants("mutual_information", mean__entropies=2),  # (1 + 0) / 1 per source
    **expect_same_value("visual_information_fidelity", "sum mean ir vi", 0),
    **expect_metric(
        "visual_information_fusion", ValueRange(0, 1e-6)
    ),  # the epsilon 1e-7 in its sums
    # errors 128^2 and 127^2, half of the pixels each
    **expect_same_value(
        "peak_signal_to_noise", "mean_error mean", 10 * log10(255**2 * 2 / (128**2 + 127**2))
    ),
    **expect_variants("peak_signal_to_noise", scaled=10 * log10(255**4 * 2 / (128**2 + 127**2))),
    **expect_same_value("phase_congruency", "liu kovesi", None),
    # Zero padding gives the fused image edges along its border; there the strength of the sources
    # sums to 2 x 96 x 1020 + 176 x 1020, inside to 2 x 23 x 176 x 1020
    **expect_same_value("edge_preservation", "standard eq1", ValueRange(0, 0.05)),
    # mean over pixels: G = 0 in 46 of 192 columns, maximum elsewhere; the border is 2.2 % of it all
    **expect_variants(
        "edge_preservation",
        liu=build_range(MAX_QABF_LIU * (146 + 46 * exp(-5)) / WIDTH, 0.022 + 46 / 192 * 1e-3),
    ),
    **expect_variants(
        "edge_dependent_quality",
        weighted__uiqi8=compute_weighted_quality([0] * 7, WHITE_LUMINANCE_TERM / 2),
    ),
    **expect_variants(
        "edge_dependent_quality",
        uiqi8=build_range(0, compute_weighted_quality([0] * 7, WHITE_LUMINANCE_TERM / 2)),
    ),
    **expect_variants(
        "edge_dependent_quality",
        plain__uiqi8=compute_mean_quality([0] * 7, WHITE_LUMINANCE_TERM / 2),
    ),  # 12 bars of each
    **expect_same_value(
        "edge_dependent_quality",
        "ssim11 weighted.ssim11 plain.ssim11",
        ValueRange(0, MAX_CONTRAST_TERM),
    ),
    # the fused image has edges only in the windows along its border: 2 / 169 and 2 / 185
    **expect_same_value("edge_dependent_quality", "edges.uiqi8 edges.ssim11", build_range(0, 0.05)),
    **expect_variants("edge_dependent_quality", plain__edges__uiqi8=build_range(0, 0.005)),
    # 3 x 3 windows without an edge, a step or a gradient equal those of the fused image; the others
    # have no information in common with a flat window. Each of the 23 steps is in 3, 2, 4 of 190
    # windows
    **expect_variants(
        "feature_mutual_information",
        edge=1 - 3 * STEP_COUNT / 190,
        pixel=1 - 2 * STEP_COUNT / 190,
        gradient=1 - 4 * STEP_COUNT / 190,
    ),
    **expect_metric("multi_exposure_similarity", ValueRange(MIN_CONTRAST_TERM, MAX_CONTRAST_TERM)),
    **expect_same_value(
        "multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", MS_SSIM_RANGE
    ),
    **expect_same_value(
        "multi_scale_structural_similarity", "sum zeros truncate", MS_SSIM_SUM_RANGE
    ),
    # C2 / 65025 gives the range divided by 65025^0.8669, because C2 is small compared with v
    **expect_variants("multi_scale_structural_similarity", x255=ValueRange(0, 1e-5)),
    **expect_variants(
        "structural_similarity",
        mean=ValueRange(0, MAX_CONTRAST_TERM),
        sum=ValueRange(0, 2 * MAX_CONTRAST_TERM),
    ),
    **expect_variants("structural_similarity", x255__sum=ValueRange(0, 1e-5)),
    **expect_variants(
        "structural_similarity", uniform7__sum=2 * compute_ssim_uniform7(lambda x: 0 * x + 128, 1)
    ),
    **expect_variants(
        "structural_similarity",
        uniform7__range2__sum=2 * compute_ssim_uniform7(lambda x: 0 * x + 128, 2 / 255),
    ),
}

# --- a copy of the infrared image; the visible image is inverted ---
# largest share of the sources' edges along the border, where their signs differ
BORDER_EDGE_SHARE = 0.05
HALF_NEGATED_UIQI = [(1 - uiqi) / 2 for uiqi in NEGATED_UIQI]
WEIGHTED_HALF_QUALITY, WEIGHTED_NEGATED_QUALITY = (
    compute_weighted_quality(HALF_NEGATED_UIQI, 0.5),
    compute_weighted_quality(NEGATED_UIQI, 0),
)
COPY = BARS_STATISTICS | FULL_INFORMATION | NO_NEW_EDGES
COPY |= {
    **expect_metric("correlation_coefficient", 0),  # (1 - 1) / 2
    **expect_metric("sum_of_correlations_of_differences", 1),  # r(2 A - 255, A), and F - A is 0
    **expect_metric("cross_entropy", 0),
    **expect_variants("peak_signal_to_noise", mean_error=10 * log10(2), mean=None),
    **expect_variants("peak_signal_to_noise", scaled=10 * log10(2) + 20 * log10(255)),
    **expect_variants("visual_information_fidelity", sum=1, mean=0.5, ir=1, vi=0),
    **expect_metric(
        "visual_information_fusion", ValueRange(0, 1e-6)
    ),  # of the source with the smaller gain
    **expect_variants(
        "edge_preservation", standard=ValueRange(MAX_QABF * (1 - BORDER_EDGE_SHARE), MAX_QABF)
    ),
    **expect_variants(
        "edge_preservation",
        eq1=ValueRange(MAX_QABF_EQ1 * (1 - BORDER_EDGE_SHARE), MAX_QABF_EQ1),
        liu=build_range(MAX_QABF_LIU, 0.022),
    ),
    # equal variances: lambda = 1/2
    **expect_variants("edge_dependent_quality", weighted__uiqi8=WEIGHTED_HALF_QUALITY),
    **expect_variants(
        "edge_dependent_quality", plain__uiqi8=compute_mean_quality(HALF_NEGATED_UIQI, 0.5)
    ),
    **expect_same_value("edge_dependent_quality", "edges.uiqi8 edges.ssim11", ValueRange(0.9, 1)),
    **expect_variants(
        "edge_dependent_quality",
        uiqi8=ValueRange(
            0.9 * compute_weighted_quality(HALF_NEGATED_UIQI, 0.5),
            compute_weighted_quality(HALF_NEGATED_UIQI, 0.5),
        ),
    ),
    **expect_variants(
        "edge_dependent_quality",
        plain__edges__uiqi8=ValueRange(
            0.9 * compute_mean_quality(HALF_NEGATED_UIQI, 0.5),
            compute_mean_quality(HALF_NEGATED_UIQI, 0.5),
        ),
    ),
    **expect_same_value(
        "edge_dependent_quality", "ssim11 weighted.ssim11 plain.ssim11", ValueRange(0, 0.6)
    ),
    # the inverted image has the same edges; windows without a step or a gradient are equal
    **expect_variants("feature_mutual_information", edge=1),
    **expect_variants("feature_mutual_information", pixel=ValueRange(1 - STEP_COUNT / 190, 1)),
    **expect_variants(
        "feature_mutual_information", gradient=ValueRange(1 - 2 * STEP_COUNT / 190, 1)
    ),
    # 1 with the infrared image; the structure of the inverted one is negative and counts as 0
    **expect_variants("multi_scale_structural_similarity", mean=0.5, ir=1, vi=0, sum=1, zeros=1),
    **expect_variants(
        "multi_scale_structural_similarity", zeros__ir=1, zeros__vi=0, truncate=1, x255=1
    ),
    **expect_variants("structural_similarity", mean=ValueRange(0, 0.5), sum=ValueRange(0, 1)),
    **expect_variants("structural_similarity", x255__sum=ValueRange(0, 1)),
    **expect_variants(
        "structural_similarity", uniform7__sum=1 + compute_ssim_uniform7(lambda x: 255 - x, 1)
    ),
    **expect_variants(
        "structural_similarity",
        uniform7__range2__sum=1 + compute_ssim_uniform7(lambda x: 255 - x, 2 / 255),
    ),
    **expect_same_value(
        "phase_congruency", "liu kovesi", ValueRange(0.5, 0.99)
    ),  # an inverted image has the same features
}
# the visible image is constant: the desired patch is that of the infrared image
COPY_BESIDE_FLAT = expect_metric("multi_exposure_similarity", 1)

# --- two equal sources and their inverted image ---
NEGATIVE = BARS_STATISTICS | FULL_INFORMATION | NO_NEW_EDGES
NEGATIVE |= {
    **expect_metric("correlation_coefficient", -1),
    **expect_metric("sum_of_correlations_of_differences", -2),
    **expect_metric("cross_entropy", 0),
    **expect_variants("peak_signal_to_noise", mean_error=0, mean=0, scaled=20 * log10(255)),
    **expect_same_value("visual_information_fidelity", "sum mean ir vi", 0),
    **expect_metric("visual_information_fusion", ValueRange(0, 1e-6)),
    **expect_variants(
        "edge_preservation", standard=ValueRange(MAX_QABF * (1 - 2 * BORDER_EDGE_SHARE), MAX_QABF)
    ),
    **expect_variants(
        "edge_preservation",
        eq1=ValueRange(MAX_QABF_EQ1 * (1 - 2 * BORDER_EDGE_SHARE), MAX_QABF_EQ1),
        liu=build_range(MAX_QABF_LIU, 0.022),
    ),
    **expect_variants("edge_dependent_quality", weighted__uiqi8=-WEIGHTED_NEGATED_QUALITY),
    **expect_variants(
        "edge_dependent_quality", plain__uiqi8=-compute_mean_quality(NEGATED_UIQI, 0)
    ),
    **expect_same_value("edge_dependent_quality", "edges.uiqi8 edges.ssim11", ValueRange(0.9, 1)),
    **expect_variants(
        "edge_dependent_quality",
        uiqi8=ValueRange(-WEIGHTED_NEGATED_QUALITY, -0.9 * WEIGHTED_NEGATED_QUALITY),
    ),
    **expect_variants(
        "edge_dependent_quality",
        plain__edges__uiqi8=ValueRange(
            -compute_mean_quality(NEGATED_UIQI, 0), -0.9 * compute_mean_quality(NEGATED_UIQI, 0)
        ),
    ),
    **expect_same_value(
        "edge_dependent_quality", "ssim11 weighted.ssim11 plain.ssim11", ValueRange(-1, 0)
    ),
    **expect_variants("feature_mutual_information", edge=1),
    **expect_variants("feature_mutual_information", pixel=ValueRange(1 - 2 * STEP_COUNT / 190, 1)),
    **expect_variants(
        "feature_mutual_information", gradient=ValueRange(1 - 4 * STEP_COUNT / 190, 1)
    ),
    **expect_metric("multi_exposure_similarity", 0),  # a negative scale counts as 0
    **expect_same_value("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", 0),
    **expect_same_value("multi_scale_structural_similarity", "sum zeros truncate x255", 0),
    **expect_variants(
        "structural_similarity", uniform7__sum=2 * compute_ssim_uniform7(lambda x: 255 - x, 1)
    ),
    **expect_variants(
        "structural_similarity",
        uniform7__range2__sum=2 * compute_ssim_uniform7(lambda x: 255 - x, 2 / 255),
    ),
    **expect_same_value("phase_congruency", "liu kovesi", ValueRange(0.5, 0.99)),
}
# fine bars under the Gaussian: mean 127.5, variance 255^2 / 4 except for 3e-5, so l = 1
NEGATIVE_FINE_SSIM = (C2 - 255**2 / 2) / (C2 + 255**2 / 2)
NEGATIVE_FINE = {
    **expect_variants(
        "structural_similarity",
        mean=build_range(NEGATIVE_FINE_SSIM, 1e-6),
        sum=build_range(2 * NEGATIVE_FINE_SSIM, 2e-6),
    ),
    **expect_variants("structural_similarity", x255__sum=build_range(-2, 1e-6)),  # C2 is negligible
}
