"""What every variant of every fusion metric gives on images simple enough to be solved by hand.

Three patterns of 176 x 192 pixels, in which every row is the same:

bars   8 pixels black, 8 pixels white, and so on: 23 steps of 255
fine   1 pixel black, 1 pixel white, and so on
ramp   grey level = column, 0 to 191

A `Between` is a bound where only a bound can be derived; a number is met to 1e-6 relative.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

HEIGHT, WIDTH = 176, 192
STEPS = 23  # of bars
N = HEIGHT * WIDTH


@dataclass(frozen=True)
class Between:
    low: float
    high: float

    def __eq__(self, found):
        return found is not None and self.low <= found <= self.high

    __hash__ = None


def about(value, slack):
    return Between(value - slack, value + slack)


def rows(levels):
    return np.tile(np.asarray(levels, np.uint8), (HEIGHT, 1))


COLUMNS = np.arange(WIDTH)
BARS, LATER = rows(COLUMNS // 8 % 2 * 255), rows((COLUMNS + 1) // 8 % 2 * 255)
FINE = rows(COLUMNS % 2 * 255)
RAMP = rows(COLUMNS)
FLAT = np.full((HEIGHT, WIDTH), 128, np.uint8)


def named(metric, **values):
    """``variant=value`` to ``metric.variant=value``; a variant's dots are written ``__``."""
    return {f"{metric}.{key.replace('__', '.')}": value for key, value in values.items()}


def single(metric, value):
    return {metric: value}


def same(metric, names, value):
    return {f"{metric}.{name}": value for name in names.split()}


QE = "uiqi8 ssim11 edges.uiqi8 edges.ssim11 weighted.uiqi8 weighted.ssim11 plain.uiqi8"
QE += " plain.ssim11 plain.edges.uiqi8"

# --- what the bars have by themselves ---
# two levels, half of the pixels each; 23 of 191 differences to the right are 255, none downwards
MN = sqrt(N / (N - 1))
OF_BARS = {
    **same("entropy", "levels sat254", 1),
    # mean of the columns' deviations: a column is constant
    **named("standard_deviation", population=127.5, sample=127.5 * MN, columns=0),
    **named(
        "spatial_frequency",
        differences=255 * sqrt(STEPS / (WIDTH - 1)),
        mn=255 * sqrt(STEPS / WIDTH),
    ),
    # central: 127.5 / sqrt 2 at both pixels of a step; forward: 255 / sqrt 2 at one
    **named(
        "average_gradient",
        central=255 / sqrt(2) * STEPS / WIDTH,
        m1n1=255 / sqrt(2) * STEPS * HEIGHT / ((HEIGHT - 1) * (WIDTH - 1)),
        forward=255 / sqrt(2) * STEPS / WIDTH,
    ),
}
# --- what several cases share ---
# one level tells the other: I = H = 1 bit, I / H = 1, (H + H) / H = 2, per source
RENAMED = {
    **same("mutual_information", "bits bits.sat254 normalised", 2),
    **same("mutual_information", "nats nats.norm", 2 * log(2)),
    **named("mutual_information", mean__entropies=4),
}
# all edges kept: A = 1, G = 1 or the strength itself, which is large
WHOLE = 0.9994 * 0.9879 / (1 + exp(-22 * 0.2))
EQ1 = WHOLE / (1 + exp(-15 * 0.5))
LIU = 1 / (1 + exp(-10 * 0.5)) / (1 + exp(-20 * 0.25))
EDGES_KEPT = named("edge_preservation", standard=WHOLE, eq1=EQ1, liu=LIU)


def petrovic(ratio, turned):
    """Q of Nabf: G = ratio of the strengths, D = 1 - the turn over pi / 2."""
    strength = 0.9999 / (1 + exp(-19 * (ratio - 0.5)))
    return sqrt(strength * 0.9995 / (1 + exp(-22 * (turned - 0.5))))


def artifacts(on_edges, elsewhere):
    """No new edge. Steps: strength 255 4 / 8, weight its 1.5th power; other pixels weigh 0.001."""
    edge, rest = 2 * STEPS * 127.5**1.5, (WIDTH - 2 * STEPS) * 0.001
    kept = (edge * on_edges + rest * elsewhere) / (edge + rest)
    return {
        **same("fusion_artifacts", "kumar petrovic port", 0),
        **named("fusion_artifacts", kept=kept, loss=1 - kept),
    }


SAME_EDGES = artifacts(petrovic(1, 1), petrovic(0, 1))
# a window of 8 with j black pixels: UIQI of a bar with its negative is -(2 x y / (x^2 + y^2)),
# x = j, y = 8 - j, and its variance 255^2 x y / 64; j = 1 to 7 once for every step
TURNED = [2 * j * (8 - j) / (j * j + (8 - j) ** 2) for j in range(1, 8)]
POWER = [255**2 * j * (8 - j) / 64 for j in range(1, 8)]
PLACES = WIDTH - 7  # of a window of 8; those that start with a bar, 24, see one level


def weighted(quality, flat):
    """Qw; windows of one level weigh 0.5, where no source has any variance."""
    total = STEPS * sum(p * q for p, q in zip(POWER, quality, strict=True)) + 24 * 0.5 * flat
    return total / (STEPS * sum(POWER) + 24 * 0.5)


def plain(quality, flat):
    return (STEPS * sum(quality) + 24 * flat) / PLACES


def uniform7(fused, scale):
    """SSIM of the bars in 7 x 7 windows (sample covariances); ``fused``: level to level."""
    c1, c2 = (2.55 * scale) ** 2, (7.65 * scale) ** 2
    total = 0.0
    for start in range(WIDTH - 6):
        x = BARS[0, start : start + 7].astype(float)
        y = fused(x)
        (vx, both), (_, vy) = np.cov(x, y, ddof=0) * 49 / 48
        top = (2 * x.mean() * y.mean() + c1) * (2 * both + c2)
        total += top / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (vx + vy + c2))
    return total / (WIDTH - 6)


# --- three identical images: bars ---
IDENTICAL = OF_BARS | RENAMED | EDGES_KEPT | SAME_EDGES
IDENTICAL |= {
    **single("correlation_coefficient", 1),
    **single("sum_of_correlations_of_differences", 0),  # F - A is constant: undefined, counts as 0
    **single("cross_entropy", 0),
    **same("edge_dependent_quality", QE, 1),
    **same("feature_mutual_information", "edge pixel gradient", 1),
    **single("multi_exposure_similarity", 1),
    **same("multi_scale_structural_similarity", "mean ir vi zeros.ir zeros.vi", 1),
    **same("multi_scale_structural_similarity", "sum zeros truncate x255", 2),
    **same("structural_similarity", "sum uniform7.sum uniform7.range2.sum x255.sum", 2),
    **named("structural_similarity", mean=1),
    **same("peak_signal_to_noise", "mean_error mean scaled", None),  # infinite
    **named("visual_information_fidelity", sum=2, mean=1, ir=1, vi=1),
    **single("visual_information_fusion", 1),
    # below 1, because the sources' maps are masked and the fused image's is not
    **same("phase_congruency", "liu kovesi", Between(0.5, 0.99)),
}

# --- three constant images of one level ---
NOTHING = {
    **same("entropy", "levels sat254", 0),
    **same("standard_deviation", "population sample columns", 0),
    **same("spatial_frequency", "differences mn", 0),
    **same("average_gradient", "central m1n1 forward", 0),
}
CONSTANT = NOTHING | {
    name: value
    for name, value in IDENTICAL.items()
    if name.startswith(("edge_", "feature_", "multi_", "structural", "peak", "cross"))
    or name in ("visual_information_fusion", "sum_of_correlations_of_differences")
}
CONSTANT |= {
    **single("correlation_coefficient", 0),  # undefined, counts as 0
    **same("mutual_information", "bits nats nats.norm bits.sat254 normalised", 0),
    **named("mutual_information", mean__entropies=2),  # 0 / 0 counts as 1 per source
    **same("visual_information_fidelity", "sum mean ir vi", None),  # nothing to be kept
    **same("phase_congruency", "liu kovesi", None),  # no feature
    # without an edge all pixels weigh the same, and G = 0 / 0 counts as 0
    **same("fusion_artifacts", "kumar petrovic", 0),
    **named("fusion_artifacts", port=None, kept=petrovic(0, 1), loss=1 - petrovic(0, 1)),
}
