"""SegFormer refuses an image whose attention cannot fit into memory, before it predicts one."""

import pytest

from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime.memory import available
from fusebench.runtime.memory.available import AvailableMemory
from segmentation.models.segformer import inference, network
from segmentation.models.segformer.options import Options

GIB = 2**30


@pytest.fixture(scope="module")
def segformer(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    with network.redirect_library_output(log):
        return network.build_network(Options(backbone="mit_b0", embedding=128), 9).eval()


def make_split(tmp_path, *sizes):
    pairs = [Pair(f"{i}", tmp_path / "a", tmp_path / "b", size) for i, size in enumerate(sizes)]
    return Split("fmb", "test", ("road", "car"), tuple(pairs))


def test_the_estimate_has_the_scores_of_all_pairs_of_positions(segformer):
    """640 x 480: a resident peak of 159 MiB, 1600 x 1200: of 1820 MiB, on Linux with torch 2."""
    for (height, width), measured in (((480, 640), 159), ((1200, 1600), 1820)):
        positions = height * width // 16
        scores = positions * (positions // 64) * 4  # float32, of the first stage
        estimate = inference.estimate_bytes(segformer, height, width)
        assert scores < estimate < measured * 2**20


def test_the_largest_image_is_named_and_one_that_fits_is_accepted(segformer, tmp_path, monkeypatch):
    monkeypatch.setattr(
        available, "read_available_memory", lambda: AvailableMemory(4 * GIB, "ulimit -v")
    )
    inference._check_memory(segformer, make_split(tmp_path, (1600, 1200)))
    inference._check_memory(segformer, make_split(tmp_path))
    split = make_split(tmp_path, (320, 240), (8000, 6000))
    message = r"^fmb/test, pair 1: predicting the labels of an image of 8000 x 6000 pixels at full"
    with pytest.raises(UserError, match=message):
        inference._check_memory(segformer, split)
