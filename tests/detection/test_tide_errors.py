"""TIDE error types and the confusion matrix: by hand, and against TIDE's own program."""

import numpy as np
import pytest

from detection import confusion, tide_errors
from detection.metrics import average_precision, error_types
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import precision_recall_curve
from tests.helpers.detection_reference_cases import CASES, parse_case

LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
FAR = (80, 80, 90, 90)
REFERENCE_NAMES = {"localization": "localisation"}  # in detection_scores.json
SHIFTED = (5, 0, 15, 10)  # IoU with LEFT: 50 / 150


def classify(truth, predicted):
    """Return the error type of every prediction of one image, in falling score."""
    errors = tide_errors.classify_errors({"1": truth}, {"1": predicted}, 3, 100)
    names = tide_errors.ERROR_TYPES
    return [names[error] if error >= 0 else "true positive" for error in errors.error_types]


def ap_lost(truth, predicted, classes=("a",)):
    """Return the mean AP@.5 lost to each error type that costs any."""
    values = error_types.measure(truth, predicted, classes).values
    return {name.removesuffix(" error"): v for name, v in values.items() if v}


def predictions(*rows):
    """Predictions of one image from (box, class, score)."""
    return make_boxes([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_error_type_costs_the_ap_that_tide_computed(number, monkeypatch):
    # TIDE reads the curve at k / 100, COCO at linspace(0, 1, 101), which differ in the last digit
    monkeypatch.setattr(precision_recall_curve, "RECALLS", np.arange(101) / 100)
    truth, predicted, classes = parse_case(CASES[number])
    expected = CASES[number]["tidecv"]
    scores = error_types.measure(truth, predicted, classes)
    errors = tide_errors.classify_errors(truth, predicted, len(classes), 100)
    for index, name in enumerate(tide_errors.ERROR_TYPES):
        column = f"{name} error"
        reference_name = REFERENCE_NAMES.get(name, name)
        ap50 = expected["AP50 given back"][reference_name]
        assert 100 * scores.values[column] == pytest.approx(ap50, abs=1e-9)
        for class_name, cost in zip(classes, expected["by class"][reference_name], strict=True):
            assert 100 * scores.by_class[class_name][column] == pytest.approx(cost, abs=1e-9)
        is_missed = name == "missed"
        count = errors.missed_counts if is_missed else errors.error_types == index
        assert count.sum() == expected["counts"][reference_name]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_error_type_costs_the_ap_that_the_installed_tide_computes(number, monkeypatch):
    tidecv = pytest.importorskip("tidecv")
    monkeypatch.setattr(precision_recall_curve, "RECALLS", np.arange(101) / 100)
    truth, predicted, classes = parse_case(CASES[number])
    true_data, predicted_data = tidecv.Data("true"), tidecv.Data("predicted")
    for index, key in enumerate(truth):
        true, boxes = truth[key], predicted[key]
        for x, y, right, bottom, label in np.c_[true.corners, true.class_ids].tolist():
            true_data.add_ground_truth(index, int(label), [x, y, right - x, bottom - y])
        rows = np.c_[boxes.corners, boxes.class_ids, boxes.scores].tolist()
        for x, y, right, bottom, label, score in rows:
            predicted_data.add_detection(index, int(label), score, [x, y, right - x, bottom - y])
    tide = tidecv.TIDE()
    tide.evaluate(true_data, predicted_data, mode=tidecv.TIDE.BOX)
    expected = list(tide.get_main_errors()["predicted"].values())  # in the order of ERROR_TYPES
    ap50_lost = list(error_types.measure(truth, predicted, classes).values.values())
    assert 100 * np.array(ap50_lost) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_ap_with_no_error_fixed_is_cocos_ap(number):
    truth, predicted, classes = parse_case(CASES[number])
    coco = average_precision.measure(truth, predicted, classes)
    errors = tide_errors.classify_errors(truth, predicted, len(classes), 100)
    for index, name in enumerate(classes):
        ap50 = error_types.compute_ap_if_fixed(errors, index, None)
        assert ap50 == pytest.approx(coco.by_class[name]["AP50"], abs=1e-12)


def test_a_prediction_of_every_error_type_is_classified_as_such():
    truth = make_boxes([LEFT, MIDDLE], [0, 1])
    assert classify(truth, predictions((LEFT, 0, 0.9))) == ["true positive"]
    assert classify(truth, predictions((LEFT, 1, 0.9))) == ["classification"]
    assert classify(truth, predictions((SHIFTED, 0, 0.9))) == ["localization"]
    assert classify(truth, predictions((SHIFTED, 1, 0.9))) == ["both"]
    assert classify(truth, predictions((LEFT, 0, 0.9), (LEFT, 0, 0.8))) == [
        "true positive",
        "duplicate",
    ]
    assert classify(truth, predictions((FAR, 0, 0.9))) == ["background"]
    assert classify(make_boxes([], []), predictions((FAR, 0, 0.9))) == ["background"]


def test_iou_of_exactly_one_half_and_one_tenth():
    truth = make_boxes([(0, 0, 10, 10)], [0])
    assert classify(truth, predictions(((0, 0, 10, 5), 0, 0.9))) == ["true positive"]
    assert classify(truth, predictions(((0, 0, 10, 1), 0, 0.9))) == ["localization"]
    assert classify(truth, predictions(((0, 0, 10, 1), 1, 0.9))) == ["background"]
    assert classify(truth, predictions(((0, 0, 10, 5), 1, 0.9))) == ["classification"]


def test_the_cost_of_each_error_type_alone_by_hand():
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    one_missed = 51 / 101
    false_positive_before_second = (51 + 50 * 2 / 3) / 101
    correct = (LEFT, 0, 0.9)
    assert ap_lost(truth, {"1": predictions(correct)}) == pytest.approx({"missed": 1 - one_missed})
    predicted = {"1": predictions(correct, (FAR, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert ap_lost(truth, predicted) == pytest.approx(
        {"background": 1 - false_positive_before_second}
    )
    predicted = {"1": predictions(correct, (LEFT, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert ap_lost(truth, predicted) == pytest.approx(
        {"duplicate": 1 - false_positive_before_second}
    )
    predicted = {"1": predictions(correct, ((25, 0, 35, 10), 0, 0.8))}
    assert ap_lost(truth, predicted) == pytest.approx({"localization": 1 - one_missed})


def test_a_classification_error_costs_the_true_and_the_predicted_class():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    predicted = {"1": predictions((MIDDLE, 0, 0.9), (LEFT, 0, 0.8), (RIGHT, 1, 0.7))}
    by_class = error_types.measure(truth, predicted, ("a", "b")).by_class
    assert by_class["a"]["classification error"] == pytest.approx(1 - 0.5)
    assert by_class["b"]["classification error"] == pytest.approx(1 - 51 / 101)
    assert by_class["a"]["missed error"] == by_class["b"]["missed error"] == 0.0


def test_a_both_error_costs_as_a_false_positive_does():
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 1])}
    predicted = {"1": predictions((SHIFTED, 1, 0.9), (MIDDLE, 1, 0.8), (LEFT, 0, 0.7))}
    by_class = error_types.measure(truth, predicted, ("a", "b")).by_class
    assert by_class["b"]["both error"] == pytest.approx(0.5)
    assert by_class["a"]["both error"] == 0.0


def test_only_the_highest_scoring_error_at_a_true_box_is_fixed():
    truth = {"1": make_boxes([LEFT], [0])}
    errors_at_left = predictions((SHIFTED, 0, 0.9), ((4.9, 0, 14.9, 10), 0, 0.8))
    errors = tide_errors.classify_errors(truth, {"1": errors_at_left}, 1, 100)
    assert errors.fixed_classes.tolist() == [0, -1]
    assert errors.missed_counts.tolist() == [0]
    assert ap_lost(truth, {"1": errors_at_left}) == {"localization": 1.0}


def test_an_error_at_a_matched_true_box_is_removed_when_fixed():
    truth = {"1": make_boxes([LEFT], [0])}
    errors = tide_errors.classify_errors(
        truth, {"1": predictions((LEFT, 0, 0.9), (SHIFTED, 0, 0.95))}, 1, 100
    )
    assert errors.error_types.tolist() == [tide_errors.LOCALIZATION, tide_errors.TRUE_POSITIVE]
    assert errors.fixed_classes.tolist() == [-1, 0]


def test_a_class_without_true_positives_loses_all_ap_to_missed_boxes():
    truth = {"1": make_boxes([LEFT], [0]), "2": make_boxes([MIDDLE], [0])}
    for predicted in (
        {"1": make_boxes([], []), "2": make_boxes([], [])},
        {"1": predictions((FAR, 0, 0.9)), "2": make_boxes([], [])},
    ):
        assert ap_lost(truth, predicted) == {"missed": 1.0}


def test_predictions_beyond_the_limit_per_image_and_class_are_ignored():
    boxes = predictions(*[(FAR, 0, 0.9)] * 3, (LEFT, 0, 0.5), (LEFT, 1, 0.4))
    errors = tide_errors.classify_errors({"1": make_boxes([LEFT], [0])}, {"1": boxes}, 2, 2)
    assert errors.error_types.tolist() == [tide_errors.BACKGROUND] * 2 + [
        tide_errors.CLASSIFICATION
    ]


def test_confusion_matches_boxes_regardless_of_class():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    predicted = {"1": predictions((LEFT, 1, 0.9), (MIDDLE, 1, 0.8), (FAR, 0, 0.7), (RIGHT, 1, 0.1))}
    # rows a, b, background: LEFT is predicted as b, MIDDLE is correct, RIGHT below the confidence
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.5).tolist() == [
        [0, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
    ]


def test_confusion_matches_the_pair_of_highest_iou_first():
    truth = {"1": make_boxes([LEFT], [0])}
    predicted = {"1": predictions(((0, 0, 10, 8), 1, 0.9), (LEFT, 0, 0.3))}
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.2).tolist() == [
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 0],
    ]


def test_confusion_matches_the_higher_score_of_equal_iou_in_any_order():
    truth = {"1": make_boxes([LEFT], [0])}
    predicted = {"1": predictions((LEFT, 0, 0.3), (LEFT, 1, 0.9))}
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.2).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
        [1, 0, 0],
    ]


def test_confusion_without_boxes_is_0():
    empty = {"1": make_boxes([], [])}
    assert confusion.compute_confusion_matrix(empty, empty, 2, 0.5).sum() == 0
    assert confusion.compute_confusion_matrix({}, {}, 2, 0.5).shape == (3, 3)
    assert confusion.compute_confusion_matrix(
        {"1": make_boxes([LEFT], [0])}, empty, 1, 0.5
    ).tolist() == [[0, 1], [0, 0]]


def test_confusion_counts_every_box_once():
    for case in CASES:
        truth, predicted, classes = parse_case(case)
        counts = confusion.compute_confusion_matrix(truth, predicted, len(classes), 0.4)
        true_ids = [boxes.class_ids for boxes in truth.values()]
        predicted_ids = [boxes.class_ids[boxes.scores >= 0.4] for boxes in predicted.values()]
        true_counts, predicted_counts = (
            np.bincount(np.concatenate(ids), minlength=len(classes))
            for ids in (true_ids, predicted_ids)
        )
        assert counts[:-1].sum(axis=1).tolist() == true_counts.tolist()
        assert counts[:, :-1].sum(axis=0).tolist() == predicted_counts.tolist()
