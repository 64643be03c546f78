"""Confusion matrices without any label: there is nothing to draw, and the report goes on."""

import numpy as np

from reports.results.confusion_matrices import ConfusionMatrix, _drop_unused_classes


def make(counts):
    return ConfusionMatrix(("road", "car"), np.array(counts))


def test_classes_that_no_source_has_are_left_out():
    reduced = _drop_unused_classes({"a": make([[3, 0], [0, 0]]), "b": make([[1, 0], [0, 0]])})
    assert reduced["b"].class_names == ("road",)
    assert reduced["b"].counts.tolist() == [[1]]


def test_without_a_label_there_is_no_matrix():
    assert _drop_unused_classes({"a": make([[0, 0], [0, 0]])}) == {}
    assert _drop_unused_classes({}) == {}
