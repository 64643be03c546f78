"""The program that makes the packaged weights, and the weights themselves."""

import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from fusebench.datasets import fmb
from fusebench.runtime import library_log
from fusebench.storage import hashing
from segmentation import train_packaged_weights
from segmentation.models import segformer
from segmentation.models.segformer import network as networks
from segmentation.models.segformer import weights

NEEDED = pytest.mark.skipif(
    not segformer.PACKAGED_WEIGHTS.exists(),
    reason="python -m segmentation.train_packaged_weights makes them",
)


@NEEDED
def test_the_packaged_weights_fit_the_recipe_that_made_them(tmp_path):
    with library_log.redirect_library_output(tmp_path / "log.txt"):
        net = networks.build_network(train_packaged_weights.build_options(1), len(fmb.CLASSES))
    weights.load_initial_weights(net, segformer.PACKAGED_WEIGHTS, fmb.CLASSES)
    found = load_file(segformer.PACKAGED_WEIGHTS)
    last = "decode_head.conv_seg.weight"
    assert torch.equal(net.state_dict()[last], found[last].float())
    assert set(found) == set(net.state_dict())
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


@NEEDED
def test_the_model_card_is_that_of_the_packaged_file():
    card = segformer.PACKAGED_WEIGHTS.with_suffix(".md").read_text()
    assert hashing.compute_file_sha256(segformer.PACKAGED_WEIGHTS) in card
    assert segformer.PACKAGED_WEIGHTS.stat().st_size < 10e6


@pytest.mark.slow
def test_a_trial_writes_weights_and_a_card_with_measured_facts(tmp_path):
    to = tmp_path / "weights/trial.safetensors"
    words = ["--scenes", "4", "--check", "2", "--iterations", "2", "--to", str(to)]
    words += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")]
    threads = torch.get_num_threads()
    try:
        assert train_packaged_weights.main(words) == 0
    finally:
        torch.set_num_threads(threads)
    with safe_open(to, "pt") as file:
        assert file.metadata()["classes"].split(",") == list(fmb.CLASSES)
    assert load_file(to)["decode_head.conv_seg.weight"].dtype == torch.float16
    card = to.with_suffix(".md").read_text()
    assert (
        f"`trial.safetensors`, half precision, sha256 `{hashing.compute_file_sha256(to)}`" in card
    )
    assert "| trained on | 4 scenes" in card
    assert "| steps | 2, 4 images each" in card
    assert re.search(r"infrared \d+\.\d %, visible \d+\.\d %, average \d+\.\d %", card)
    assert str(tmp_path) not in card
