"""Log-average miss rate, AP@.75 and error types with ignored boxes, against other programs."""

import numpy as np
import pytest

from detection import coco_matching
from detection.metrics import average_precision, error_types, log_average_miss_rate
from fusebench.evaluation import match_table, miss_rate
from tests.helpers.detection_reference_cases import (
    PEDESTRIAN_CASES,
    parse_case,
    read_curve_as_tide,
)
from tests.helpers.metric_scores import measure

every_case = pytest.mark.parametrize("case", PEDESTRIAN_CASES)


@every_case
def test_the_log_average_miss_rate_is_that_of_dollars_toolbox(case):
    truth, predicted, classes = parse_case(case)
    scores = measure(log_average_miss_rate, truth, predicted, classes)
    for name, expected in zip(classes, case["LAMR"], strict=True):
        assert scores.by_class[name]["LAMR"] == pytest.approx(expected, abs=1e-12)
    assert scores.values["LAMR"] == pytest.approx(np.mean(case["LAMR"]), abs=1e-12)


@every_case
def test_each_miss_rate_is_that_of_brambox(case):
    truth, predicted, classes = parse_case(case)
    counts = coco_matching.match_images(truth, predicted, classes)
    for class_id, expected in enumerate(case["miss rates"]):
        matches = match_table.select_class(counts, class_id)
        rates = miss_rate.compute_miss_rates(matches, np.ones((1, len(truth))))[0]
        np.testing.assert_allclose(rates, expected, rtol=0, atol=1e-12)


def test_the_reference_has_rates_of_0_of_1_and_many_ignored_boxes():
    rates = np.array([rates for case in PEDESTRIAN_CASES for rates in case["miss rates"]])
    assert (rates == 0).any()
    assert (rates == 1).any()
    boxes = [row for case in PEDESTRIAN_CASES for image in case["images"] for row in image["true"]]
    assert 0.2 < np.mean([row[5] for row in boxes]) < 0.4


@every_case
def test_ap_at_75_is_that_of_pycocotools_with_crowds(case):
    scores = measure(average_precision, *parse_case(case))
    for name, expected in zip(scores.by_class, case["AP75"], strict=True):
        assert scores.by_class[name]["AP75"] == pytest.approx(expected, abs=1e-12)
    assert scores.values["AP75"] == pytest.approx(case["mean AP75"], abs=1e-12)


@every_case
def test_error_types_cost_what_tide_computes_with_ignored_regions(case, monkeypatch):
    truth, predicted, classes = parse_case(case)
    read_curve_as_tide(monkeypatch)
    costs = measure(error_types, truth, predicted, classes).values
    for kind, expected in case["tidecv"].items():
        assert 100 * costs[f"{kind} error"] == pytest.approx(expected, abs=1e-9), kind


def test_kaists_python_program_agrees_where_its_rules_are_the_same():
    # class a: its first prediction is a true positive, and every image with one of its true boxes
    # has a prediction; class b starts with a false positive in fewer than 100 images
    case = PEDESTRIAN_CASES[0]
    truth, predicted, classes = parse_case(case)
    scores = measure(log_average_miss_rate, truth, predicted, classes)
    assert scores.by_class["a"]["LAMR"] == pytest.approx(case["kaist python"][0], abs=1e-12)
    assert scores.by_class["b"]["LAMR"] - case["kaist python"][1] > 0.3
