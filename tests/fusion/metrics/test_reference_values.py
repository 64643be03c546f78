"""Values of thirteen independent implementations on real pairs: equal, or with a reason.

The images are from TNO and RoadScene and are not part of this project: FUSEBENCH_METRIC_IMAGES
names the folder with ``<pair>_ir.png``, ``<pair>_vi.png`` and ``<pair>_<fused>.png``.
"""

import csv
import math
import os
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from fusebench.data import images
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.metric import load_metrics
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

FOLDER = os.environ.get("FUSEBENCH_METRIC_IMAGES")
CSV = REFERENCE_FOLDER / "fusion_metrics.csv"
DIFFERENCES = REFERENCE_FOLDER / "fusion_metric_differences.csv"
NAMES = {
    "AG": "average_gradient",
    "AG.fwd": "average_gradient.forward",
    "AG.m1n1": "average_gradient.m1n1",
    "CC": "correlation_coefficient",
    "EN": "entropy",
    "EN.sat254": "entropy.sat254",
    "FMI.edge": "feature_mutual_information",
    "FMI.gradient": "feature_mutual_information.gradient",
    "FMI.none": "feature_mutual_information.pixel",
    "MI.bits": "mutual_information",
    "MI.bits.sat254": "mutual_information.bits.sat254",
    "MI.nats": "mutual_information.nats",
    "MI.nats.norm": "mutual_information.nats.norm",
    "MS-SSIM.MEF": "multi_exposure_similarity",
    "MS-SSIM.ir": "multi_scale_structural_similarity.ir",
    "MS-SSIM.sum": "multi_scale_structural_similarity.sum",
    "MS-SSIM.torchpad.ir": "multi_scale_structural_similarity.zeros.ir",
    "MS-SSIM.torchpad.sum": "multi_scale_structural_similarity.zeros",
    "MS-SSIM.torchpad.vi": "multi_scale_structural_similarity.zeros.vi",
    "MS-SSIM.trunc.sum": "multi_scale_structural_similarity.truncate",
    "MS-SSIM.vi": "multi_scale_structural_similarity.vi",
    "MS-SSIM.zoo.sum": "multi_scale_structural_similarity.x255",
    "NMI.skimage.sum": "mutual_information.mean.entropies",
    "PC": "phase_congruency",
    "PC.kovesi_lp": "phase_congruency.kovesi",
    "QMI": "mutual_information.normalized",
    "Qabf": "edge_preservation",
    "Qabf.eq1": "edge_preservation.eq1",
    "Qabf.liu": "edge_preservation.liu",
    "Qe.ssim11": "edge_dependent_quality.ssim11",
    "Qe.uiqi8": "edge_dependent_quality",
    "Qedge.ssim11": "edge_dependent_quality.edges.ssim11",
    "Qedge.uiqi8": "edge_dependent_quality.edges.uiqi8",
    "Qs.ssim11": "edge_dependent_quality.plain.ssim11",
    "Qs.uiqi8": "edge_dependent_quality.plain.uiqi8",
    "Qw.ssim11": "edge_dependent_quality.weighted.ssim11",
    "Qw.uiqi8": "edge_dependent_quality.weighted.uiqi8",
    "SCD": "sum_of_correlations_of_differences",
    "SD": "standard_deviation",
    "SD.ddof1": "standard_deviation.sample",
    "SD.meancolstd": "standard_deviation.columns",
    "SF": "spatial_frequency",
    "SF.mn": "spatial_frequency.mn",
    "SSIM.dr2.sum": "structural_similarity.uniform7.range2.sum",
    "SSIM.dr255.sum": "structural_similarity.uniform7.sum",
    "SSIM.gauss11.sum": "structural_similarity.sum",
    "SSIM.zoo.sum": "structural_similarity.x255.sum",
    "VIF.ir": "visual_information_fidelity.ir",
    "VIF.sum": "visual_information_fidelity",
    "VIF.vi": "visual_information_fidelity.vi",
    "VIFF.Han": "visual_information_fusion",
}
NOT_COMPUTED = {
    "AG.mlab": "another border, and not 0 on a constant image; one implementation only",
    "FMI.edge.mlab": "empty windows count as 0, which gives 0.05 instead of 0.88",
    "FMI.edge.octave": "Octave's edge() thins differently from MATLAB's",
    "MS-SSIM.pyiqa": "negative scales are not clamped; median difference 1.8 %, at even sizes too",
    "MS-SSIM.sewar": "median difference 0.8 %, at even sizes too",
    "MS-SSIM.torchmetrics": "median difference 0.7 %, at even sizes too",
    "NMI.skimage.ir": "a term of NMI.skimage.sum",
    "NMI.skimage.vi": "a term of NMI.skimage.sum",
    "Qabf.mfif": "opposite sign of one gradient and 1e-5 in its divisions; one implementation only",
    "Qabf.mlab": "difference up to 4.5e-4; one implementation only",
    "VIF.vec": "the steerable-pyramid VIF, another metric",
    "VIF.zoo": "a shifted window and zero padding: +2 to +25 %",
}
RELATIVE_TOLERANCE = 1e-5
ABSOLUTE_TOLERANCE = 1e-12  # rounding error of a value that is 0


def read_differences():
    """(metric, implementation, pair, fused) of rows that differ, to the largest difference."""
    with DIFFERENCES.open() as file:
        return {
            (row["metric"], row["implementation"], row["pair"], row["fused"]): float(row["largest"])
            for row in csv.DictReader(file)
            if row["reason"]
        }


@cache
def read_reference_values():
    """Metric to (pair, fused) to implementation to value."""
    values = defaultdict(dict)
    with CSV.open() as file:
        for row in csv.DictReader(file):
            image = (row["pair"], row["fused"])
            value = float(row["value"] or "nan")
            values[row["metric"]].setdefault(image, {})[row["implementation"]] = value
    return dict(values)


@cache
def read_image(name):
    return images.read_gray(Path(FOLDER or "") / f"{name}.png")


def is_not_computed(metric):
    return any(metric == name or metric.startswith(f"{name}.") for name in NOT_COMPUTED)


def test_every_metric_of_the_table_is_computed_or_has_a_reason():
    assert {m for m in read_reference_values() if not is_not_computed(m)} == set(NAMES)


def test_every_difference_is_a_row_of_the_table_and_has_a_reason():
    rows = {
        (metric, implementation, pair, fused)
        for metric, images in read_reference_values().items()
        for (pair, fused), values in images.items()
        for implementation in values
    }
    assert set(read_differences()) <= rows
    assert len(read_differences()) == len(DIFFERENCES.read_text().splitlines()) - 1


@pytest.mark.skipif(not FOLDER, reason="FUSEBENCH_METRIC_IMAGES names no folder of images")
@pytest.mark.parametrize("metric", NAMES)
def test_value_equals_the_reference_or_differs_no_more_than_documented(metric):
    (candidate,) = load_metrics({NAMES[metric]: {}})
    differences = read_differences()
    for (pair, fused), values in read_reference_values()[metric].items():
        sources = read_image(f"{pair}_ir"), read_image(f"{pair}_vi")
        image = read_image(f"{pair}_{fused}")
        value = candidate.measure(sources, image, direct_evaluator)
        for implementation, reference in values.items():
            context = f"{metric} of {pair}/{fused} by {implementation}: {value} and {reference}"
            if math.isnan(reference):
                is_undefined = value is None or candidate.note(sources, image, direct_evaluator)
                assert is_undefined, context
                continue
            assert value is not None, context
            largest = differences.get((metric, implementation, pair, fused))
            difference = abs(value - reference)
            is_equal = difference <= max(RELATIVE_TOLERANCE * abs(reference), ABSOLUTE_TOLERANCE)
            if largest is None:
                assert is_equal, context
            else:
                assert not is_equal, f"{context}: equal; remove its row from {DIFFERENCES.name}"
                assert difference <= largest * abs(reference) * (1 + 1e-9), context
