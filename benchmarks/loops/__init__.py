"""Fusion metrics as plain loops over pixels and windows: slow, and easy to hold against a formula.

They are what the fast ones are timed against, and an implementation of its own for their tests:
nothing is shared with fusion/metrics, and no filter, trick or table is used that the definition
does not name. Every function takes three uint8 images and gives the default variant.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.loops import edges, features, pixels, windows

Image = NDArray[np.uint8]

EVERY: dict[str, Callable[[Image, Image, Image], float]] = {
    function.__name__: function
    for function in (
        pixels.entropy,
        pixels.standard_deviation,
        pixels.spatial_frequency,
        pixels.average_gradient,
        pixels.correlation_coefficient,
        pixels.sum_of_correlations_of_differences,
        pixels.mutual_information,
        pixels.cross_entropy,
        pixels.peak_signal_to_noise,
        edges.edge_preservation,
        edges.fusion_artifacts,
        windows.structural_similarity,
        windows.multi_scale_structural_similarity,
        windows.visual_information_fidelity,
        windows.visual_information_fusion,
        windows.multi_exposure_similarity,
        windows.edge_dependent_quality,
        features.feature_mutual_information,
        features.phase_congruency,
    )
}
