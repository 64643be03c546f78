"""Matching, average precision, precision and recall: by hand, and against pycocotools itself."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection.metrics import (
    average_precision,
    average_precision_yolov5,
    error_types,
    precision_recall,
)
from fusebench.data.boxes import make_boxes, to_coco
from fusebench.evaluation import class_matching, precision_recall_curve
from fusebench.evaluation.box_matching import match_boxes, pairwise_iou

CLASSES = ("a", "b", "c")
METRICS = (average_precision, precision_recall, average_precision_yolov5, error_types)
LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
TRUTH = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
GUESSES = {"1": make_boxes([LEFT, RIGHT, MIDDLE], [0, 0, 0], [0.9, 0.8, 0.7])}


def crowd(seed, images=12, scores=True):
    """Random truth and predictions that overlap it more or less."""
    draw = np.random.default_rng(seed)
    truth, guesses = {}, {}
    for number in range(images):
        places = draw.uniform(0, 80, (draw.integers(0, 7), 2))
        corners = np.concatenate([places, places + draw.uniform(8, 30, places.shape)], axis=1)
        classes = draw.integers(0, 2, len(places))
        truth[f"{number:02}"] = make_boxes(corners, classes)
        moved = np.repeat(corners, 3, axis=0) + draw.normal(0, 2.5, (3 * len(places), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        kinds = np.where(draw.random(len(moved)) < 0.8, np.repeat(classes, 3), 1)
        guesses[f"{number:02}"] = make_boxes(moved, kinds, draw.random(len(moved)).round(3))
    return truth, guesses


def hard(seed):
    """Random sets with all that is awkward: empty images and classes, ties, crowds, every size."""
    draw = np.random.default_rng(seed)
    truth, guesses = {}, {}
    for number in range(int(draw.integers(1, 5))):
        many = int(draw.choice([0, 3, 40]))
        places = draw.integers(0, 200, (many, 2)).astype(float)
        sides = draw.integers(4, 140, (many, 2)) * draw.choice([0.25, 1.0], (many, 1))
        corners = np.concatenate([places, places + sides], axis=1)
        classes = draw.choice([0, 0, 0, 1], many)  # never c
        truth[f"{number:02}"] = make_boxes(corners, classes)
        times = int(draw.integers(0, 6))
        moved = np.repeat(corners, times, axis=0)
        moved += draw.normal(0, 1, moved.shape) * draw.choice([0, 1, 6], (len(moved), 1))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        stray = draw.uniform(0, 200, (int(draw.choice([0, 5, 120])), 2))
        moved = np.concatenate([moved, np.concatenate([stray, stray + 30], axis=1)])
        kinds = draw.choice([0, 0, 0, 1, 2], len(moved))
        guesses[f"{number:02}"] = make_boxes(moved, kinds, draw.random(len(moved)).round(1))
    return truth, guesses


def judged(folder, truth, guesses, classes=CLASSES, most=(1, 10, 100)):
    """pycocotools the way its own demo runs it, from files."""
    sizes = dict.fromkeys(truth, (200, 200))
    document = to_coco(guesses, classes, sizes)
    (folder / "truth.json").write_text(json.dumps(to_coco(truth, classes, sizes)))
    (folder / "found.json").write_text(json.dumps(document["annotations"]))
    with contextlib.redirect_stdout(io.StringIO()):
        right = COCO(folder / "truth.json")
        judge = COCOeval(right, right.loadRes(str(folder / "found.json")), "bbox")
        judge.params.maxDets = list(most)
        judge.evaluate()
        judge.accumulate()
        if len(most) == 3:
            judge.summarize()
    return judge


def test_overlap_of_two_boxes_is_what_one_counts_on_squared_paper():
    shares = pairwise_iou(np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 0, 6, 4], [9, 9, 10, 10]]))
    assert shares.tolist() == [[pytest.approx(8 / 24), 0.0]]


def test_the_surer_of_two_predictions_takes_the_true_box():
    guesses = make_boxes([LEFT, (0, 0, 10, 9)], [0, 0], [0.4, 0.6])
    assert match_boxes(make_boxes([LEFT], [0]), guesses).tolist() == [-1, 0]


def test_a_prediction_takes_the_free_box_it_overlaps_most():
    truth = make_boxes([(0, 0, 10, 10), (2, 0, 12, 10)], [0, 0])
    guesses = make_boxes([(2, 0, 12, 10), (1.9, 0, 11.9, 10)], [0, 0], [0.9, 0.8])
    assert match_boxes(truth, guesses).tolist() == [1, 0]


def test_a_box_of_another_class_is_no_match():
    assert match_boxes(make_boxes([LEFT], [0]), make_boxes([LEFT], [1], [0.9])).tolist() == [-1]


def test_nothing_matches_nothing():
    assert match_boxes(make_boxes([], []), make_boxes([LEFT], [0], [0.9])).tolist() == [-1]
    assert match_boxes(make_boxes([LEFT], [0]), make_boxes([], [])).tolist() == []


@pytest.mark.parametrize("seed", range(4))
def test_hits_are_the_ones_pycocotools_counts(tmp_path, seed):
    truth, guesses = crowd(seed)
    judge = judged(tmp_path, truth, guesses)
    whole = judge.params.areaRng[0]
    for index in (0, 1):
        theirs = [
            (score, bool(match))
            for one in judge.evalImgs
            if one and one["category_id"] == index + 1 and one["aRng"] == whole
            for score, match in zip(one["dtScores"], one["dtMatches"][0], strict=True)
        ]
        found = class_matching.match_class(truth, guesses, index)
        assert sorted(zip(found.scores, found.true_positives, strict=True)) == sorted(theirs)


def test_average_precision_of_three_guesses_is_what_one_computes_by_hand():
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: 51 recalls at 1, 50 at 2/3
    found = average_precision.measure(TRUTH, GUESSES, ("a",))
    assert found.by_class["a"]["AP50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert found.by_class["a"]["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert found.counts == {"images": 1, "boxes": 2}


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_the_one_pycocotools_prints(tmp_path, seed):
    truth, guesses = crowd(seed)
    stats = judged(tmp_path, truth, guesses).stats
    found = average_precision.measure(truth, guesses, CLASSES)
    assert found.values["AP"] == pytest.approx(stats[0])
    assert found.values["AP50"] == pytest.approx(stats[1])


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(20, 200, 20))]
)
def test_every_average_precision_of_a_class_is_the_one_of_pycocotools(tmp_path, first):
    for seed in range(first, first + 20):
        truth, guesses = hard(seed)
        if not sum(map(len, guesses.values())) or not sum(map(len, truth.values())):
            continue  # pycocotools cannot read an empty file of results
        precision = judged(tmp_path, truth, guesses, most=(100, 300)).eval["precision"]
        found = average_precision.measure(truth, guesses, CLASSES)
        for index, name in enumerate(CLASSES):
            theirs = {
                "AP50": precision[0, :, index, 0, 0],
                "AP": precision[:, :, index, 0, 0],
                "AP50_300": precision[0, :, index, 0, 1],
                "AP_300": precision[:, :, index, 0, 1],
                "AP_small": precision[:, :, index, 1, 0],
                "AP_medium": precision[:, :, index, 2, 0],
                "AP_large": precision[:, :, index, 3, 0],
            }
            for column, values in theirs.items():
                mine = found.by_class[name][column]
                if (values == -1).all():
                    assert mine is None, (seed, name, column)
                else:
                    assert mine == pytest.approx(values.mean(), abs=1e-12), (seed, name, column)


def test_the_hard_sets_have_crowds_ties_empty_images_and_every_size():
    sets = [hard(seed) for seed in range(200)]
    images = [boxes for _, guesses in sets for boxes in guesses.values()]
    assert sum((np.bincount(b.class_ids, minlength=3) > 100).any() for b in images) > 50
    assert sum(len(np.unique(b.scores)) < len(b) for b in images) > 200
    assert sum(not len(boxes) for boxes in images) > 20
    found = [average_precision.measure(*one, CLASSES).by_class["a"] for one in sets[:20]]
    for column in ("AP_small", "AP_medium", "AP_large"):
        assert any(scores[column] for scores in found)
        assert any(scores[column] is None for scores in found)
    assert any(scores["AP_300"] != scores["AP"] for scores in found if scores["AP"])


@pytest.mark.parametrize("seed", range(12))
def test_curves_are_the_ones_that_pycocotools_averages(tmp_path, seed):
    truth, guesses = hard(seed)
    if not sum(map(len, truth.values())):
        return
    judge = judged(tmp_path, truth, guesses, most=(100, 300))
    for index in range(len(CLASSES)):
        for place, overlap in ((0, 0.5), (5, 0.75)):
            mine = class_matching.match_class(truth, guesses, index, overlap, 100)
            if not mine.truth_counts.sum():
                continue
            found = precision_recall_curve.compute_curve(
                mine.true_positives, int(mine.truth_counts.sum())
            )
            theirs = judge.eval["precision"][place, :, index, 0, 0]
            np.testing.assert_allclose(found.precision, theirs, rtol=0, atol=1e-12)
            scores = judge.eval["scores"][place, : len(found.prediction_counts), index, 0, 0]
            np.testing.assert_array_equal(mine.scores[found.prediction_counts - 1], scores)


def test_a_curve_without_true_boxes_is_a_mistake():
    with pytest.raises(ValueError, match="recall of 0 true boxes"):
        precision_recall_curve.compute_curve(np.array([True]), 0)


def test_of_two_equal_overlaps_the_last_is_taken_as_in_pycocotools(tmp_path):
    truth = {"1": make_boxes([(0, 0, 10, 10), (4, 0, 14, 10)], [0, 0])}  # (2, 0) is between them
    guesses = make_boxes([(2, 0, 12, 10), (0, 0, 9, 10)], [0, 0], [0.9, 0.8])
    (found,) = [e for e in judged(tmp_path, truth, {"1": guesses}).evalImgs if e][:1]
    assert (
        (match_boxes(truth["1"], guesses) + 1).tolist() == found["dtMatches"][0].tolist() == [2, 1]
    )


def test_small_is_up_to_32_by_32_of_the_true_box():
    truth = {"1": make_boxes([(0, 0, 32, 32), (100, 0, 133, 33), (0, 100, 97, 197)], [0, 0, 0])}
    guesses = {"1": make_boxes([(0, 0, 32, 32), (0, 100, 97, 197)], [0, 0], [0.9, 0.8])}
    found = average_precision.measure(truth, guesses, ("a",)).values
    # 32 x 32 is small and also medium, as pycocotools' ranges touch
    assert found["AP_small"] == pytest.approx(1.0)
    assert found["AP_medium"] == pytest.approx(51 / 101)
    assert found["AP_large"] == pytest.approx(1.0)


def test_a_class_without_true_boxes_has_no_score_and_is_not_in_the_mean():
    guesses = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 0, 1], [0.9, 0.8, 0.7])}
    for metric in METRICS:
        found = metric.measure(TRUTH, guesses, CLASSES)
        assert set(found.by_class["b"].values()) == {None}
        assert found.values == found.by_class["a"]


def test_no_true_box_at_all_leaves_everything_undefined():
    nothing = {"1": make_boxes([], [])}
    for metric in METRICS:
        for guesses in (nothing, GUESSES):
            found = metric.measure(nothing, guesses, CLASSES)
            assert set(found.values.values()) == {None}
            assert set(found.by_class) == set(CLASSES)


def test_finding_nothing_scores_zero_and_has_no_precision():
    nothing = {"1": make_boxes([], [])}
    found = average_precision.measure(TRUTH, nothing, ("a",))
    others = {"AP_medium": None, "AP_large": None}
    assert found.values == dict.fromkeys(average_precision.COLUMNS, 0.0) | others
    found = precision_recall.measure(TRUTH, nothing, ("a",))
    assert found.values == {"precision": None, "recall": 0.0, "F1": 0.0}


def test_other_images_than_those_with_truth_are_a_mistake():
    for metric in (average_precision, average_precision_yolov5):
        with pytest.raises(ValueError, match="1 images with truth, 2 with predictions"):
            metric.measure(TRUTH, GUESSES | {"2": make_boxes([], [])}, CLASSES)


def test_the_confidence_is_the_one_with_the_best_mean_f1():
    # F1 at 0.9, 0.8, 0.7: 2/3, 2/4, 4/5
    matches = [class_matching.match_class(TRUTH, GUESSES, 0)]
    assert precision_recall.find_best_confidence(matches) == 0.7
    found = precision_recall.measure(TRUTH, GUESSES, ("a",))
    assert found.values == pytest.approx({"precision": 2 / 3, "recall": 1.0, "F1": 0.8})


def test_of_two_equally_good_confidences_the_higher_is_taken():
    # the false alarm at 0.5 and the hit at 0.4 together leave F1 at 2/3
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    guesses = {
        "1": make_boxes([LEFT, RIGHT, (60, 0, 70, 10), MIDDLE], [0] * 4, [0.9, 0.5, 0.45, 0.4])
    }
    assert (
        precision_recall.find_best_confidence([class_matching.match_class(truth, guesses, 0)])
        == 0.9
    )


def test_average_precision_does_not_print(capsys):
    average_precision.measure(TRUTH, GUESSES, CLASSES)
    assert capsys.readouterr().out == ""
