"""Ignored true boxes: never to be detected, and predictions on them count for nothing."""

import numpy as np
import pytest

from detection import coco_matching, confusion, result_tables
from detection.metrics import (
    average_precision,
    average_precision_yolov5,
    error_types,
    precision_recall,
)
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import box_matching
from tests.helpers.metric_scores import measure
from tests.helpers.random_boxes import (
    CLASSES,
    compute_pycocotools_precision,
    make_random_boxes,
    mark_ignored,
)

OBJECT, REGION, FAR = (0, 0, 10, 10), (20, 0, 60, 40), (80, 80, 90, 90)
INSIDE, HALF_INSIDE, LESS = (25, 5, 35, 15), (15, 0, 25, 10), (14, 0, 24, 10)
TRUTH = {"1": make_boxes([OBJECT, REGION], [0, 0], ignored=[False, True])}


def make_predictions(*rows):
    """Predictions of one image from (box, class, score)."""
    return {"1": make_boxes([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])}


SEVERAL_INSIDE = make_predictions(
    (INSIDE, 0, 0.99), (INSIDE, 0, 0.98), (HALF_INSIDE, 0, 0.97), (OBJECT, 0, 0.9)
)


@pytest.mark.parametrize("metric", [average_precision, average_precision_yolov5])
def test_predictions_inside_a_region_do_not_lower_ap(metric):
    alone = measure(metric, TRUTH, make_predictions((OBJECT, 0, 0.9)), ("a",))
    scores = measure(metric, TRUTH, SEVERAL_INSIDE, ("a",)).values
    column = next(iter(metric.COLUMNS))  # AP at an IoU of 0.5
    assert scores[column] == pytest.approx(alone.values[column], abs=1e-12)
    assert scores[column] > 0.99


def test_a_prediction_of_another_class_or_less_than_half_inside_is_a_false_positive():
    for wrong in ((LESS, 0, 0.99), (FAR, 0, 0.99)):
        scores = measure(average_precision, TRUTH, make_predictions(wrong, (OBJECT, 0, 0.9)), "a")
        assert scores.values["AP50"] == pytest.approx(0.5)
    predicted = make_predictions((INSIDE, 1, 0.99), (OBJECT, 0, 0.9))
    truth = {"1": make_boxes([OBJECT, REGION, FAR], [0, 0, 1], ignored=[False, True, False])}
    assert measure(precision_recall, truth, predicted, "ab").by_class["b"]["precision"] == 0


def test_a_region_over_an_object_does_not_take_its_prediction():
    truth = {"1": make_boxes([REGION, OBJECT, (0, 0, 50, 50)], [0, 0, 0], (), [True, False, True])}
    scores = measure(average_precision, truth, SEVERAL_INSIDE, ("a",))
    assert scores.values["AP50"] == pytest.approx(1)
    assert scores.counts["boxes"] == 1


def test_a_class_with_nothing_but_regions_has_no_score():
    truth = {"1": make_boxes([REGION], [0], ignored=[True])}
    for metric in (average_precision, average_precision_yolov5, error_types, precision_recall):
        assert set(measure(metric, truth, SEVERAL_INSIDE, ("a",)).values.values()) == {None}


def test_precision_and_recall_leave_out_what_is_ignored():
    scores = measure(precision_recall, TRUTH, SEVERAL_INSIDE, ("a",)).values
    assert scores == {"precision": 1.0, "recall": 1.0, "F1": 1.0}


def test_no_error_type_costs_anything_inside_a_region():
    costs = measure(error_types, TRUTH, SEVERAL_INSIDE, ("a",)).values
    assert set(costs.values()) == {0.0}


def test_the_confusion_matrix_has_neither_the_region_nor_what_lies_on_it():
    predicted = make_predictions(
        (INSIDE, 0, 0.9), (INSIDE, 1, 0.8), (OBJECT, 1, 0.7), (FAR, 0, 0.6)
    )
    matrix = confusion.compute_confusion_matrix(TRUTH, predicted, 2, 0.5)
    assert matrix.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_the_table_per_image_counts_neither_the_region_nor_what_lies_on_it():
    matches = coco_matching.match_images(TRUTH, SEVERAL_INSIDE, ("a",))
    rows = list(result_tables.build_per_image_rows(matches, ("a",), 0.5))
    assert rows == [("1", "a", 1, 1, 0, "0.5")]  # true boxes, true and false positives


@pytest.mark.parametrize("seed", range(20))
def test_matches_at_one_threshold_are_those_of_pycocotools(seed):
    truth, predicted = make_random_boxes(seed)
    truth = mark_ignored(truth, seed)
    for key, true_boxes in truth.items():
        expected = coco_matching.match_image(true_boxes, predicted[key], len(CLASSES)).rows
        ranked = box_matching.select_top_scoring(predicted[key], 300)
        is_matched = box_matching.match_boxes(true_boxes, ranked) >= 0
        is_ignored = ~is_matched & box_matching.lie_on_ignored_boxes(true_boxes, ranked)
        for class_id in range(len(CLASSES)):
            rows = expected["class_ids"] == class_id
            columns = ranked.class_ids == class_id
            for name, values in (("true_positives", is_matched), ("ignored", is_ignored)):
                assert expected[name][rows, 0, 0].tolist() == values[columns].tolist()


@pytest.mark.parametrize("seed", range(10))
def test_precision_recall_curves_are_those_of_pycocotools_with_crowds(seed):
    truth, predicted = make_random_boxes(seed)
    truth = mark_ignored(truth, seed)
    matches = coco_matching.match_images(truth, predicted, CLASSES)
    precision = compute_pycocotools_precision(truth, predicted)
    curves = {}
    for name, threshold, recall, value, _ in result_tables.build_curve_rows(matches, CLASSES):
        curves.setdefault((name, threshold), {})[recall] = value
    for (name, threshold), curve in curves.items():
        assert list(curve) == [f"{recall:.2f}" for recall in np.linspace(0, 1, 101)]
        expected = precision[{0.5: 0, 0.75: 5}[threshold], :, CLASSES.index(name), 0, 0]
        np.testing.assert_allclose(list(curve.values()), expected, rtol=0, atol=1e-12)
