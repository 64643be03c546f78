"""Images and counts of label maps."""

import numpy as np
from PIL import Image

from reports.viewer import label_images

CLASSES = ("unlabelled", "road", "car")
PALETTE = np.array([[0, 0, 0], [10, 20, 30], [200, 100, 50]], np.uint8)
TRUTH = np.array([[1, 1, 2], [2, 0, 2]], np.uint8)
INFRARED = np.array([[1, 2, 2], [1, 1, 1]], np.uint8)
VISIBLE = np.array([[2, 1, 1], [1, 1, 1]], np.uint8)
FUSED = np.array([[1, 2, 1], [2, 1, 1]], np.uint8)


def test_a_label_map_has_the_colors_of_its_classes_and_a_hole_where_there_is_none(tmp_path):
    labels = np.array([[0, 1, 2, 255]], np.uint8)
    label_images.write_label_image(tmp_path / "new" / "a.png", labels, PALETTE)
    pixels = np.asarray(Image.open(tmp_path / "new" / "a.png").convert("RGBA"))[0].tolist()
    assert pixels[:3] == [[0, 0, 0, 255], [10, 20, 30, 255], [200, 100, 50, 255]]
    assert pixels[3][3] == 0


def test_wrong_pixels_are_orange_unlabeled_ones_black_and_right_ones_transparent(tmp_path):
    is_wrong = np.array([[True, False, True]])
    is_unlabeled = np.array([[False, False, True]])
    label_images.write_error_image(tmp_path / "a.png", is_wrong, is_unlabeled)
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))[0].tolist()
    assert pixels[0] == [234, 88, 12, 255]
    assert pixels[1][3] == 0
    assert pixels[2] == [0, 0, 0, 255]


def test_pixels_are_counted_by_class_and_against_both_sensors():
    rows = label_images.count_pixels(TRUTH, [INFRARED, VISIBLE, FUSED], [0, 1], CLASSES)
    fused = np.reshape(rows[2], (-1, 6)).tolist()
    # class, truth, predicted, true positives, gained, lost; the unlabeled pixel counts as predicted
    assert fused == [
        [1, 2, 4, 1, 0, 1],  # one road pixel only the visible sensor finds is lost
        [2, 3, 2, 1, 1, 1],  # one car pixel only the fused image finds, one only infrared
    ]
    infrared = np.reshape(rows[0], (-1, 6)).tolist()
    assert infrared == [[1, 2, 4, 1, 0, 1], [2, 3, 2, 1, 0, 0]]


def test_without_sensors_every_true_positive_is_gained():
    (row,) = label_images.count_pixels(TRUTH, [FUSED], [], CLASSES)
    assert np.reshape(row, (-1, 6))[:, 4:].tolist() == [[1, 0], [1, 0]]
