from fusebench.data import boxes
from reports.results import drawn_matches

TRUTH = boxes.make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1])


def test_a_true_positive_needs_class_and_overlap():
    # same box and class; same box, other class; IoU 1/3 (5 of 15 columns)
    predicted = boxes.make_boxes(
        [[0, 0, 10, 10], [20, 0, 30, 10], [25, 0, 35, 10]], [0, 0, 1], [0.9, 0.8, 0.7]
    )
    is_true_positive, is_detected = drawn_matches.classify_boxes(TRUTH, predicted)
    assert is_true_positive.tolist() == [True, False, False]
    assert is_detected.tolist() == [True, False]


def test_a_true_box_is_matched_once_only():
    duplicates = boxes.make_boxes([[0, 0, 10, 10], [0, 0, 10, 9]], [0, 0], [0.9, 0.8])
    is_true_positive, _ = drawn_matches.classify_boxes(TRUTH, duplicates)
    assert is_true_positive.tolist() == [True, False]


def test_a_second_prediction_is_matched_to_the_next_best_free_box():
    truth = boxes.make_boxes([[0, 0, 10, 10], [0, 3, 10, 13]], [0, 0])
    # the first overlaps box 0 by 9/11, the second box 1 by 7/13
    predicted = boxes.make_boxes([[0, 1, 10, 11], [0, 0, 10, 10]], [0, 0], [0.9, 0.8])
    is_true_positive, is_detected = drawn_matches.classify_boxes(truth, predicted)
    assert is_true_positive.tolist() == [True, True]
    assert is_detected.tolist() == [True, True]


def test_confident_predictions_are_kept_in_falling_order():
    predicted = boxes.make_boxes([[0, 0, 1, 1]] * 3, [0, 1, 2], [0.3, 0.24, 0.9])
    confident = drawn_matches.filter_by_confidence(predicted)
    assert confident.class_ids.tolist() == [2, 0]
