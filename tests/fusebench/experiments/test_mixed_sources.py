"""The mixture that start weights learn from."""

from collections import Counter

import pytest

from fusebench.experiments import mixed_sources
from fusebench.storage.store import Store
from tests.helpers.tiny_detection_dataset import write_labeled_images


@pytest.fixture
def split(tmp_path):
    return write_labeled_images(tmp_path / "images", 3).split


def test_every_scene_is_shown_in_every_kind_equally_often(split, tmp_path):
    shown = mixed_sources.mix_sources(split, Store(tmp_path / "runs"))
    kinds = Counter(tuple(pair.key.split("-")) for pair in shown.split.pairs)
    assert kinds == {(key, kind): 1 for key in split.keys for kind in mixed_sources.SOURCES}
    assert set(mixed_sources.SOURCES) > {"infrared", "visible"}
    assert len(set(shown.images.values())) == 3 * (len(mixed_sources.SOURCES) - 1)  # the toy's two
    # sensors are one file


def test_the_labels_are_those_of_the_scene(split, tmp_path):
    shown = mixed_sources.mix_sources(split, Store(tmp_path / "runs"))
    boxes = {pair.key: pair.boxes for pair in split.pairs}
    assert all(pair.boxes is boxes[pair.key.split("-")[0]] for pair in shown.split.pairs)
    assert shown.split.classes == split.classes
