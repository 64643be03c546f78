"""Box matching, average precision, precision and recall: by hand and against pycocotools."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection import coco_matching
from detection.metrics import (
    average_precision,
    average_precision_yolov5,
    error_types,
    precision_recall,
)
from fusebench.data.boxes import make_boxes, to_coco
from fusebench.evaluation import match_table, precision_recall_curve
from fusebench.evaluation.box_matching import match_boxes, pairwise_iou
from tests.helpers.metric_scores import measure

CLASSES = ("a", "b", "c")
METRICS = (average_precision, precision_recall, average_precision_yolov5, error_types)
LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
TRUTH = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
PREDICTED = {"1": make_boxes([LEFT, RIGHT, MIDDLE], [0, 0, 0], [0.9, 0.8, 0.7])}


def make_noisy_boxes(seed, images=12):
    """Random true boxes, and three jittered predictions of each."""
    rng = np.random.default_rng(seed)
    truth, predicted = {}, {}
    for number in range(images):
        top_left = rng.uniform(0, 80, (rng.integers(0, 7), 2))
        corners = np.concatenate([top_left, top_left + rng.uniform(8, 30, top_left.shape)], axis=1)
        classes = rng.integers(0, 2, len(top_left))
        truth[f"{number:02}"] = make_boxes(corners, classes)
        jittered = np.repeat(corners, 3, axis=0) + rng.normal(0, 2.5, (3 * len(top_left), 4))
        jittered[:, 2:] = np.maximum(jittered[:, 2:], jittered[:, :2] + 1)
        labels = np.where(rng.random(len(jittered)) < 0.8, np.repeat(classes, 3), 1)
        predicted[f"{number:02}"] = make_boxes(jittered, labels, rng.random(len(jittered)).round(3))
    return truth, predicted


def make_hard_boxes(seed):
    """Random boxes with the hard cases: empty images and classes, ties, crowds, every size."""
    rng = np.random.default_rng(seed)
    truth, predicted = {}, {}
    for number in range(int(rng.integers(1, 5))):
        count = int(rng.choice([0, 3, 40]))
        top_left = rng.integers(0, 200, (count, 2)).astype(float)
        sizes = rng.integers(4, 140, (count, 2)) * rng.choice([0.25, 1.0], (count, 1))
        corners = np.concatenate([top_left, top_left + sizes], axis=1)
        classes = rng.choice([0, 0, 0, 1], count)  # class c has no true boxes
        truth[f"{number:02}"] = make_boxes(corners, classes)
        copies = int(rng.integers(0, 6))
        jittered = np.repeat(corners, copies, axis=0)
        jittered += rng.normal(0, 1, jittered.shape) * rng.choice([0, 1, 6], (len(jittered), 1))
        jittered[:, 2:] = np.maximum(jittered[:, 2:], jittered[:, :2] + 1)
        stray = rng.uniform(0, 200, (int(rng.choice([0, 5, 120])), 2))
        boxes = np.concatenate([jittered, np.concatenate([stray, stray + 30], axis=1)])
        labels = rng.choice([0, 0, 0, 1, 2], len(boxes))
        predicted[f"{number:02}"] = make_boxes(boxes, labels, rng.random(len(boxes)).round(1))
    return truth, predicted


def run_pycocotools(folder, truth, predicted, classes=CLASSES, max_detections=(1, 10, 100)):
    """Evaluate with pycocotools as its own demo does, from files."""
    sizes = dict.fromkeys(truth, (200, 200))
    document = to_coco(predicted, classes, sizes)
    (folder / "truth.json").write_text(json.dumps(to_coco(truth, classes, sizes)))
    (folder / "predicted.json").write_text(json.dumps(document["annotations"]))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(folder / "truth.json")
        evaluation = COCOeval(coco, coco.loadRes(str(folder / "predicted.json")), "bbox")
        evaluation.params.maxDets = list(max_detections)
        evaluation.evaluate()
        evaluation.accumulate()
        if len(max_detections) == 3:
            evaluation.summarize()
    return evaluation


def test_iou_of_two_boxes_by_hand():
    iou = pairwise_iou(np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 0, 6, 4], [9, 9, 10, 10]]))
    assert iou.tolist() == [[pytest.approx(8 / 24), 0.0]]


def test_the_higher_scoring_of_two_predictions_is_matched():
    predicted = make_boxes([LEFT, (0, 0, 10, 9)], [0, 0], [0.4, 0.6])
    assert match_boxes(make_boxes([LEFT], [0]), predicted).tolist() == [-1, 0]


def test_a_prediction_is_matched_to_the_free_true_box_of_highest_iou():
    truth = make_boxes([(0, 0, 10, 10), (2, 0, 12, 10)], [0, 0])
    predicted = make_boxes([(2, 0, 12, 10), (1.9, 0, 11.9, 10)], [0, 0], [0.9, 0.8])
    assert match_boxes(truth, predicted).tolist() == [1, 0]


def test_a_box_of_another_class_is_no_match():
    assert match_boxes(make_boxes([LEFT], [0]), make_boxes([LEFT], [1], [0.9])).tolist() == [-1]


def test_an_empty_side_has_no_matches():
    assert match_boxes(make_boxes([], []), make_boxes([LEFT], [0], [0.9])).tolist() == [-1]
    assert match_boxes(make_boxes([LEFT], [0]), make_boxes([], [])).tolist() == []


@pytest.mark.parametrize("seed", range(4))
def test_true_positives_are_those_of_pycocotools(tmp_path, seed):
    truth, predicted = make_noisy_boxes(seed)
    evaluation = run_pycocotools(tmp_path, truth, predicted)
    all_sizes = evaluation.params.areaRng[0]
    for index in (0, 1):
        expected = [
            (score, bool(match))
            for image in evaluation.evalImgs
            if image and image["category_id"] == index + 1 and image["aRng"] == all_sizes
            for score, match in zip(image["dtScores"], image["dtMatches"][0], strict=True)
        ]
        counts = coco_matching.match_images(truth, predicted, CLASSES)
        matches = match_table.select_class(counts, index)
        flags = matches.true_positives[0, 0]  # all sizes, IoU 0.5
        assert sorted(zip(matches.scores, flags, strict=True)) == sorted(expected)


def test_average_precision_of_three_predictions_by_hand():
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: 51 recalls at 1, 50 at 2/3
    scores = measure(average_precision, TRUTH, PREDICTED, ("a",))
    assert scores.by_class["a"]["AP50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert scores.by_class["a"]["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert scores.counts == {"images": 1, "boxes": 2}


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_the_one_pycocotools_prints(tmp_path, seed):
    truth, predicted = make_noisy_boxes(seed)
    stats = run_pycocotools(tmp_path, truth, predicted).stats
    scores = measure(average_precision, truth, predicted, CLASSES)
    assert scores.values["AP"] == pytest.approx(stats[0])
    assert scores.values["AP50"] == pytest.approx(stats[1])
    assert scores.values["AP75"] == pytest.approx(stats[2])


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(20, 200, 20))]
)
def test_every_ap_of_a_class_is_the_one_of_pycocotools(tmp_path, first):
    for seed in range(first, first + 20):
        truth, predicted = make_hard_boxes(seed)
        if not sum(map(len, predicted.values())) or not sum(map(len, truth.values())):
            continue  # pycocotools cannot read an empty file of results
        precision = run_pycocotools(tmp_path, truth, predicted, max_detections=(100, 300)).eval[
            "precision"
        ]
        scores = measure(average_precision, truth, predicted, CLASSES)
        for index, name in enumerate(CLASSES):
            expected = {
                "AP50": precision[0, :, index, 0, 0],
                "AP": precision[:, :, index, 0, 0],
                "AP75": precision[5, :, index, 0, 0],
                "AP50_300": precision[0, :, index, 0, 1],
                "AP_300": precision[:, :, index, 0, 1],
                "AP_small": precision[:, :, index, 1, 0],
                "AP_medium": precision[:, :, index, 2, 0],
                "AP_large": precision[:, :, index, 3, 0],
            }
            for column, values in expected.items():
                score = scores.by_class[name][column]
                if (values == -1).all():
                    assert score is None, (seed, name, column)
                else:
                    assert score == pytest.approx(values.mean(), abs=1e-12), (seed, name, column)


def test_the_hard_boxes_have_crowds_ties_empty_images_and_every_size():
    sets = [make_hard_boxes(seed) for seed in range(200)]
    images = [boxes for _, predicted in sets for boxes in predicted.values()]
    assert sum((np.bincount(b.class_ids, minlength=3) > 100).any() for b in images) > 50
    assert sum(len(np.unique(b.scores)) < len(b) for b in images) > 200
    assert sum(not len(boxes) for boxes in images) > 20
    by_set = [measure(average_precision, *boxes, CLASSES).by_class["a"] for boxes in sets[:20]]
    for column in ("AP_small", "AP_medium", "AP_large"):
        assert any(scores[column] for scores in by_set)
        assert any(scores[column] is None for scores in by_set)
    assert any(scores["AP_300"] != scores["AP"] for scores in by_set if scores["AP"])


@pytest.mark.parametrize("seed", range(12))
def test_precision_recall_curves_are_those_of_pycocotools(tmp_path, seed):
    truth, predicted = make_hard_boxes(seed)
    if not sum(map(len, truth.values())):
        return
    evaluation = run_pycocotools(tmp_path, truth, predicted, max_detections=(100, 300))
    for index in range(len(CLASSES)):
        for row, iou_threshold in ((0, 0.5), (5, 0.75)):
            counts = coco_matching.match_images(truth, predicted, CLASSES)
            matches = match_table.select_class(counts, index)
            true_count = int(matches.truth_counts[0].sum())
            if not true_count:
                continue
            kept = matches.ranks < 100
            threshold = match_table.IOU_THRESHOLDS.index(iou_threshold)
            true_positives = matches.true_positives[0, threshold, kept]
            curve = precision_recall_curve.compute_curve(true_positives, true_count)
            precision = evaluation.eval["precision"][row, :, index, 0, 0]
            np.testing.assert_allclose(curve.precision, precision, rtol=0, atol=1e-12)
            scores = evaluation.eval["scores"][row, : len(curve.prediction_counts), index, 0, 0]
            np.testing.assert_array_equal(matches.scores[kept][curve.prediction_counts - 1], scores)


def test_a_curve_without_true_boxes_is_a_value_error():
    with pytest.raises(ValueError, match="recall of 0 true boxes"):
        precision_recall_curve.compute_curve(np.array([True]), 0)


def test_of_two_true_boxes_with_equal_iou_the_last_is_matched_as_in_pycocotools(tmp_path):
    truth = {"1": make_boxes([(0, 0, 10, 10), (4, 0, 14, 10)], [0, 0])}  # (2, 0) is halfway
    predicted = make_boxes([(2, 0, 12, 10), (0, 0, 9, 10)], [0, 0], [0.9, 0.8])
    images = run_pycocotools(tmp_path, truth, {"1": predicted}).evalImgs
    expected = next(image for image in images if image)["dtMatches"][0]
    matches = match_boxes(truth["1"], predicted) + 1  # pycocotools' ids start at 1
    assert matches.tolist() == expected.tolist() == [2, 1]


def test_small_is_up_to_32_by_32_of_the_true_box():
    truth = {"1": make_boxes([(0, 0, 32, 32), (100, 0, 133, 33), (0, 100, 97, 197)], [0, 0, 0])}
    predicted = {"1": make_boxes([(0, 0, 32, 32), (0, 100, 97, 197)], [0, 0], [0.9, 0.8])}
    scores = measure(average_precision, truth, predicted, ("a",)).values
    # 32 x 32 is small and also medium, as pycocotools' ranges touch
    assert scores["AP_small"] == pytest.approx(1.0)
    assert scores["AP_medium"] == pytest.approx(51 / 101)
    assert scores["AP_large"] == pytest.approx(1.0)


def test_a_class_without_true_boxes_has_no_score_and_is_excluded_from_the_mean():
    predicted = {"1": make_boxes([LEFT, MIDDLE, RIGHT], [0, 0, 1], [0.9, 0.8, 0.7])}
    for metric in METRICS:
        scores = measure(metric, TRUTH, predicted, CLASSES)
        assert set(scores.by_class["b"].values()) == {None}
        assert scores.values == scores.by_class["a"]


def test_without_true_boxes_every_score_is_undefined():
    empty = {"1": make_boxes([], [])}
    for metric in METRICS:
        for predicted in (empty, PREDICTED):
            scores = measure(metric, empty, predicted, CLASSES)
            assert set(scores.values.values()) == {None}
            assert set(scores.by_class) == set(CLASSES)


def test_without_predictions_ap_is_0_and_precision_undefined():
    empty = {"1": make_boxes([], [])}
    scores = measure(average_precision, TRUTH, empty, ("a",))
    without_truth = {"AP_medium": None, "AP_large": None}
    assert scores.values == dict.fromkeys(average_precision.COLUMNS, 0.0) | without_truth
    scores = measure(precision_recall, TRUTH, empty, ("a",))
    assert scores.values == {"precision": None, "recall": 0.0, "F1": 0.0}


def test_truth_and_predictions_of_different_images_are_a_value_error():
    with pytest.raises(ValueError, match="1 images with truth, 2 with predictions"):
        coco_matching.match_images(TRUTH, PREDICTED | {"2": make_boxes([], [])}, CLASSES)


def test_the_confidence_is_the_one_with_the_highest_mean_f1():
    # F1 at 0.9, 0.8, 0.7: 2/3, 2/4, 4/5
    matches = coco_matching.match_images(TRUTH, PREDICTED, ("a",))
    assert precision_recall.find_best_confidence(matches, np.ones(1)) == 0.7
    scores = measure(precision_recall, TRUTH, PREDICTED, ("a",))
    assert scores.values == pytest.approx({"precision": 2 / 3, "recall": 1.0, "F1": 0.8})


def test_of_two_equally_good_confidences_the_higher_is_taken():
    # the false positive at 0.5 and the true positive at 0.4 together leave F1 at 2/3
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    predicted = {
        "1": make_boxes([LEFT, RIGHT, (60, 0, 70, 10), MIDDLE], [0] * 4, [0.9, 0.5, 0.45, 0.4])
    }
    matches = coco_matching.match_images(truth, predicted, ("a",))
    assert precision_recall.find_best_confidence(matches, np.ones(1)) == 0.9


def test_average_precision_does_not_print(capsys):
    measure(average_precision, TRUTH, PREDICTED, CLASSES)
    assert capsys.readouterr().out == ""
