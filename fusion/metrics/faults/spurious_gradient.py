"""Spurious gradient: gradient in the fused image where neither source has one.

Source: own definition; the gradient is that of the artifact measure of Petrovic and Xydeas.

Their measure (Nabf, see `fusion_artifacts`) is a share that is weighted by the edges of the
sources, so that a new edge in a flat region counts next to nothing, and a gain of 1.01 counts as an
artifact. Here a new edge counts with its strength wherever it is, and a gain of up to 1.5 is
allowed.
"""

import numpy as np

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage
from fusion.metric_parts.gradients import mirrored_sobel_derivatives
from fusion.metric_parts.source_excess import compute_excess
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Spurious gradient"
VARIANTS = {
    "mean": Variant(
        "mean excess over 1.5 times the sources' gradient", 0, 255, "gray levels", better="lower"
    )
}
DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Average the gradient that is stronger than the sources can explain.

        mean max(0, gF - 1.5 max over 3 x 3 pixels of max(gA, gB))

    g: magnitude of the Sobel gradient over 8, with a mirrored border. Texture, contours, halos and
    borders that no source has count. An outline along an edge of a source does not, see
    `spurious_lines`. A copy, an average and a pixelwise maximum of the sources have (almost) none.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Gray levels per pixel, 0 or more; lower is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    a, b, f = (compute(_gradient_magnitude, image) for image in (infrared, visible, fused))
    return float(compute_excess(a, b, f, compute).mean())


def _gradient_magnitude(image: Gray) -> FloatImage:
    gx, gy = mirrored_sobel_derivatives(image)
    return np.asarray(np.sqrt(gx * gx + gy * gy))
