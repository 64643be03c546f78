"""Weights files: lookup by path and name, errors of damaged files, atomic writing."""

import os
import resource
import signal
import stat
import zipfile

import pytest
import torch

from fusebench.errors import UserError
from fusebench.storage.weights import checkpoint
from fusion.checkpoints import weights_file


def test_weights_are_found_by_file_folder_and_name_of_a_training_run(tmp_path):
    folder = tmp_path / "finished-0123456789ab"
    folder.mkdir()
    (folder / weights_file.FILE_NAME).touch()
    (tmp_path / "started-0123456789ab.partial").mkdir()
    for path in (folder / weights_file.FILE_NAME, folder, tmp_path / "finished"):
        assert weights_file.find_weights_file(path) == folder / weights_file.FILE_NAME
    with pytest.raises(UserError, match=r"started: its training is not finished.*--name started"):
        weights_file.find_weights_file(tmp_path / "started")
    with pytest.raises(UserError, match="not trained yet"):
        weights_file.find_weights_file(tmp_path / "other")
    second = tmp_path / "finished-aaaaaaaaaaaa"
    second.mkdir()
    with pytest.raises(UserError, match="name one of them"):
        weights_file.find_weights_file(tmp_path / "finished")


def test_truncated_or_foreign_weights_file_is_an_error(tmp_path):
    from safetensors.torch import save_file

    metadata = weights_file.WeightsMetadata("dmfuse", "fusion", {"inner": 8})
    path = tmp_path / "a.safetensors"
    weights_file.write_weights(path, {"x": torch.arange(400.0)}, metadata)
    assert weights_file.read_weights(path)[1] == metadata
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match="cannot be read as weights"):
        weights_file.read_weights(path)
    save_file({"x": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="no metadata of fusebench"):
        weights_file.read_weights(path)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floating_point_tensors_of_any_width_are_read_as_float32(tmp_path, dtype):
    metadata = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    weights_file.write_weights(
        tmp_path / "a.safetensors", {"x": torch.tensor([0.5, -3.0]).to(dtype)}, metadata
    )
    tensor = weights_file.read_weights(tmp_path / "a.safetensors")[0]["x"]
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == [0.5, -3.0]


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_error_names_a_tensor_that_is_not_floating_point(tmp_path, dtype):
    metadata = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    tensors = {"a": torch.zeros(2), "b.weight": torch.ones(2, dtype=dtype)}
    weights_file.write_weights(tmp_path / "a.safetensors", tensors, metadata)
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(UserError, match=rf"a\.safetensors: b\.weight is {name}; expected float"):
        weights_file.read_weights(tmp_path / "a.safetensors")


def test_full_disk_is_one_error_and_the_old_weights_stay(tmp_path):
    # 2 MB of weights with a limit of 1 MB per file; the signal would end the program
    metadata = weights_file.WeightsMetadata("dmfuse", "fusion", {"inner": 8})
    path = tmp_path / "a.safetensors"
    weights_file.write_weights(path, {"x": torch.zeros(3)}, metadata)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*a\.safetensors'"):
            weights_file.write_weights(path, {"x": torch.zeros(500_000)}, metadata)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert torch.equal(weights_file.read_weights(path)[0]["x"], torch.zeros(3))


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_weights_file_has_the_permissions_of_a_new_file(tmp_path, mask, mode):
    path = tmp_path / "a.safetensors"
    before = os.umask(mask)
    try:
        weights_file.write_weights(
            path, {"x": torch.zeros(3)}, weights_file.WeightsMetadata("dmfuse", "fusion", {})
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_folder_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    metadata = weights_file.WeightsMetadata("dmfuse", "fusion", {})
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        weights_file.write_weights(
            tmp_path / "file" / "a.safetensors", {"x": torch.zeros(3)}, metadata
        )


@pytest.mark.parametrize("stem", ["data/0", "data.pkl"])
def test_torch_file_with_one_wrong_byte_is_an_error(tmp_path, stem):
    path = tmp_path / "state.pt"
    checkpoint.write_checkpoint(path, {"x": torch.arange(1000.0), "step": 3})
    assert torch.equal(checkpoint.read_checkpoint(path, "cpu")["x"], torch.arange(1000.0))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        (part,) = [part for part in archive.infolist() if part.filename.endswith(f"/{stem}")]
        with archive.open(part) as file:
            start = content.index(file.read())
    content[start + part.file_size // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"state\.pt: cannot be read .*{stem}.*starts over"):
        checkpoint.read_checkpoint(path, "cpu")
