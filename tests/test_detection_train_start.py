"""The script behind the packaged weights, and the weights themselves."""

import re

import pytest

from bench.datasets import scenes
from detection import train_start
from detection.models import yolo
from detection.models._yolo import library, network, start

needs_weights = pytest.mark.skipif(
    not start.PACKAGED.exists(), reason="the packaged weights are not in this checkout"
)


@pytest.mark.slow
def test_leaves_weights_that_start_a_training_and_a_card_that_says_how(tmp_path):
    folders = [f"--{name}={tmp_path / name}" for name in ("data", "out", "to")]
    flags = ["--scenes=4", "--unseen=4", "--epochs=1", "--batch=8", "--full-precision"]
    assert train_start.main([*folders, *flags]) == 0
    weights = tmp_path / "to" / "yolov5n-scenes.safetensors"
    card = weights.with_suffix(".md").read_text()
    assert "20 images: 4 simulated scenes" in card
    assert not re.search(r"[{}]", card)
    assert card.count("infrared") == 2
    pin = yolo.pins(yolo.Options(start_weights=str(weights)))["start_weights"]
    assert f"sha256 `{pin}`" in card
    library.bring_in(tmp_path)
    tensors = start.tensors(str(weights), "n", tmp_path)
    whole = network.build("n", scenes.CLASSES)
    assert network.start_from(whole, tensors, "packaged") == len(whole.state_dict())


@needs_weights
def test_the_packaged_weights_fit_the_network_and_their_card(tmp_path):
    pin = yolo.pins(yolo.Options(start_weights="packaged"))["start_weights"]
    assert f"sha256 `{pin}`" in start.PACKAGED.with_suffix(".md").read_text()
    library.bring_in(tmp_path)
    tensors = start.tensors("packaged", "n", tmp_path)
    whole = network.build("n", scenes.CLASSES)
    assert network.start_from(whole, tensors, "packaged") == len(whole.state_dict())
