import numpy as np
import pytest

from fusebench.data import boxes
from reports.figures import overlays

GRAY = np.full((48, 64, 3), 90, np.uint8)
TRUTH = boxes.make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1])


def test_a_window_shows_the_same_part_of_image_and_boxes():
    image = np.zeros((48, 64, 3), np.uint8)
    image[24:36, 32:48] = 200
    outside = overlays.BoxOverlay(np.array([0, 0, 4, 4.0]), "", "#ffffff", 0)
    panel = np.array(overlays.draw_boxes(image, [outside], (32, 24, 48, 36)))
    assert panel.shape == (300, 400, 3)
    assert (panel == 200).all()


def test_true_positives_false_positives_and_false_negatives_have_colors_of_their_own():
    predicted = boxes.make_boxes([[0, 0, 10, 10], [40, 20, 60, 40]], [0, 0], [0.9, 0.8])
    box_overlays = overlays.build_prediction_overlays(TRUTH, predicted, ("person", "car"))
    panel = overlays.draw_boxes(GRAY, box_overlays)
    colors = {color for _, color in panel.getcolors(maxcolors=100_000)}
    assert {(0x4A, 0xDE, 0x80), (0xFB, 0x92, 0x3C), (0xFD, 0xE0, 0x47)} <= colors
    assert len(overlays.draw_boxes(GRAY, []).getcolors()) == 1


def test_ignored_boxes_are_dashed_and_predictions_on_them_are_not_drawn():
    truth = boxes.make_boxes([[0, 0, 10, 10], [20, 0, 60, 40]], [0, 0], ignored=[False, True])
    solid, dashed = overlays.build_truth_overlays(truth, ("person",))
    assert (solid.dash_length, solid.text) == (0, "person")
    assert (dashed.dash_length, dashed.text) == (overlays.DASH_LENGTH, "")
    predicted = boxes.make_boxes([[0, 0, 10, 10], [25, 5, 35, 15]], [0, 0], [0.9, 0.8])
    (true_positive,) = overlays.build_prediction_overlays(truth, predicted, ("person",))
    assert true_positive.corners.tolist() == [0, 0, 10, 10]


def test_wrong_pixels_are_orange_and_unlabeled_ones_black():
    truth, predicted = np.array([[0, 1, 1, 1]], np.uint8), np.array([[1, 1, 2, 1]], np.uint8)
    image = np.full((1, 4, 3), 90, np.uint8)
    panel = np.array(overlays.draw_label_errors(image, predicted != truth, truth == 0))
    row = panel[panel.shape[0] // 2, [50, 150, 250, 350]]
    colors = [tuple(pixel) for pixel in row.tolist()]
    assert colors == [(0, 0, 0), (135, 135, 135), (234, 88, 12), (135, 135, 135)]


def test_unlabeled_pixels_of_a_label_map_are_black():
    palette = np.array([[0, 100, 0], [0, 0, 200]], np.uint8)
    image = np.zeros((1, 2, 3), np.uint8)
    panel = np.array(overlays.draw_label_map(image, np.array([[1, 255]], np.uint8), palette))
    row = panel[panel.shape[0] // 2, [100, 300]]
    assert row.tolist() == [[0, 0, 140], [0, 0, 0]]


@pytest.mark.parametrize("name", ["unlabeled", "Unlabelled", "background"])
def test_pixels_without_a_class_of_their_own_are_black(name):
    assert overlays.build_class_colors([name, "car"]).tolist() == [[0, 0, 0], [66, 121, 253]]


def test_fmb_classes_have_fmbs_colors_and_all_others_different_ones():
    colors = overlays.build_class_colors(["unlabelled", "Road", "thing", "stuff"])
    assert colors[0].tolist() == [0, 0, 0]
    assert colors[1].tolist() == [179, 228, 228]
    assert len({tuple(color) for color in colors.tolist()}) == 4
