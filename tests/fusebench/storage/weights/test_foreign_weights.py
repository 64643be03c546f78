"""Weights files of other programs: read whatever their container, or refused by what they are."""

import argparse
import gzip
import pathlib
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusebench.errors import UserError
from fusebench.storage.weights import foreign_weights, weights_content

TENSORS = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.tensor([1.0, -2.0])}


def add_prefix(prefix):
    return {f"{prefix}{name}": tensor for name, tensor in TENSORS.items()}


def build_history():
    from mmengine.logging import HistoryBuffer

    return HistoryBuffer([1.0, 0.5], [1, 1])


CONTENTS = {
    "state dict": TENSORS,
    "ordered": OrderedDict(TENSORS),
    "DataParallel": add_prefix("module."),
    "compiled": add_prefix("_orig_mod."),
    "compiled DataParallel": add_prefix("_orig_mod.module."),
    "nested twice": {"state_dict": {"model": TENSORS}, "epoch": 3},
    "beside its average": {"ema": {"conv.weight": torch.zeros(2, 3)}, "model": TENSORS},
    "params": {"params": TENSORS, "optimizer": {"state": {}, "param_groups": []}},
    "unknown key": {"detector": TENSORS, "step": 7},
    "NumPy score": {"state_dict": TENSORS, "best": np.float64(0.61), "rng": np.arange(3)},
    "NumPy weights": {name: tensor.numpy() for name, tensor in TENSORS.items()},
    "arguments": {"net": TENSORS, "args": argparse.Namespace(lr=0.1), "to": pathlib.Path("a/b")},
    "sparse": {**TENSORS, "conv.weight": TENSORS["conv.weight"].to_sparse()},
    "parameters": {name: torch.nn.Parameter(tensor) for name, tensor in TENSORS.items()},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", CONTENTS)
def test_tensors_are_found_in_every_container(name, zipped, tmp_path):
    torch.save(CONTENTS[name], tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    tensors = foreign_weights.read_file(tmp_path / "w.pt").select_tensors()
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_mmengines_log_in_a_checkpoint_is_not_built(tmp_path):
    hub = {"log_scalars": {"train/loss": build_history()}}
    torch.save({"state_dict": TENSORS, "message_hub": hub}, tmp_path / "w.pth")
    file = foreign_weights.read_file(tmp_path / "w.pth")
    stored = file.content["message_hub"]["log_scalars"]["train/loss"]
    assert isinstance(stored, foreign_weights.IgnoredObject)
    assert vars(stored) == {}
    assert file.select_tensors().keys() == TENSORS.keys()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w"])
def test_the_content_decides_the_format(name, tmp_path):
    save_file(TENSORS, tmp_path / "source", metadata={"classes": "a,b"})
    (tmp_path / "source").rename(tmp_path / name)
    file = foreign_weights.read_file(tmp_path / name)
    assert file.metadata == {"classes": "a,b"}
    assert torch.equal(file.select_tensors()["conv.bias"], TENSORS["conv.bias"])
    torch.save(TENSORS, tmp_path / name)
    if name != "w.safetensors":
        assert foreign_weights.read_file(tmp_path / name).select_tensors().keys() == TENSORS.keys()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14335185\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (LFS, "a Git LFS pointer.*git lfs pull"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b'{"error": "not found"}', "a JSON text"),
        (gzip.compress(b"x", mtime=0), "a gzip archive; unpack it"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"PK\x03\x04 cut", "damaged or cut short"),
        (b"\xff\xff\x00\x00\x00\x00\x00\x00{", "cut short: .* header of 65535"),
        (b"half a file", "cannot be read as weights"),
    ],
)
def test_other_files_are_named_by_what_they_are(content, message, tmp_path):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"w\.pth: .*{message}"):
        foreign_weights.read_file(tmp_path / "w.pth")


class Harmful:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


class Network(torch.nn.Linear):
    """A network whose class another program would have."""


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["state_dict", "meta", "args"])
def test_code_is_refused_by_its_name_and_never_run(place, zipped, tmp_path):
    content = {"state_dict": TENSORS, place: Harmful(tmp_path / "harm")}
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"w\.pt: .*an object of io\.open"):
        foreign_weights.read_file(tmp_path / "w.pt")
    assert not (tmp_path / "harm").exists()


def test_a_whole_model_is_refused_with_a_way_out_and_no_advice_to_run_it(tmp_path):
    torch.save({"model": Network(2, 2)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"test_foreign_weights\.Network") as error:
        foreign_weights.read_file(tmp_path / "w.pt")
    message = str(error.value)
    assert "torch.save(network.state_dict()" in message
    assert "weights_only" not in message
    assert message.isprintable()
    assert len(message) < 600


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list"),
        ({"epoch": 3}, "found none"),
        ({"left": TENSORS, "right": TENSORS}, r"several sets of them \(left, right\)"),
        ({"a": torch.ones(2, device="meta")}, "a has no values"),
    ],
)
def test_content_without_usable_tensors_is_refused(content, message, tmp_path):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(UserError, match=rf"w\.pt: .*{message}"):
        foreign_weights.read_file(tmp_path / "w.pt").select_tensors()


@pytest.mark.filterwarnings("ignore::UserWarning")  # deprecated, but files have such tensors
def test_quantized_tensors_are_refused_by_name(tmp_path):
    tensor = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    torch.save({"a": tensor}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"w\.pt: a is quantized \(qint8\)"):
        foreign_weights.read_file(tmp_path / "w.pt").select_tensors()


def test_a_container_that_contains_itself_ends(tmp_path):
    loop = {}
    loop["model"] = loop
    torch.save(loop, tmp_path / "w.pt")
    with pytest.raises(UserError, match="found none"):
        foreign_weights.read_file(tmp_path / "w.pt").select_tensors()


def test_a_network_is_selected_by_one_of_its_names(tmp_path):
    tensors = {**add_prefix("netG."), "betas": torch.ones(3)}
    selected = foreign_weights.select_network(tensors, ("conv.weight",), tmp_path)
    assert selected.keys() == TENSORS.keys()
    both = {**add_prefix("online."), **add_prefix("average.")}
    with pytest.raises(UserError, match=r"online\.conv\.weight and average\.conv\.weight"):
        foreign_weights.select_network(both, ("conv.weight",), tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_that_of_the_network(dtype):
    tensors = {name: tensor.to(dtype) for name, tensor in TENSORS.items()}
    dtypes = dict.fromkeys(TENSORS, torch.float32)
    converted = foreign_weights.convert_values(tensors, dtypes, "w.pt")
    assert all(torch.equal(converted[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor([1.0, float("nan")]), "conv.bias is not finite"),
        (torch.tensor([1.0, float("-inf")]), "conv.bias is not finite"),
        (torch.tensor([1.0, 1e300], dtype=torch.float64), "conv.bias is not finite"),
        (torch.tensor([1, 2]), "conv.bias is int64"),
    ],
)
def test_values_that_are_no_finite_numbers_are_refused_by_name(tensor, message):
    tensors = TENSORS | {"conv.bias": tensor}
    dtypes = dict.fromkeys(TENSORS, torch.float32)
    with pytest.raises(UserError, match=f"w.pt: {message}"):
        foreign_weights.convert_values(tensors, dtypes, "w.pt")


def test_a_folder_stands_for_the_one_weights_file_in_it(tmp_path):
    assert weights_content.find_weights_in_folder(tmp_path / "w.pt") == tmp_path / "w.pt"
    with pytest.raises(UserError, match="a folder; expected one weights file in it, found none"):
        weights_content.find_weights_in_folder(tmp_path)
    for name in ("a.pth", "config.json"):
        (tmp_path / name).touch()
    assert weights_content.find_weights_in_folder(tmp_path) == tmp_path / "a.pth"
    (tmp_path / "b.pth").touch()
    with pytest.raises(UserError, match=r"found 2 \(a\.pth, b\.pth"):
        weights_content.find_weights_in_folder(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert weights_content.find_weights_in_folder(tmp_path) == tmp_path / "model.safetensors"
