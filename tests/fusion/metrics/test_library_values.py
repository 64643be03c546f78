"""Agreement with other libraries on deterministic images, and with naive loops on smaller ones.

`reference/fusion_metric_libraries.csv` has the value of each library's function, summed over both
sources, with the library's version and the call. All were called with float64 if they support it.
"""

import csv

import numpy as np
import pytest

from fusebench import plugins
from fusebench.runtime.reading.yaml_text import read_yaml
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.metric import load_metrics
from tests.helpers.fusion import naive_metrics
from tests.helpers.fusion.deterministic_images import SIZES, make_image_triple
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER
from tests.helpers.paths import REPOSITORY

CSV = REFERENCE_FOLDER / "fusion_metric_libraries.csv"
with CSV.open() as file:
    ROWS = list(csv.DictReader(file))
# pytorch-msssim has float32 weights; piq has other epsilons in the divisions of VIF
TOLERANCE = {"pytorch-msssim": 1e-6, "piq": 1e-9}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['metric']}-{r['library']}-{r['size']}")
def test_agrees_with_the_library(row):
    a, b, f = make_image_triple(*SIZES[row["size"]])
    (metric,) = load_metrics({row["metric"]: {}})
    rel = TOLERANCE.get(row["library"], 1e-12)
    assert metric.measure((a, b), f, direct_evaluator) == pytest.approx(
        float(row["value"]), rel=rel
    )


@pytest.mark.parametrize("name", naive_metrics.NAIVE_METRICS)
def test_agrees_with_naive_loops_over_pixels_and_windows(name):
    is_large = name == "multi_scale_structural_similarity"
    a, b, f = make_image_triple(*((176, 177) if is_large else (54, 66)))
    value = plugins.load_fusion_metric(name).measure(a, b, f)
    assert value == pytest.approx(naive_metrics.NAIVE_METRICS[name](a, b, f), rel=1e-10)


def test_the_metrics_of_the_presets_plain_and_faults_have_a_naive_implementation():
    presets = read_yaml(REPOSITORY / "tasks.yaml")["presets"]
    names = {name for key in ("plain", "faults") for name in presets[key]["quality"]["metrics"]}
    assert set(naive_metrics.NAIVE_METRICS) == names


def test_images_are_those_the_libraries_were_called_with():
    a, b, f = make_image_triple(*SIZES["odd"])
    sums = [int(x.astype(np.int64).sum()) for x in (a, b, f)]
    assert sums == [4280496, 4274130, 4251505]
