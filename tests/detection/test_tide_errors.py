"""Error types and confusion matrices of boxes: by hand, and against TIDE's own program."""

import numpy as np
import pytest

from detection import confusion, tide_errors
from detection.metrics import average_precision, error_types
from fusebench.data.boxes import make_boxes
from fusebench.evaluation.box_matching import select_top_scoring
from fusebench.evaluation.counts import stack_counts
from tests.helpers.detection_reference_cases import CASES, parse_case, read_curve_as_tide
from tests.helpers.metric_scores import measure, resolve

LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
FAR = (80, 80, 90, 90)
SHIFTED = (5, 0, 15, 10)  # overlaps LEFT by 50 / 150


def classify(truth, predicted, class_count, most=100):
    """Counts of all images."""
    metric = resolve(error_types)
    classes = tuple("abcdef"[:class_count])
    return stack_counts(
        {
            key: metric.plugin.count(
                truth[key], select_top_scoring(predicted[key], most), classes, None
            )
            for key in truth
        }
    )


def classify_errors(truth, predicted):
    """Error types of the predictions of one image, the highest score first."""
    counts = classify({"1": truth}, {"1": predicted}, 3)
    names = [*tide_errors.ERROR_TYPES, "true positive"]  # TRUE_POSITIVE is -1, the last one
    return [names[error_type] for error_type in counts.rows["error_types"]]


def compute_lost_ap(truth, predicted, classes=("a",)):
    """The mean AP@.5 lost to each error type that costs any."""
    values = measure(error_types, truth, predicted, classes).values
    return {name.removesuffix(" error"): v for name, v in values.items() if v}


def make_predictions(*rows):
    """Predictions of one image from (box, class, score)."""
    return make_boxes([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_errors_cost_what_tide_computes(number, monkeypatch):
    read_curve_as_tide(monkeypatch)
    truth, predicted, classes = parse_case(CASES[number])
    expected, computed = CASES[number]["tidecv"], measure(error_types, truth, predicted, classes)
    errors = classify(truth, predicted, len(classes), 100)
    for index, kind in enumerate(tide_errors.ERROR_TYPES):
        column = f"{kind} error"
        assert 100 * computed.values[column] == pytest.approx(
            expected["AP50 given back"][kind], abs=1e-9
        )
        for name, cost in zip(classes, expected["by class"][kind], strict=True):
            assert 100 * computed.by_class[name][column] == pytest.approx(cost, abs=1e-9)
        count = (
            (errors.rows["error_types"] == index).sum()
            if kind != "missed"
            else errors.totals["missed_counts"].sum()
        )
        assert count == expected["counts"][kind]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_errors_cost_what_the_installed_tide_computes(number, monkeypatch):
    matplotlib, tidecv = pytest.importorskip("matplotlib"), pytest.importorskip("tidecv")
    read_curve_as_tide(monkeypatch)
    truth, predicted, classes = parse_case(CASES[number])
    true, detections = tidecv.Data("true"), tidecv.Data("seen")
    for index, key in enumerate(truth):
        for x, y, right, bottom, kind in np.c_[truth[key].corners, truth[key].class_ids].tolist():
            true.add_ground_truth(index, int(kind), [x, y, right - x, bottom - y])
        rows = np.c_[
            predicted[key].corners, predicted[key].class_ids, predicted[key].scores
        ].tolist()
        for x, y, right, bottom, kind, score in rows:
            detections.add_detection(index, int(kind), score, [x, y, right - x, bottom - y])
    with matplotlib.rc_context():  # TIDE() changes the settings of all charts
        evaluation = tidecv.TIDE()
    evaluation.evaluate(true, detections, mode=tidecv.TIDE.BOX)
    expected = list(evaluation.get_main_errors()["seen"].values())  # in the order of ERROR_TYPES
    computed = list(measure(error_types, truth, predicted, classes).values.values())
    assert 100 * np.array(computed) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_with_nothing_fixed_ap_is_cocos(number):
    truth, predicted, classes = parse_case(CASES[number])
    coco = measure(average_precision, truth, predicted, classes)
    errors = classify(truth, predicted, len(classes), 100)
    for index, name in enumerate(classes):
        weighted = errors.add(np.ones((1, len(truth))))
        total = weighted.total("truth_counts")[:, index]
        plain = error_types._compute_ap_if_fixed(weighted, index, None, total)[0]
        expected = coco.by_class[name]["AP50"]
        assert plain == pytest.approx(
            np.nan if expected is None else expected, abs=1e-12, nan_ok=True
        )


def test_every_error_type_by_hand():
    truth = make_boxes([LEFT, MIDDLE], [0, 1])
    assert classify_errors(truth, make_predictions((LEFT, 0, 0.9))) == ["true positive"]
    assert classify_errors(truth, make_predictions((LEFT, 1, 0.9))) == ["classification"]
    assert classify_errors(truth, make_predictions((SHIFTED, 0, 0.9))) == ["localization"]
    assert classify_errors(truth, make_predictions((SHIFTED, 1, 0.9))) == ["both"]
    assert classify_errors(truth, make_predictions((LEFT, 0, 0.9), (LEFT, 0, 0.8))) == [
        "true positive",
        "duplicate",
    ]
    assert classify_errors(truth, make_predictions((FAR, 0, 0.9))) == ["background"]
    assert classify_errors(make_boxes([], []), make_predictions((FAR, 0, 0.9))) == ["background"]


def test_iou_of_exactly_one_half_and_one_tenth():
    truth = make_boxes([(0, 0, 10, 10)], [0])
    assert classify_errors(truth, make_predictions(((0, 0, 10, 5), 0, 0.9))) == ["true positive"]
    assert classify_errors(truth, make_predictions(((0, 0, 10, 1), 0, 0.9))) == ["localization"]
    assert classify_errors(truth, make_predictions(((0, 0, 10, 1), 1, 0.9))) == ["background"]
    assert classify_errors(truth, make_predictions(((0, 0, 10, 5), 1, 0.9))) == ["classification"]


def test_each_error_type_alone_costs_what_is_computed_by_hand():
    two = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    half, low = (
        51 / 101,
        (51 + 50 * 2 / 3) / 101,
    )  # make_predictions of two; a false alarm before the second
    hit = (LEFT, 0, 0.9)
    assert compute_lost_ap(two, {"1": make_predictions(hit)}) == pytest.approx({"missed": 1 - half})
    predicted = {"1": make_predictions(hit, (FAR, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert compute_lost_ap(two, predicted) == pytest.approx({"background": 1 - low})
    predicted = {"1": make_predictions(hit, (LEFT, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert compute_lost_ap(two, predicted) == pytest.approx({"duplicate": 1 - low})
    predicted = {"1": make_predictions(hit, ((25, 0, 35, 10), 0, 0.8))}
    assert compute_lost_ap(two, predicted) == pytest.approx({"localization": 1 - half})


def test_a_wrong_class_costs_the_true_class_and_the_predicted_one():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    predicted = {"1": make_predictions((MIDDLE, 0, 0.9), (LEFT, 0, 0.8), (RIGHT, 1, 0.7))}
    by_class = measure(error_types, truth, predicted, ("a", "b")).by_class
    assert by_class["a"]["classification error"] == pytest.approx(1 - 0.5)
    assert by_class["b"]["classification error"] == pytest.approx(1 - 51 / 101)
    assert by_class["a"]["missed error"] == by_class["b"]["missed error"] == 0.0


def test_being_near_a_box_of_another_class_costs_like_a_false_positive():
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 1])}
    predicted = {"1": make_predictions((SHIFTED, 1, 0.9), (MIDDLE, 1, 0.8), (LEFT, 0, 0.7))}
    by_class = measure(error_types, truth, predicted, ("a", "b")).by_class
    assert by_class["b"]["both error"] == pytest.approx(0.5)
    assert by_class["a"]["both error"] == 0.0


def test_of_two_errors_at_one_true_box_only_that_with_the_higher_score_is_fixed():
    truth = {"1": make_boxes([LEFT], [0])}
    near = make_predictions((SHIFTED, 0, 0.9), ((4.9, 0, 14.9, 10), 0, 0.8))
    predicted = classify(truth, {"1": near}, 1, 100)
    assert predicted.rows["fixed_classes"].tolist() == [0, -1]
    assert predicted.totals["missed_counts"].tolist() == [[0]]
    assert compute_lost_ap(truth, {"1": near}) == pytest.approx({"localization": 1.0})


def test_fixing_an_error_at_a_matched_box_removes_it():
    truth = {"1": make_boxes([LEFT], [0])}
    predicted = classify(truth, {"1": make_predictions((LEFT, 0, 0.9), (SHIFTED, 0, 0.95))}, 1, 100)
    assert predicted.rows["error_types"].tolist() == [
        tide_errors.LOCALIZATION,
        tide_errors.TRUE_POSITIVE,
    ]
    assert predicted.rows["fixed_classes"].tolist() == [-1, 0]


def test_a_class_without_true_positives_loses_everything_to_missed_boxes():
    truth = {"1": make_boxes([LEFT], [0]), "2": make_boxes([MIDDLE], [0])}
    for predicted in (
        {"1": make_boxes([], []), "2": make_boxes([], [])},
        {"1": make_predictions((FAR, 0, 0.9)), "2": make_boxes([], [])},
    ):
        assert compute_lost_ap(truth, predicted) == {"missed": 1.0}


def test_predictions_beyond_the_limit_per_image_and_class_are_ignored():
    many = make_predictions(*[(FAR, 0, 0.9)] * 3, (LEFT, 0, 0.5), (LEFT, 1, 0.4))
    predicted = classify({"1": make_boxes([LEFT], [0])}, {"1": many}, 2, 2)
    assert predicted.rows["error_types"].tolist() == [tide_errors.BACKGROUND] * 2 + [
        tide_errors.CLASSIFICATION
    ]


def test_the_confusion_matrix_matches_boxes_of_any_class():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    predicted = {
        "1": make_predictions((LEFT, 1, 0.9), (MIDDLE, 1, 0.8), (FAR, 0, 0.7), (RIGHT, 1, 0.1))
    }
    # rows a, b, background: LEFT is called b, MIDDLE is right, RIGHT is below the confidence
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.5).tolist() == [
        [0, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
    ]


def test_the_confusion_matrix_matches_the_pair_with_the_largest_iou_first():
    truth = {"1": make_boxes([LEFT], [0])}
    predicted = {"1": make_predictions(((0, 0, 10, 8), 1, 0.9), (LEFT, 0, 0.3))}
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.2).tolist() == [
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 0],
    ]


def test_of_equal_iou_the_higher_score_is_matched_whatever_the_order():
    truth = {"1": make_boxes([LEFT], [0])}
    predicted = {"1": make_predictions((LEFT, 0, 0.3), (LEFT, 1, 0.9))}
    assert confusion.compute_confusion_matrix(truth, predicted, 2, 0.2).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
        [1, 0, 0],
    ]


def test_the_confusion_matrix_of_no_boxes_is_zero():
    nothing = {"1": make_boxes([], [])}
    assert confusion.compute_confusion_matrix(nothing, nothing, 2, 0.5).sum() == 0
    assert confusion.compute_confusion_matrix({}, {}, 2, 0.5).shape == (3, 3)
    assert confusion.compute_confusion_matrix(
        {"1": make_boxes([LEFT], [0])}, nothing, 1, 0.5
    ).tolist() == [[0, 1], [0, 0]]


def test_every_box_is_in_the_confusion_matrix_once():
    for case in CASES:
        truth, predicted, classes = parse_case(case)
        counts = confusion.compute_confusion_matrix(truth, predicted, len(classes), 0.4)
        true = np.concatenate([boxes.class_ids for boxes in truth.values()])
        detections = np.concatenate(
            [boxes.class_ids[boxes.scores >= 0.4] for boxes in predicted.values()]
        )
        number = len(classes)
        assert counts[:-1].sum(axis=1).tolist() == np.bincount(true, minlength=number).tolist()
        assert (
            counts[:, :-1].sum(axis=0).tolist()
            == np.bincount(detections, minlength=number).tolist()
        )
