"""Mixed sources: the training images of the packaged start weights."""

from collections import Counter

import pytest

from fusebench.experiments import mixed_sources
from fusebench.storage.store import Store
from tests.helpers.tiny_detection_dataset import write_labeled_images


@pytest.fixture
def split(tmp_path):
    return write_labeled_images(tmp_path / "images", 3).split


def test_every_pair_is_there_once_per_source(split, tmp_path):
    mixed = mixed_sources.mix_sources(split, Store(tmp_path / "runs"))
    counts = Counter(tuple(pair.key.split("-")) for pair in mixed.split.pairs)
    assert counts == {(key, name): 1 for key in split.keys for name in mixed_sources.SOURCES}
    assert set(mixed_sources.SOURCES) > {"infrared", "visible"}
    # both sensors of a pair of this tiny data set are the same file
    assert len(set(mixed.images.values())) == 3 * (len(mixed_sources.SOURCES) - 1)


def test_labels_are_those_of_the_pair(split, tmp_path):
    mixed = mixed_sources.mix_sources(split, Store(tmp_path / "runs"))
    boxes = {pair.key: pair.boxes for pair in split.pairs}
    assert all(pair.boxes is boxes[pair.key.split("-")[0]] for pair in mixed.split.pairs)
    assert mixed.split.classes == split.classes
