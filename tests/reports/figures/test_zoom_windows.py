import numpy as np

from reports.figures import zoom_windows

SIZE = (64, 48)


def test_the_window_is_around_the_object_that_half_of_the_sources_detect():
    corners = np.array([[0, 0, 8, 6], [40, 30, 48, 36], [20, 10, 28, 16]], float)
    detected = np.array([[1, 1, 0], [1, 0, 0]], bool)  # by all, by half, by none
    # 12 of 64 pixels is less than a quarter: 16 x 12 around (44, 33)
    window = zoom_windows.find_disputed_box_window(corners, detected, SIZE)
    assert window == (36, 27, 52, 39)


def test_a_window_at_the_edge_is_moved_inside_the_image():
    corners, detected = np.array([[0, 0, 8, 6]], float), np.array([[1], [1]], bool)
    window = zoom_windows.find_disputed_box_window(corners, detected, SIZE)
    assert window == (0, 0, 16, 12)


def test_without_objects_the_window_is_the_center_of_the_image():
    corners, detected = np.empty((0, 4)), np.empty((2, 0), bool)
    window = zoom_windows.find_disputed_box_window(corners, detected, SIZE)
    assert window == (24, 18, 40, 30)


def test_the_window_has_the_pixels_on_which_label_maps_disagree():
    wrong = np.zeros((2, 48, 64), bool)
    wrong[:, :12, :16] = True  # both wrong: no disagreement
    wrong[0, 30:42, 40:56] = True
    assert zoom_windows.find_disputed_pixel_window(wrong) == (40, 30, 56, 42)
    assert zoom_windows.find_disputed_pixel_window(np.ones((2, 1, 1), bool)) == (0, 0, 1, 1)
