"""Metric presets: the metrics and variants of published tables, and those of visible faults."""

from collections.abc import Sequence
from typing import Any

from fusion.scoring.metric import Metric, load_metrics

METRIC_PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {  # every published metric as its source defines it
        "entropy": {},
        "standard_deviation": {},
        "spatial_frequency": {},
        "average_gradient": {},
        "correlation_coefficient": {},
        "sum_of_correlations_of_differences": {},
        "mutual_information": {},
        "visual_information_fidelity": {},
        "visual_information_fusion": {},
        "edge_preservation": {},
        "fusion_artifacts": {},
        "structural_similarity": {},
        "multi_scale_structural_similarity": {},
        "multi_exposure_similarity": {},
        "edge_dependent_quality": {},
        "feature_mutual_information": {},
        "phase_congruency": {},
        "cross_entropy": {},
        "peak_signal_to_noise": {},
    },
    "dmnet": {  # DMNet's tables: scale and definitions were inferred from the rows of its baselines
        "entropy": {},
        "spatial_frequency": {},
        "average_gradient": {},
        "standard_deviation": {},
        "correlation_coefficient": {},
        "sum_of_correlations_of_differences": {},
        "mutual_information": {"variant": "bits"},
        "visual_information_fidelity": {"variant": "sum"},
        "edge_preservation": {},
        "multi_scale_structural_similarity": {"variant": "x255"},
    },
    "dmfuse": {  # DMFuse's tables
        "phase_congruency": {},
        "edge_dependent_quality": {},
        "feature_mutual_information": {"variant": "edge"},
        "edge_preservation": {},
        "multi_exposure_similarity": {},
        "visual_information_fusion": {},
        "entropy": {},
        "standard_deviation": {},
    },
    "faults": {  # structure that no source has, and contrast that was lost; own definitions
        "spurious_gradient": {},
        "spurious_lines": {},
        "lost_contrast": {},
    },
}

PRESET_NOTES: dict[str, str] = {  # printed after the signatures of a preset
    "dmfuse": "Qe unresolved: no known variant reaches the paper's values",
}


def get_preset_note(metrics: Sequence[Metric]) -> str:
    """Get the note of the preset that has the same metrics; empty if there is none.

    Metrics are compared by signature: one variant can be selected by several names.
    """
    signatures = {metric.signature for metric in metrics}
    for name, note in PRESET_NOTES.items():
        if signatures == {metric.signature for metric in load_metrics(METRIC_PRESETS[name])}:
            return note
    return ""
