"""Mean of class probabilities: cases by hand."""

import numpy as np

from segmentation.ensembles import mean


def as_probabilities(*pixels):
    """Probabilities (classes, 1, pixels) of pixels that are given one by one."""
    return np.array(pixels, np.float32).T[:, None, :]


FIRST = as_probabilities((0.6, 0.4, 0.0), (0.5, 0.3, 0.2), (0.2, 0.4, 0.4))
SECOND = as_probabilities((0.1, 0.8, 0.1), (0.2, 0.3, 0.5), (0.5, 0.4, 0.1))


def test_takes_the_class_of_the_largest_mean():
    labels = mean.combine([FIRST, SECOND], mean.Options())
    assert labels.tolist() == [[1, 0, 1]]  # 0.7 0.6 0.5; of 0.7 and 0.7 the first; 0.8
    assert labels.dtype == np.uint8


def test_weights_of_the_members():
    labels = mean.combine([FIRST, SECOND], mean.Options(weights=(3.0, 1.0)))
    assert labels.tolist() == [[1, 0, 1]]  # 1.9 2.0 0.1; 1.7 1.2 1.1; 1.1 1.6 1.3
    labels = mean.combine([FIRST, SECOND], mean.Options(weights=(1.0, 4.0)))
    assert labels.tolist() == [[1, 2, 0]]


def test_inputs_are_not_changed():
    before = FIRST.copy()
    mean.combine([FIRST, SECOND], mean.Options())
    np.testing.assert_array_equal(FIRST, before)
