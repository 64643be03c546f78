"""The command that trains the packaged weights, and the weights themselves."""

import re

import pytest

from detection import train_packaged_weights
from detection.models import yolov5
from detection.models.yolov5 import initial_weights, network, ultralytics_import
from fusebench.datasets import scenes

needs_weights = pytest.mark.skipif(
    not initial_weights.PACKAGED_WEIGHTS.exists(),
    reason="the packaged weights are not in this checkout",
)


@pytest.mark.slow
def test_a_trial_writes_usable_initial_weights_and_a_model_card(tmp_path):
    folders = [f"--{name}={tmp_path / name}" for name in ("data", "out", "to")]
    flags = ["--scenes=4", "--unseen=4", "--epochs=1", "--batch=8", "--full-precision"]
    assert train_packaged_weights.main([*folders, *flags]) == 0
    weights = tmp_path / "to" / "yolov5n-scenes.safetensors"
    card = weights.with_suffix(".md").read_text()
    assert "20 images: 4 simulated scenes" in card
    assert not re.search(r"[{}]", card)
    assert card.count("infrared") == 2
    sha256 = yolov5.dependency_hashes(yolov5.Options(start_weights=str(weights)))["start_weights"]
    assert f"sha256 `{sha256}`" in card
    ultralytics_import.import_ultralytics(tmp_path)
    tensors = initial_weights.load_tensors(str(weights), "n", tmp_path)
    model = network.build_network("n", scenes.CLASSES)
    assert network.load_matching_weights(model, tensors, "packaged") == len(model.state_dict())


@needs_weights
def test_the_packaged_weights_fit_the_network_and_their_model_card(tmp_path):
    sha256 = yolov5.dependency_hashes(yolov5.Options(start_weights="packaged"))["start_weights"]
    assert f"sha256 `{sha256}`" in initial_weights.PACKAGED_WEIGHTS.with_suffix(".md").read_text()
    ultralytics_import.import_ultralytics(tmp_path)
    tensors = initial_weights.load_tensors("packaged", "n", tmp_path)
    model = network.build_network("n", scenes.CLASSES)
    assert network.load_matching_weights(model, tensors, "packaged") == len(model.state_dict())
