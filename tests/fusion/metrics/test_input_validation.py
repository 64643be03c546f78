"""Invalid images and metric selections are errors with the actual and the expected value."""

import numpy as np
import pytest

from fusebench import plugins
from fusebench.errors import UserError
from fusion.scoring.metric import load_metrics

GOOD = np.zeros((20, 30), np.uint8)
NAN = np.full((20, 30), np.nan)
BAD = {
    "sizes": (np.zeros((20, 31), np.uint8), ValueError, r"differ in size: .*\(20, 31\)"),
    "empty": (np.zeros((0, 30), np.uint8), ValueError, r"empty image, shape \(0, 30\)"),
    "color": (np.zeros((20, 30, 3), np.uint8), ValueError, r"expected luminance \(H, W\)"),
    "nan": (NAN, TypeError, "float64 with NaN or infinity, expected uint8"),
    "range": (np.full((20, 30), 300.5), TypeError, "float64 from 300.5 to 300.5, expected uint8"),
    "scaled": (np.full((20, 30), 0.5, np.float32), TypeError, "float32 from 0.5 to 0.5"),
    "wide": (np.zeros((20, 30), np.int64), TypeError, "int64 from 0 to 0"),
    "list": ([[1, 2]], TypeError, "is list, expected a uint8 array"),
}


@pytest.mark.parametrize("name", plugins.list_plugins("fusion.metrics"))
@pytest.mark.parametrize("case", BAD)
def test_every_metric_refuses_bad_images(name, case):
    bad, error, message = BAD[case]
    measure = plugins.load_fusion_metric(name).measure
    for position in range(3):
        images = [GOOD, GOOD, GOOD]
        images[position] = bad
        with pytest.raises(error, match=message):
            measure(*images)


def test_error_names_an_unknown_variant():
    with pytest.raises(UserError, match=r"metrics\.entropy\.loud: variant: .*'loud'"):
        load_metrics({"entropy.loud": {}})


def test_error_of_an_unknown_metric_suggests_a_similar_name():
    with pytest.raises(UserError, match="did you mean 'entropy'"):
        load_metrics({"entropi": {}})


def test_variant_of_a_metric_without_variants_is_an_error():
    with pytest.raises(UserError, match="no option is called 'variant'"):
        load_metrics({"correlation_coefficient.mean": {}})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"entropy": {}}, {"entropy.levels": {}}),
        ({"mutual_information.nats": {}}, {"mutual_information": {"variant": "nats"}}),
    ],
)
def test_two_names_of_one_metric_are_an_error(first, second):
    with pytest.raises(UserError, match="are the same metric; keep one"):
        load_metrics(first | second)


def test_two_variants_of_one_metric_are_two_metrics():
    assert len(load_metrics({"entropy": {}, "entropy.sat254": {}})) == 2
