"""Every value of thirteen independent implementations on real pairs, met or explained.

The images are TNO's and RoadScene's and are not part of this project: FUSEBENCH_METRIC_IMAGES names
the folder that has ``<pair>_ir.png``, ``<pair>_vi.png`` and ``<pair>_<fused>.png``.
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
    "AG.mlab": "another border and not 0 on a constant image; one implementation only",
    "FMI.edge.mlab": "empty windows count as 0, which leaves 0.05 of 0.88",
    "FMI.edge.octave": "Octave's edge() thins otherwise than MATLAB's",
    "MS-SSIM.pyiqa": "no clamp of negative scales; 1.8 % off in the median, at even sizes too",
    "MS-SSIM.sewar": "0.8 % off in the median, at even sizes too",
    "MS-SSIM.torchmetrics": "0.7 % off in the median, at even sizes too",
    "NMI.skimage.ir": "a term of NMI.skimage.sum",
    "NMI.skimage.vi": "a term of NMI.skimage.sum",
    "Qabf.mfif": "opposite sign of one gradient and 1e-5 in its divisions; one implementation only",
    "Qabf.mlab": "up to 4.5e-4 off; one implementation only",
    "VIF.vec": "the steerable-pyramid VIF, another metric",
    "VIF.zoo": "a window beside its center and zeros around the image: +2 to +25 %",
}
EQUAL = 1e-5  # relative
NOTHING = 1e-12  # absolute: what rounding leaves of a value that is 0


def differing():
    """Rows that are further off: (metric, implementation, pair, fused) to how far at most."""
    with DIFFERENCES.open() as file:
        return {
            (row["metric"], row["implementation"], row["pair"], row["fused"]): float(row["largest"])
            for row in csv.DictReader(file)
            if row["reason"]
        }


@cache
def groups():
    found = defaultdict(dict)
    with CSV.open() as file:
        for row in csv.DictReader(file):
            value = float(row["value"] or "nan")
            found[row["metric"]].setdefault((row["pair"], row["fused"]), {})[
                row["implementation"]
            ] = value
    return dict(found)


@cache
def image(name):
    return images.read_gray(Path(FOLDER or "") / f"{name}.png")


def excused(metric):
    return any(metric == name or metric.startswith(f"{name}.") for name in NOT_COMPUTED)


def test_every_metric_of_the_table_is_computed_or_has_a_reason():
    assert {m for m in groups() if not excused(m)} == set(NAMES)


def test_every_difference_is_one_of_the_tables_rows_and_has_a_reason():
    rows = {
        (metric, who, pair, fused)
        for metric, images in groups().items()
        for (pair, fused), values in images.items()
        for who in values
    }
    assert set(differing()) <= rows
    assert len(differing()) == len(DIFFERENCES.read_text().splitlines()) - 1


@pytest.mark.skipif(not FOLDER, reason="FUSEBENCH_METRIC_IMAGES names no folder of images")
@pytest.mark.parametrize("metric", NAMES)
def test_meets_every_row_but_those_that_are_named_and_those_no_more_than_said(metric):
    (wanted,) = load_metrics({NAMES[metric]: {}})
    allowed = differing()
    for (pair, fused), values in groups()[metric].items():
        sources = image(f"{pair}_ir"), image(f"{pair}_vi")
        mine = wanted.measure(sources, image(f"{pair}_{fused}"), direct_evaluator)
        for who, value in values.items():
            where = f"{metric} of {pair}/{fused} by {who}: {mine} and {value}"
            if math.isnan(value):
                undefined = mine is None or wanted.note(
                    sources, image(f"{pair}_{fused}"), direct_evaluator
                )
                assert undefined, where
                continue
            assert mine is not None, where
            largest = allowed.get((metric, who, pair, fused))
            gap = abs(mine - value)
            equal = gap <= max(EQUAL * abs(value), NOTHING)
            if largest is None:
                assert equal, where
            else:
                assert not equal, f"{where}: agrees; take its row out of {DIFFERENCES.name}"
                assert gap <= largest * abs(value) * (1 + 1e-9), where
