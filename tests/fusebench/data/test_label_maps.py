"""Label maps: every id has a class, and 255 is an unlabeled pixel everywhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench.data import label_maps
from fusebench.data.pairs import Pair, Split
from fusebench.datasets import fmb
from fusebench.errors import UserError
from segmentation import run
from segmentation.metrics import iou

REAL_CLASSES = ("road", "car")  # class 0 is an object, not the class of unlabeled pixels


def write(path, labels):
    Image.fromarray(np.array(labels, np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("classes", "ids", "unlabeled"),
    [
        (fmb.CLASSES, [[0, 14, 0]], [[True, False, True]]),
        ((*"abcdefghijklmnop",), [[0, 14, 255]], [[False, False, True]]),
    ],
)
def test_255_is_unlabeled_and_class_0_only_if_that_is_the_unlabeled_class(
    tmp_path, classes, ids, unlabeled
):
    labels = label_maps.read_label_map(write(tmp_path / "a.png", [[0, 14, 255]]), classes)
    assert labels.tolist() == ids
    assert label_maps.find_unlabeled(labels, classes).tolist() == unlabeled


def test_unlabeled_pixels_are_left_out_of_the_scores_of_a_data_set_without_such_a_class(tmp_path):
    """By hand: 3 labeled pixels, of which the road is right, and one of two cars."""
    truth = write(tmp_path / "truth.png", [[0, 1, 1, 255]])
    predicted = tmp_path / "predicted"
    predicted.mkdir()
    write(predicted / "k.png", [[0, 1, 0, 0]])
    pair = Pair("k", Path("ir.png"), Path("vis.png"), size=(4, 1), label_map=truth)
    split = Split("toy", "test", REAL_CLASSES, (pair,))
    [(_, *label_pair)] = run.read_label_maps(split, predicted)
    counts = iou.count(*label_pair, REAL_CLASSES, iou.Options())
    assert counts.tolist() == [[1, 0], [1, 1]]


def test_a_prediction_without_a_class_is_refused_by_name(tmp_path):
    path = write(tmp_path / "a.png", [[0, 255, 255]])
    with pytest.raises(UserError, match=r"a\.png: id 255 \(2 pixels\) has no class; .* 0..1\."):
        label_maps.read_label_map(path, REAL_CLASSES, may_be_unlabeled=False)


def test_id_without_a_class_is_refused_by_name(tmp_path):
    path = write(tmp_path / "a.png", [[0, 15, 15, 200]])
    with pytest.raises(UserError, match=r"a\.png: id 15 \(2 pixels\) has no class.*0\.\.14 or 255"):
        label_maps.read_label_map(path, fmb.CLASSES)
