"""Libraries' values on images of integer arithmetic, and plain loops on smaller ones.

`reference/fusion_metric_libraries.csv` holds what each library's function gave, its version and its
call, summed over both sources; all were called with float64 where they take it.
"""

import csv

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.metric import load_metrics
from tests.helpers import naive_metrics
from tests.helpers.deterministic_images import SIZES, make_image_triple
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

CSV = REFERENCE_FOLDER / "fusion_metric_libraries.csv"
with CSV.open() as file:
    ROWS = list(csv.DictReader(file))
# pytorch-msssim has float32 weights; piq guards VIF's divisions differently
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
def test_agrees_with_plain_loops_over_pixels_and_windows(name):
    large = name == "multi_scale_structural_similarity"
    a, b, f = make_image_triple(*((176, 177) if large else (54, 66)))
    measured = plugins.load_plugin("fusion.metrics", name).measure(a, b, f)
    assert measured == pytest.approx(naive_metrics.NAIVE_METRICS[name](a, b, f), rel=1e-10)


def test_every_metric_has_loops():
    assert set(naive_metrics.NAIVE_METRICS) == set(plugins.list_plugins("fusion.metrics"))


def test_the_images_are_what_the_libraries_were_given():
    a, b, f = make_image_triple(*SIZES["odd"])
    assert [int(x.astype(np.int64).sum()) for x in (a, b, f)] == SUMS


SUMS = [4280496, 4274130, 4251505]
