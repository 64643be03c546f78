"""Kinds of error and what takes what: cases built by hand, and TIDE's own program."""

import numpy as np
import pytest

from detection import confusion, tide_errors
from detection.metrics import average_precision, error_types
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import average_precision as weighted_ap
from fusebench.evaluation.box_matching import select_top_scoring
from fusebench.evaluation.counts import stack_counts
from tests.helpers.detection_reference_cases import CASES, parse_case
from tests.helpers.metric_scores import measure, resolve

LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
FAR = (80, 80, 90, 90)
SHIFTED = (5, 0, 15, 10)  # overlaps LEFT by 50 / 150


def read_curve_as_tide(monkeypatch):
    """TIDE reads the curve at k / 100, COCO at linspace(0, 1, 101): the last digit differs."""
    recalls = np.arange(101) / 100
    monkeypatch.setattr(
        weighted_ap,
        "_count_reached_recalls",
        lambda recall, _: recalls.searchsorted(recall, side="right").astype(float),
    )


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


def kinds(truth, guesses):
    """The kind of every prediction, surest first."""
    found = classify({"1": truth}, {"1": guesses}, 3, 100)
    return [
        tide_errors.ERROR_TYPES[kind] if kind >= 0 else "hit" for kind in found.rows["error_types"]
    ]


def lost(truth, guesses, classes=("a",)):
    """The AP@.5 of the mean lost to each kind that costs any."""
    values = measure(error_types, truth, guesses, classes).values
    return {name.removesuffix(" error"): v for name, v in values.items() if v}


def one(*rows):
    """Predictions of one image from (box, class, score)."""
    return make_boxes([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_errors_cost_what_tide_says(number, monkeypatch):
    read_curve_as_tide(monkeypatch)
    truth, found, classes = parse_case(CASES[number])
    theirs, mine = CASES[number]["tidecv"], measure(error_types, truth, found, classes)
    those = classify(truth, found, len(classes), 100)
    for index, kind in enumerate(tide_errors.ERROR_TYPES):
        column = f"{kind} error"
        assert 100 * mine.values[column] == pytest.approx(theirs["AP50 given back"][kind], abs=1e-9)
        for name, cost in zip(classes, theirs["by class"][kind], strict=True):
            assert 100 * mine.by_class[name][column] == pytest.approx(cost, abs=1e-9)
        count = (
            (those.rows["error_types"] == index).sum()
            if kind != "missed"
            else those.totals["missed_counts"].sum()
        )
        assert count == theirs["counts"][kind]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_errors_cost_what_tide_says_when_it_is_asked_now(number, monkeypatch):
    tidecv = pytest.importorskip("tidecv")
    read_curve_as_tide(monkeypatch)
    truth, found, classes = parse_case(CASES[number])
    true, seen = tidecv.Data("true"), tidecv.Data("seen")
    for index, key in enumerate(truth):
        for x, y, right, bottom, kind in np.c_[truth[key].corners, truth[key].class_ids].tolist():
            true.add_ground_truth(index, int(kind), [x, y, right - x, bottom - y])
        rows = np.c_[found[key].corners, found[key].class_ids, found[key].scores].tolist()
        for x, y, right, bottom, kind, score in rows:
            seen.add_detection(index, int(kind), score, [x, y, right - x, bottom - y])
    judge = tidecv.TIDE()
    judge.evaluate(true, seen, mode=tidecv.TIDE.BOX)
    theirs = list(judge.get_main_errors()["seen"].values())  # its order is that of KINDS
    mine = list(measure(error_types, truth, found, classes).values.values())
    assert 100 * np.array(mine) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_with_nothing_mended_it_is_cocos_precision(number):
    truth, found, classes = parse_case(CASES[number])
    coco = measure(average_precision, truth, found, classes)
    those = classify(truth, found, len(classes), 100)
    for index, name in enumerate(classes):
        weighted = those.add(np.ones((1, len(truth))))
        total = weighted.total("truth_counts")[:, index]
        plain = error_types._compute_ap_if_fixed(weighted, index, None, total)[0]
        expected = coco.by_class[name]["AP50"]
        assert plain == pytest.approx(
            np.nan if expected is None else expected, abs=1e-12, nan_ok=True
        )


def test_every_kind_is_what_its_name_says():
    truth = make_boxes([LEFT, MIDDLE], [0, 1])
    assert kinds(truth, one((LEFT, 0, 0.9))) == ["hit"]
    assert kinds(truth, one((LEFT, 1, 0.9))) == ["classification"]
    assert kinds(truth, one((SHIFTED, 0, 0.9))) == ["localization"]
    assert kinds(truth, one((SHIFTED, 1, 0.9))) == ["both"]
    assert kinds(truth, one((LEFT, 0, 0.9), (LEFT, 0, 0.8))) == ["hit", "duplicate"]
    assert kinds(truth, one((FAR, 0, 0.9))) == ["background"]
    assert kinds(make_boxes([], []), one((FAR, 0, 0.9))) == ["background"]


def test_overlaps_of_exactly_one_half_and_one_tenth():
    truth = make_boxes([(0, 0, 10, 10)], [0])
    assert kinds(truth, one(((0, 0, 10, 5), 0, 0.9))) == ["hit"]
    assert kinds(truth, one(((0, 0, 10, 1), 0, 0.9))) == ["localization"]
    assert kinds(truth, one(((0, 0, 10, 1), 1, 0.9))) == ["background"]
    assert kinds(truth, one(((0, 0, 10, 5), 1, 0.9))) == ["classification"]


def test_each_kind_alone_costs_what_one_computes_by_hand():
    two = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    half, low = 51 / 101, (51 + 50 * 2 / 3) / 101  # one of two; a false alarm before the second
    hit = (LEFT, 0, 0.9)
    assert lost(two, {"1": one(hit)}) == pytest.approx({"missed": 1 - half})
    found = {"1": one(hit, (FAR, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert lost(two, found) == pytest.approx({"background": 1 - low})
    found = {"1": one(hit, (LEFT, 0, 0.8), (MIDDLE, 0, 0.7))}
    assert lost(two, found) == pytest.approx({"duplicate": 1 - low})
    found = {"1": one(hit, ((25, 0, 35, 10), 0, 0.8))}
    assert lost(two, found) == pytest.approx({"localization": 1 - half})


def test_a_wrong_class_costs_the_class_that_lacks_the_box_and_the_one_that_got_it():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    found = {"1": one((MIDDLE, 0, 0.9), (LEFT, 0, 0.8), (RIGHT, 1, 0.7))}
    by_class = measure(error_types, truth, found, ("a", "b")).by_class
    assert by_class["a"]["classification error"] == pytest.approx(1 - 0.5)
    assert by_class["b"]["classification error"] == pytest.approx(1 - 51 / 101)
    assert by_class["a"]["missed error"] == by_class["b"]["missed error"] == 0.0


def test_being_near_one_of_another_class_costs_like_a_false_alarm():
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 1])}
    found = {"1": one((SHIFTED, 1, 0.9), (MIDDLE, 1, 0.8), (LEFT, 0, 0.7))}
    by_class = measure(error_types, truth, found, ("a", "b")).by_class
    assert by_class["b"]["both error"] == pytest.approx(0.5)
    assert by_class["a"]["both error"] == 0.0


def test_the_surest_of_the_errors_at_one_true_box_takes_it_and_the_other_goes_away():
    truth = {"1": make_boxes([LEFT], [0])}
    near = one((SHIFTED, 0, 0.9), ((4.9, 0, 14.9, 10), 0, 0.8))
    found = classify(truth, {"1": near}, 1, 100)
    assert found.rows["fixed_classes"].tolist() == [0, -1]
    assert found.totals["missed_counts"].tolist() == [[0]]
    assert lost(truth, {"1": near}) == pytest.approx({"localization": 1.0})


def test_an_error_at_a_box_that_is_found_only_goes_away():
    truth = {"1": make_boxes([LEFT], [0])}
    found = classify(truth, {"1": one((LEFT, 0, 0.9), (SHIFTED, 0, 0.95))}, 1, 100)
    assert found.rows["error_types"].tolist() == [
        tide_errors.LOCALIZATION,
        tide_errors.TRUE_POSITIVE,
    ]
    assert found.rows["fixed_classes"].tolist() == [-1, 0]


def test_a_class_of_which_nothing_is_found_gets_everything_back():
    truth = {"1": make_boxes([LEFT], [0]), "2": make_boxes([MIDDLE], [0])}
    for guesses in (
        {"1": make_boxes([], []), "2": make_boxes([], [])},
        {"1": one((FAR, 0, 0.9)), "2": make_boxes([], [])},
    ):
        assert lost(truth, guesses) == {"missed": 1.0}


def test_at_most_so_many_boxes_of_an_image_and_class_are_looked_at():
    many = one(*[(FAR, 0, 0.9)] * 3, (LEFT, 0, 0.5), (LEFT, 1, 0.4))
    found = classify({"1": make_boxes([LEFT], [0])}, {"1": many}, 2, 2)
    assert found.rows["error_types"].tolist() == [tide_errors.BACKGROUND] * 2 + [
        tide_errors.CLASSIFICATION
    ]


def test_confusion_pairs_boxes_whatever_their_class():
    truth = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 1, 1])}
    found = {"1": one((LEFT, 1, 0.9), (MIDDLE, 1, 0.8), (FAR, 0, 0.7), (RIGHT, 1, 0.1))}
    # rows a, b, background: LEFT is called b, MIDDLE is right, RIGHT is below the confidence
    assert confusion.compute_confusion_matrix(truth, found, 2, 0.5).tolist() == [
        [0, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
    ]


def test_confusion_takes_the_pair_that_overlaps_most_first():
    truth = {"1": make_boxes([LEFT], [0])}
    found = {"1": one(((0, 0, 10, 8), 1, 0.9), (LEFT, 0, 0.3))}
    assert confusion.compute_confusion_matrix(truth, found, 2, 0.2).tolist() == [
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 0],
    ]


def test_confusion_of_equal_overlaps_takes_the_surer_prediction_whatever_the_order():
    truth = {"1": make_boxes([LEFT], [0])}
    found = {"1": one((LEFT, 0, 0.3), (LEFT, 1, 0.9))}
    assert confusion.compute_confusion_matrix(truth, found, 2, 0.2).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
        [1, 0, 0],
    ]


def test_confusion_of_nothing_is_nothing():
    nothing = {"1": make_boxes([], [])}
    assert confusion.compute_confusion_matrix(nothing, nothing, 2, 0.5).sum() == 0
    assert confusion.compute_confusion_matrix({}, {}, 2, 0.5).shape == (3, 3)
    assert confusion.compute_confusion_matrix(
        {"1": make_boxes([LEFT], [0])}, nothing, 1, 0.5
    ).tolist() == [[0, 1], [0, 0]]


def test_confusion_has_every_box_once():
    for case in CASES:
        truth, found, classes = parse_case(case)
        counts = confusion.compute_confusion_matrix(truth, found, len(classes), 0.4)
        true = np.concatenate([boxes.class_ids for boxes in truth.values()])
        seen = np.concatenate([boxes.class_ids[boxes.scores >= 0.4] for boxes in found.values()])
        number = len(classes)
        assert counts[:-1].sum(axis=1).tolist() == np.bincount(true, minlength=number).tolist()
        assert counts[:, :-1].sum(axis=0).tolist() == np.bincount(seen, minlength=number).tolist()
