"""Weights files: saved and loaded, used as initial weights, downloaded by name, refused."""

import math

import numpy as np
import pytest
import torch

from detection.models import yolov5
from detection.models.yolov5 import initial_weights, network, ultralytics_import
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.errors import UserError
from fusebench.storage import hashing
from tests.helpers.damage import flip_bit


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


def test_loaded_weights_are_the_saved_ones(tmp_path):
    model = network.build_network("n", ("a", "b"))
    network.save_network(tmp_path, model, {"size": "n", "classes": ["a", "b"]})
    loaded = network.load_network(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_initial_weights_of_other_classes_are_loaded_except_the_last_layers(tmp_path):
    old, new = network.build_network("n", ["x"] * 4), network.build_network("n", ("a", "b"))
    loaded = network.load_matching_weights(new, old.state_dict(), "old")
    assert loaded == len(new.state_dict()) - 6  # weight and bias of three class outputs
    name = "model.0.conv.weight"
    assert torch.equal(new.state_dict()[name], old.state_dict()[name])


def test_initial_weights_of_another_size_are_refused():
    with pytest.raises(UserError, match=r"small\.pt: only \d+ of 427 tensors fit"):
        network.load_matching_weights(
            network.build_network("n", ("a",)),
            network.build_network("s", ("a",)).state_dict(),
            "small.pt",
        )


def test_initial_weights_that_are_not_finite_are_refused():
    tensors = network.build_network("n", ("a",)).state_dict()
    tensors["model.0.conv.weight"][0] = math.nan
    with pytest.raises(UserError, match=r"model\.0\.conv\.weight is not finite"):
        network.load_matching_weights(network.build_network("n", ("a",)), tensors, "broken")


def test_an_ultralytics_checkpoint_is_read(tmp_path):
    model = network.build_network("n", ["x"] * 3)
    model.args = build_config(yolov5.Options(), 0)
    content = {"epoch": -1, "model": model.half(), "ema": None, "train_args": {"imgsz": 640}}
    content["train_metrics"] = {"fitness": np.float64(0.5)}
    torch.save(content, tmp_path / "ultralytics.pt")
    tensors = initial_weights.load_tensors(str(tmp_path / "ultralytics.pt"), "n", tmp_path)
    assert len(tensors) == len(model.state_dict())
    name = "model.0.conv.weight"
    assert torch.equal(tensors[name], model.float().state_dict()[name])


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_a_state_dict_is_read(prefix, tmp_path):
    state = network.build_network("n", ["x"] * 3).state_dict()
    torch.save({prefix + name: value for name, value in state.items()}, tmp_path / "state.pt")
    tensors = initial_weights.load_tensors(str(tmp_path / "state.pt"), "n", tmp_path)
    assert tensors.keys() == state.keys()


class MaliciousObject:
    """Unpickling it would write a file."""

    def __reduce__(self):
        return (open, ("harm.txt", "w"))


def test_a_checkpoint_with_code_is_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": MaliciousObject()}, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"evil\.pt: .* holds an object of io\.open"):
        initial_weights.read_weights_file(tmp_path / "evil.pt")
    assert not (tmp_path / "harm.txt").exists()


# A missing mark, an empty stack, a truncated number, a truncated character.
DAMAGED = [b"junk", b"0", b"J1", b"X\x01\x00\x00\x00\xe0"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_checkpoint_is_one_error(tmp_path, content):
    (tmp_path / "torn.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"torn\.pt: cannot be read as weights \([A-Za-z]*[Ee]rror"):
        initial_weights.read_weights_file(tmp_path / "torn.pt")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"model": [1]}, tmp_path / "dict.pt")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text.pt", "dict.pt", "text.safetensors"):
        with pytest.raises(UserError, match=name):
            initial_weights.load_tensors(str(tmp_path / name), "n", tmp_path)


def test_initial_weights_are_checked_when_planning(tmp_path):
    for weights, size, message in (
        (str(tmp_path / "none.safetensors"), "n", "no such file"),
        ("packaged", "x", "exist for size n"),
        ("yolov5s.pt", "n", "is size s, but size is n"),
        ("resnet50", "n", "no such file"),
    ):
        with pytest.raises(UserError, match=message):
            yolov5.dependency_hashes(yolov5.Options(start_weights=weights, size=size))
    for options in (yolov5.Options(start_weights="yolov5su.pt", size="s"), yolov5.Options()):
        assert yolov5.dependency_hashes(options) == {"start_weights": None}


def test_release_weights_are_downloaded_once(tmp_path, monkeypatch):
    downloads = []

    def download(file):
        downloads.append(file)
        model = network.build_network("n", ["x"])
        torch.save({"model": model}, file)

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", download)
    for _ in range(2):
        tensors = initial_weights.load_tensors("yolov5n.pt", "n", tmp_path / "downloads")
        assert len(tensors) == 427
    assert len(downloads) == 1
    facts = initial_weights.describe_download("yolov5n.pt", "n", tmp_path / "downloads")
    sha256 = hashing.compute_file_sha256(tmp_path / "downloads/yolov5nu.pt")
    assert facts == {"start weights": f"yolov5nu.pt (sha256 {sha256[:12]})"}
    for weights in ("scratch", "packaged"):
        assert initial_weights.describe_download(weights, "n", tmp_path) == {}
    assert [path.name for path in tmp_path.rglob("*.pt")] == ["yolov5nu.pt"]
    flip_bit(tmp_path / "downloads/yolov5nu.pt")
    with pytest.raises(UserError, match=r"yolov5nu\.pt: damaged: changed since it was downloaded"):
        initial_weights.load_tensors("yolov5n.pt", "n", tmp_path / "downloads")


def test_a_failed_download_is_an_error_with_its_reason(tmp_path, monkeypatch):
    def no_network(file):
        raise ConnectionError("no network")

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", no_network)
    with pytest.raises(UserError, match=r"yolov5nu\.pt could not be downloaded \(no network\)"):
        initial_weights.load_tensors("yolov5n.pt", "n", tmp_path)
