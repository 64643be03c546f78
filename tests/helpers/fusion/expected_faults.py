"""Expected values of the metrics of visible faults, derived by hand.

See `expected_metrics` for the images. Their bars are 8 pixels wide: no line of at most 4 pixels.
"""

from math import pi, sqrt

from tests.helpers.fusion.expected_metrics import ValueRange, build_range, expect_same_value

NO_NEW_STRUCTURE = {
    "spurious_gradient": 0,
    **expect_same_value("spurious_lines", "both dark bright", 0),
}
LOST_VARIANTS = "better ir vi"
NOTHING_LOST = expect_same_value("lost_contrast", LOST_VARIANTS, 0)
ALL_LOST = expect_same_value("lost_contrast", LOST_VARIANTS, 1)
NO_CONTRAST = expect_same_value("lost_contrast", LOST_VARIANTS, None)

PERFECT = NO_NEW_STRUCTURE | NOTHING_LOST
CONSTANT = NO_NEW_STRUCTURE | NO_CONTRAST
LOST = NO_NEW_STRUCTURE | ALL_LOST
INVERTED = NO_NEW_STRUCTURE | ALL_LOST  # a negative has the same gradient magnitude
# the bars of one source are in every window of 9 x 9 pixels: nowhere is the flat one better
COPY_BESIDE_FLAT = {"lost_contrast.better": 0, "lost_contrast.ir": 0, "lost_contrast.vi": None}

# Independent noise. A derivative has the variance 12 / 64 of the pixels', and the gradient is
# about Rayleigh distributed. Without the 3 x 3 pixels and with one source the mean excess
# would be the integral of P(gF > u) P(1.5 gA < u), which bounds it.
DERIVATIVE_SIGMA = sqrt((256**2 - 1) / 12 * 12 / 64)
MAX_EXCESS = DERIVATIVE_SIGMA * sqrt(pi / 2) * (1 - 1 / sqrt(1 + 1 / 1.5**2))
# A correlation over n pixels by chance is normal with variance 1 / (n - 1); the positive half is
# retained, on average 1 / sqrt(2 pi) standard deviations
RETAINED = 1 / sqrt(2 * pi * (9 * 9 - 1))
NOISE = {
    "spurious_gradient": ValueRange(0, MAX_EXCESS),
    # the depth of a line is half of the levels on average: 1.5 times the deepest of 18 is more
    **expect_same_value("spurious_lines", "both dark bright", ValueRange(0, 1)),
    **expect_same_value("lost_contrast", LOST_VARIANTS, build_range(1 - RETAINED, 0.01)),
}
