"""The program that makes the packaged weights, and the weights themselves."""

import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from bench import digest
from bench.datasets import fmb
from segmentation import train_start
from segmentation.models import segformer
from segmentation.models._segformer import network as networks
from segmentation.models._segformer import quiet, weights

NEEDED = pytest.mark.skipif(
    not segformer.PACKAGED.exists(), reason="python -m segmentation.train_start makes them"
)


@NEEDED
def test_the_packaged_weights_fit_the_recipe_that_made_them(tmp_path):
    with quiet.into(tmp_path / "log.txt"):
        net = networks.build(train_start.recipe(1), len(fmb.CLASSES))
    weights.start_from(net, segformer.PACKAGED, fmb.CLASSES)
    found = load_file(segformer.PACKAGED)
    last = "decode_head.conv_seg.weight"
    assert torch.equal(net.state_dict()[last], found[last].float())
    assert set(found) == set(net.state_dict())
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


@NEEDED
def test_the_model_card_is_that_of_the_packaged_file():
    card = segformer.PACKAGED.with_suffix(".md").read_text()
    assert digest.sha256(segformer.PACKAGED) in card
    assert segformer.PACKAGED.stat().st_size < 10e6


@pytest.mark.slow
def test_a_trial_writes_weights_and_a_card_with_measured_facts(tmp_path):
    to = tmp_path / "weights/trial.safetensors"
    words = ["--scenes", "4", "--check", "2", "--iterations", "2", "--to", str(to)]
    words += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")]
    threads = torch.get_num_threads()
    try:
        assert train_start.main(words) == 0
    finally:
        torch.set_num_threads(threads)
    with safe_open(to, "pt") as file:
        assert file.metadata()["classes"].split(",") == list(fmb.CLASSES)
    assert load_file(to)["decode_head.conv_seg.weight"].dtype == torch.float16
    card = to.with_suffix(".md").read_text()
    assert f"`trial.safetensors`, half precision, sha256 `{digest.sha256(to)}`" in card
    assert "| trained on | 4 scenes" in card
    assert "| steps | 2, 4 images each" in card
    assert re.search(r"infrared \d+\.\d %, visible \d+\.\d %, average \d+\.\d %", card)
    assert str(tmp_path) not in card
