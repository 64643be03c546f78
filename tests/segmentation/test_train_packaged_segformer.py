"""The command that trains the packaged weights, and the weights themselves."""

import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from fusebench.datasets import fmb
from fusebench.storage import hashing
from segmentation import train_packaged_weights
from segmentation.models.segformer import network as networks
from segmentation.models.segformer import weights
from segmentation.models.segformer.options import PACKAGED_WEIGHTS

needs_weights = pytest.mark.skipif(
    not PACKAGED_WEIGHTS.exists(),
    reason="the packaged weights are not in this checkout",
)


@needs_weights
def test_the_packaged_weights_fit_their_training_options(tmp_path):
    with networks.redirect_library_output(tmp_path / "log.txt"):
        net = networks.build_network(train_packaged_weights.build_options(1), len(fmb.CLASSES))
    weights.load_initial_weights(net, PACKAGED_WEIGHTS, fmb.CLASSES)
    tensors = load_file(PACKAGED_WEIGHTS)
    classifier = "decode_head.conv_seg.weight"
    assert torch.equal(net.state_dict()[classifier], tensors[classifier].float())
    assert set(tensors) == set(net.state_dict())
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


@needs_weights
def test_the_model_card_has_the_sha256_of_the_packaged_weights():
    card = PACKAGED_WEIGHTS.with_suffix(".md").read_text()
    assert hashing.compute_file_sha256(PACKAGED_WEIGHTS) in card
    assert PACKAGED_WEIGHTS.stat().st_size < 10e6


@pytest.mark.slow
def test_a_trial_writes_weights_and_a_model_card_with_measured_facts(tmp_path):
    target = tmp_path / "weights/trial.safetensors"
    flags = ["--scenes", "4", "--check", "2", "--iterations", "2", "--to", str(target)]
    flags += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")]
    threads = torch.get_num_threads()
    try:
        assert train_packaged_weights.main(flags) == 0
    finally:
        torch.set_num_threads(threads)
    with safe_open(target, "pt") as file:
        assert file.metadata()["classes"].split(",") == list(fmb.CLASSES)
    assert load_file(target)["decode_head.conv_seg.weight"].dtype == torch.float16
    card = target.with_suffix(".md").read_text()
    sha256 = hashing.compute_file_sha256(target)
    assert f"`trial.safetensors`, half precision, sha256 `{sha256}`" in card
    assert "| trained on | 4 scenes" in card
    assert "| steps | 2, 4 images each" in card
    assert re.search(r"infrared \d+\.\d %, visible \d+\.\d %, average \d+\.\d %", card)
    assert str(tmp_path) not in card
