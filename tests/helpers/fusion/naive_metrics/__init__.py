"""Fusion metrics as naive loops over pixels and windows, easy to compare with their formulas.

They are an independent implementation for the tests of fusion/metrics, and the baseline of its
benchmark. They share no code with it, and use no filter or table that the definition does not
contain. Every function takes three uint8 images and computes the default variant.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.helpers.fusion.naive_metrics import (
    edge_metrics,
    fault_metrics,
    feature_metrics,
    pixel_metrics,
    window_metrics,
)

Image = NDArray[np.uint8]

NAIVE_METRICS: dict[str, Callable[[Image, Image, Image], float]] = {
    function.__name__: function
    for function in (
        pixel_metrics.entropy,
        pixel_metrics.standard_deviation,
        pixel_metrics.spatial_frequency,
        pixel_metrics.average_gradient,
        pixel_metrics.correlation_coefficient,
        pixel_metrics.sum_of_correlations_of_differences,
        pixel_metrics.mutual_information,
        pixel_metrics.cross_entropy,
        pixel_metrics.peak_signal_to_noise,
        edge_metrics.edge_preservation,
        edge_metrics.fusion_artifacts,
        window_metrics.structural_similarity,
        window_metrics.multi_scale_structural_similarity,
        window_metrics.visual_information_fidelity,
        window_metrics.visual_information_fusion,
        window_metrics.multi_exposure_similarity,
        window_metrics.edge_dependent_quality,
        feature_metrics.feature_mutual_information,
        feature_metrics.phase_congruency,
        fault_metrics.spurious_gradient,
        fault_metrics.spurious_lines,
        fault_metrics.lost_contrast,
    )
}
