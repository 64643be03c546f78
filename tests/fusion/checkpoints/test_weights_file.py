"""Weights files: found under several names, refused when damaged, written whole or not at all."""

import os
import resource
import signal
import stat
import zipfile

import pytest
import torch

from fusebench.errors import UserError
from fusebench.storage import checkpoint
from fusion.checkpoints import weights_file


def test_resolve_finds_a_file_a_folder_and_a_label(tmp_path):
    folder = tmp_path / "whole-0123456789ab"
    folder.mkdir()
    (folder / weights_file.FILE_NAME).touch()
    (tmp_path / "begun-0123456789ab.partial").mkdir()
    for given in (folder / weights_file.FILE_NAME, folder, tmp_path / "whole"):
        assert weights_file.find_weights_file(given) == folder / weights_file.FILE_NAME
    with pytest.raises(UserError, match=r"begun: its training is not finished.*--name begun"):
        weights_file.find_weights_file(tmp_path / "begun")
    with pytest.raises(UserError, match="not trained yet"):
        weights_file.find_weights_file(tmp_path / "other")
    second = tmp_path / "whole-aaaaaaaaaaaa"
    second.mkdir()
    with pytest.raises(UserError, match="name one of them"):
        weights_file.find_weights_file(tmp_path / "whole")


def test_a_weights_file_that_is_cut_or_of_others_is_refused(tmp_path):
    from safetensors.torch import save_file

    facts = weights_file.WeightsMetadata("dmfuse", "fusion", {"inner": 8})
    path = tmp_path / "a.safetensors"
    weights_file.write_weights(path, {"x": torch.arange(400.0)}, facts)
    assert weights_file.read_weights(path)[1] == facts
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        weights_file.read_weights(path)
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="does not say what it is"):
        weights_file.read_weights(path)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_floating_point_numbers_of_any_width_are_read_as_float32(tmp_path, kind):
    facts = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    weights_file.write_weights(
        tmp_path / "a.safetensors", {"x": torch.tensor([0.5, -3.0]).to(kind)}, facts
    )
    found = weights_file.read_weights(tmp_path / "a.safetensors")[0]["x"]
    assert found.dtype == torch.float32
    assert found.tolist() == [0.5, -3.0]


@pytest.mark.parametrize("kind", [torch.int64, torch.uint8, torch.bool])
def test_other_numbers_are_refused_by_name(tmp_path, kind):
    facts = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    tensors = {"a": torch.zeros(2), "b.weight": torch.ones(2, dtype=kind)}
    weights_file.write_weights(tmp_path / "a.safetensors", tensors, facts)
    said = str(kind).removeprefix("torch.")
    with pytest.raises(UserError, match=rf"a\.safetensors: b\.weight is {said}; expected float"):
        weights_file.read_weights(tmp_path / "a.safetensors")


def test_a_full_disk_is_one_error_and_the_old_weights_stay(tmp_path):
    # 2 MB of weights where a file may have 1 MB; the signal would end the program
    facts = weights_file.WeightsMetadata("dmfuse", "fusion", {"inner": 8})
    path = tmp_path / "a.safetensors"
    weights_file.write_weights(path, {"x": torch.zeros(3)}, facts)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, limits[1]))
    try:
        with pytest.raises(UserError, match=r"a\.safetensors: cannot be written .*make room"):
            weights_file.write_weights(path, {"x": torch.zeros(500_000)}, facts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert torch.equal(weights_file.read_weights(path)[0]["x"], torch.zeros(3))


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_weights_are_as_readable_as_any_new_file(tmp_path, mask, mode):
    path = tmp_path / "a.safetensors"
    before = os.umask(mask)
    try:
        weights_file.write_weights(
            path, {"x": torch.zeros(3)}, weights_file.WeightsMetadata("dmfuse", "fusion", {})
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_place_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    facts = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    with pytest.raises(UserError, match="cannot be written"):
        weights_file.write_weights(
            tmp_path / "file" / "a.safetensors", {"x": torch.zeros(3)}, facts
        )


@pytest.mark.parametrize("stem", ["data/0", "data.pkl"])
def test_a_torch_file_with_one_wrong_byte_is_refused(tmp_path, stem):
    path = tmp_path / "state.pt"
    checkpoint.write_checkpoint(path, {"x": torch.arange(1000.0), "step": 3})
    assert torch.equal(checkpoint.read_checkpoint(path, "cpu")["x"], torch.arange(1000.0))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        (part,) = [part for part in archive.infolist() if part.filename.endswith(f"/{stem}")]
        with archive.open(part) as file:
            at = content.index(file.read())
    content[at + part.file_size // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"state\.pt: cannot be read .*{stem}.*start over"):
        checkpoint.read_checkpoint(path, "cpu")
