"""The same of a fused image that has lost its sources, of copies and of negatives.

See `known_answers` for the images and the words.
"""

from math import exp, log10

from known_answers import (
    EQ1,
    LIU,
    NOTHING,
    OF_BARS,
    RENAMED,
    SAME_EDGES,
    STEPS,
    TURNED,
    WHOLE,
    WIDTH,
    Between,
    about,
    artifacts,
    named,
    petrovic,
    plain,
    same,
    single,
    uniform7,
    weighted,
)

# --- bars lost: a constant fused image of level 128, both sources are the bars ---
# l of a white window with level 128; that of a black one is 0
WHITE = (2 * 255 * 128) / (255**2 + 128**2)
C2 = 7.65**2
# cs = C2 / (v + C2): v is 255^2 / 4 for narrow bars, and at least 255^2 0.02 0.98 in the middle of
# a bar of 8 pixels, 3.5 pixels or 2.3 sigma from both its ends. The third and fourth of five scales
# (bars of 2 and 1 pixels) have the least, the second nearly, and the fifth is flat: 1
LEAST, MOST = C2 / (255**2 / 4 + C2), C2 / (255**2 * 0.02 * 0.98 + C2)
FOUR = Between(LEAST**0.8669, 1.25 * LEAST**0.8669)  # 1.25 > (MOST / LEAST)^0.0448 and the second's
TWICE = Between(2 * FOUR.low, 2 * FOUR.high)
LOST = NOTHING | artifacts(petrovic(0, 0), petrovic(0, 1))
LOST |= {
    **single("correlation_coefficient", 0),
    **single("sum_of_correlations_of_differences", -2),  # r(128 - A, A)
    **single("cross_entropy", 0),  # no level in common
    **same("mutual_information", "bits nats nats.norm bits.sat254 normalised", 0),
    **named("mutual_information", mean__entropies=2),  # (1 + 0) / 1 per source
    **same("visual_information_fidelity", "sum mean ir vi", 0),
    **single("visual_information_fusion", Between(0, 1e-6)),  # the 1e-7 of its sums
    # errors 128^2 and 127^2, half of the pixels each
    **same("peak_signal_to_noise", "mean_error mean", 10 * log10(255**2 * 2 / (128**2 + 127**2))),
    **named("peak_signal_to_noise", scaled=10 * log10(255**4 * 2 / (128**2 + 127**2))),
    **same("phase_congruency", "liu kovesi", None),
    # Zeros outside the image make edges of the fused image along its border; there the sources have
    # 2 x 96 x 1020 + 176 x 1020 of their strength, inside 2 x 23 x 176 x 1020
    **same("edge_preservation", "standard eq1", Between(0, 0.05)),
    # mean over pixels: G = 0 at 46 of 192 columns, LIU elsewhere; the border is 2.2 % of the image
    **named(
        "edge_preservation", liu=about(LIU * (146 + 46 * exp(-5)) / WIDTH, 0.022 + 46 / 192 * 1e-3)
    ),
    **named("edge_dependent_quality", weighted__uiqi8=weighted([0] * 7, WHITE / 2)),
    **named("edge_dependent_quality", uiqi8=about(0, weighted([0] * 7, WHITE / 2))),
    **named("edge_dependent_quality", plain__uiqi8=plain([0] * 7, WHITE / 2)),  # 12 bars of each
    **same("edge_dependent_quality", "ssim11 weighted.ssim11 plain.ssim11", Between(0, MOST)),
    # the fused image has edges in the windows along its border alone: 2 / 169 and 2 / 185
    **same("edge_dependent_quality", "edges.uiqi8 edges.ssim11", about(0, 0.05)),
    **named("edge_dependent_quality", plain__edges__uiqi8=about(0, 0.005)),
    # 3 x 3 windows without an edge, a step, a slope are like the fused image's; a flat one and
    # another share nothing. Each of the 23 steps is seen by 3, 2, 4 of 190 windows
    **named(
        "feature_mutual_information",
        edge=1 - 3 * STEPS / 190,
        pixel=1 - 2 * STEPS / 190,
        gradient=1 - 4 * STEPS / 190,
    ),
    **single("multi_exposure_similarity", Between(LEAST, MOST)),
    **same("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", FOUR),
    **same("multi_scale_structural_similarity", "sum zeros truncate", TWICE),
    # C2 over 65025, so the same over 65025^0.8669, as C2 is small beside v
    **named("multi_scale_structural_similarity", x255=Between(0, 1e-5)),
    **named("structural_similarity", mean=Between(0, MOST), sum=Between(0, 2 * MOST)),
    **named("structural_similarity", x255__sum=Between(0, 1e-5)),
    **named("structural_similarity", uniform7__sum=2 * uniform7(lambda x: 0 * x + 128, 1)),
    **named(
        "structural_similarity", uniform7__range2__sum=2 * uniform7(lambda x: 0 * x + 128, 2 / 255)
    ),
}

# --- a copy of the infrared image, whose negative is the visible one ---
BORDER = 0.05  # of the sources' edges at most lie along the border, where their signs differ
HALF = [(1 - turned) / 2 for turned in TURNED]
KEPT_HALF, ALL_TURNED = weighted(HALF, 0.5), weighted(TURNED, 0)
COPY = OF_BARS | RENAMED | SAME_EDGES
COPY |= {
    **single("correlation_coefficient", 0),  # (1 - 1) / 2
    **single("sum_of_correlations_of_differences", 1),  # r(2 A - 255, A), and F - A is 0
    **single("cross_entropy", 0),
    **named("peak_signal_to_noise", mean_error=10 * log10(2), mean=None),
    **named("peak_signal_to_noise", scaled=10 * log10(2) + 20 * log10(255)),
    **named("visual_information_fidelity", sum=1, mean=0.5, ir=1, vi=0),
    **single("visual_information_fusion", Between(0, 1e-6)),  # of the source with the smaller gain
    **named("edge_preservation", standard=Between(WHOLE * (1 - BORDER), WHOLE)),
    **named("edge_preservation", eq1=Between(EQ1 * (1 - BORDER), EQ1), liu=about(LIU, 0.022)),
    # equal variances: lambda = 1/2
    **named("edge_dependent_quality", weighted__uiqi8=KEPT_HALF),
    **named("edge_dependent_quality", plain__uiqi8=plain(HALF, 0.5)),
    **same("edge_dependent_quality", "edges.uiqi8 edges.ssim11", Between(0.9, 1)),
    **named(
        "edge_dependent_quality", uiqi8=Between(0.9 * weighted(HALF, 0.5), weighted(HALF, 0.5))
    ),
    **named(
        "edge_dependent_quality",
        plain__edges__uiqi8=Between(0.9 * plain(HALF, 0.5), plain(HALF, 0.5)),
    ),
    **same("edge_dependent_quality", "ssim11 weighted.ssim11 plain.ssim11", Between(0, 0.6)),
    # the negative has the same edges; windows without a step, without a slope are alike
    **named("feature_mutual_information", edge=1),
    **named("feature_mutual_information", pixel=Between(1 - STEPS / 190, 1)),
    **named("feature_mutual_information", gradient=Between(1 - 2 * STEPS / 190, 1)),
    # 1 with the infrared; the negative's structure is negative and counts as 0
    **named("multi_scale_structural_similarity", mean=0.5, ir=1, vi=0, sum=1, zeros=1),
    **named("multi_scale_structural_similarity", zeros__ir=1, zeros__vi=0, truncate=1, x255=1),
    **named("structural_similarity", mean=Between(0, 0.5), sum=Between(0, 1)),
    **named("structural_similarity", x255__sum=Between(0, 1)),
    **named("structural_similarity", uniform7__sum=1 + uniform7(lambda x: 255 - x, 1)),
    **named(
        "structural_similarity", uniform7__range2__sum=1 + uniform7(lambda x: 255 - x, 2 / 255)
    ),
    **same(
        "phase_congruency", "liu kovesi", Between(0.5, 0.99)
    ),  # a negative has the same features
}
# beside a constant image: the wanted patch is the infrared's own
COPY_BESIDE_FLAT = single("multi_exposure_similarity", 1)

# --- the negative of two equal images ---
NEGATIVE = OF_BARS | RENAMED | SAME_EDGES
NEGATIVE |= {
    **single("correlation_coefficient", -1),
    **single("sum_of_correlations_of_differences", -2),
    **single("cross_entropy", 0),
    **named("peak_signal_to_noise", mean_error=0, mean=0, scaled=20 * log10(255)),
    **same("visual_information_fidelity", "sum mean ir vi", 0),
    **single("visual_information_fusion", Between(0, 1e-6)),
    **named("edge_preservation", standard=Between(WHOLE * (1 - 2 * BORDER), WHOLE)),
    **named("edge_preservation", eq1=Between(EQ1 * (1 - 2 * BORDER), EQ1), liu=about(LIU, 0.022)),
    **named("edge_dependent_quality", weighted__uiqi8=-ALL_TURNED),
    **named("edge_dependent_quality", plain__uiqi8=-plain(TURNED, 0)),
    **same("edge_dependent_quality", "edges.uiqi8 edges.ssim11", Between(0.9, 1)),
    **named("edge_dependent_quality", uiqi8=Between(-ALL_TURNED, -0.9 * ALL_TURNED)),
    **named(
        "edge_dependent_quality",
        plain__edges__uiqi8=Between(-plain(TURNED, 0), -0.9 * plain(TURNED, 0)),
    ),
    **same("edge_dependent_quality", "ssim11 weighted.ssim11 plain.ssim11", Between(-1, 0)),
    **named("feature_mutual_information", edge=1),
    **named("feature_mutual_information", pixel=Between(1 - 2 * STEPS / 190, 1)),
    **named("feature_mutual_information", gradient=Between(1 - 4 * STEPS / 190, 1)),
    **single("multi_exposure_similarity", 0),  # a negative scale counts as 0
    **same("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", 0),
    **same("multi_scale_structural_similarity", "sum zeros truncate x255", 0),
    **named("structural_similarity", uniform7__sum=2 * uniform7(lambda x: 255 - x, 1)),
    **named(
        "structural_similarity", uniform7__range2__sum=2 * uniform7(lambda x: 255 - x, 2 / 255)
    ),
    **same("phase_congruency", "liu kovesi", Between(0.5, 0.99)),
}
# fine bars under the Gaussian: mean 127.5, variance 255^2 / 4 but for 3e-5, so l = 1
FINE_TURNED = (C2 - 255**2 / 2) / (C2 + 255**2 / 2)
NEGATIVE_FINE = {
    **named(
        "structural_similarity", mean=about(FINE_TURNED, 1e-6), sum=about(2 * FINE_TURNED, 2e-6)
    ),
    **named("structural_similarity", x255__sum=about(-2, 1e-6)),  # C2 is nothing
}
