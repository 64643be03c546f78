"""Faults of the machine, most of them caused for real: one sentence that names the file."""

import errno
import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusebench.errors import UserError
from fusebench.runtime import system_errors
from fusebench.runtime.atomic_write import replace_atomically

FULL = Path("/dev/full")  # every write to it fails as on a full disk
TENSORS = {"a": torch.zeros(100_000)}


def write_to_full_disk(write):
    def write_half(path):
        path.symlink_to(FULL)
        write(path)

    return write_half


def write_text(path):
    path.write_text("x" * 100_000)


def write_torch_file(path):
    with path.open("wb") as file:
        torch.save(TENSORS, file)


def write_torch_path(path):
    torch.save(TENSORS, path)


def write_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(100_000))


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("write", [write_text, write_torch_file, write_torch_path, write_array])
def test_a_full_disk_names_the_file_that_was_to_be_written(write, tmp_path):
    with pytest.raises(OSError, match="No space left") as error:  # noqa: SIM117 - order matters
        with replace_atomically(tmp_path / "a.bin") as temporary:
            write_to_full_disk(write)(temporary)
    message = system_errors.describe_fault(error.value)
    assert message.startswith(f"{tmp_path / 'a.bin'}: No space left on device; free some space")
    assert "same command" in message
    assert not list(tmp_path.iterdir())


class InterruptedFile:
    """A file in whose third write the user presses Ctrl-C."""

    def __init__(self):
        self.writes = 0

    def write(self, data):
        self.writes += 1
        if self.writes == 3:
            raise KeyboardInterrupt
        return len(data)

    def flush(self):
        pass


def test_a_signal_while_torch_writes_a_file_is_no_fault_of_the_disk(tmp_path):
    with pytest.raises(KeyboardInterrupt), system_errors.name_file(tmp_path / "a.pt"):
        torch.save(TENSORS, InterruptedFile())


def test_an_error_of_safetensors_becomes_one_of_the_system(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"a\.safetensors"),
        system_errors.name_file(tmp_path / "a.safetensors"),
    ):
        save_file(TENSORS, tmp_path / "nowhere" / "b.safetensors")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "name a folder"),
        (errno.EIO, "dmesg"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
    ],
)
def test_each_disk_fault_has_its_advice(number, advice):
    error = OSError(number, os.strerror(number), "/data/a.png")
    message = system_errors.describe_fault(error)
    assert message.startswith(f"/data/a.png: {os.strerror(number)}; ")
    assert advice in message
    assert system_errors.is_disk_fault(error)


@pytest.mark.parametrize(
    "allocate",
    [lambda: torch.empty(2**52, dtype=torch.uint8), lambda: np.empty(2**52, np.uint8)],
)
def test_memory_that_is_not_there_is_said_with_its_size_and_what_to_lower(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as error:
        allocate()
    message = system_errors.describe_fault(error.value)
    assert message.startswith("out of memory (4")  # 4 PiB, or 4.2e+06 GiB
    assert "image_size" in message
    assert "tile" in message
    assert not system_errors.is_disk_fault(error.value)


def test_a_killed_worker_is_said():
    pool_error = BrokenProcessPool("A process in the process pool was terminated abruptly")
    loader_error = RuntimeError("DataLoader worker (pid 4) is killed by signal: Killed. ")
    for error in (pool_error, loader_error):
        assert "a worker process was killed" in system_errors.describe_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes cannot be multiplied"),
        ValueError("No space left on device"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a.png"),
        UserError("out of memory of ideas"),
    ],
)
def test_other_errors_are_no_faults_of_the_machine(error):
    assert system_errors.describe_fault(error) is None
    assert not system_errors.is_disk_fault(error)
