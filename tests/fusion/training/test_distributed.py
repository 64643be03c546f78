"""Data-parallel training: two processes that share a batch train as one process does."""

import csv
import os
import socket
import subprocess
import sys

import pytest

from tests.helpers.fusion import tiny_training
from tests.helpers.paths import REPOSITORY

NETWORK_CHANGES = {
    "dmfuse": [
        "denoising.inner=8",
        "denoising.dropout=0",
        "denoising.timesteps=200",
        "fusion.loss=paper",  # the code's loss weights SSIMs by the batch of one process
    ],
    "dmnet": [
        "architecture.inner=8",
        "architecture.features=8",
        "architecture.heads=2",
        "architecture.dropout=0",
        "timesteps=200",
    ],
}
SECTIONS = {"dmfuse": ("diffusion", "fusion"), "dmnet": ("stage1", "stage2")}
STAGE_CHANGES = (
    "patch=32",
    "batch=4",
    "steps=3",
    "held_out=1",
    "precision=float32",
    'data=[{"dataset": "folder", "split": "all"}]',
)
MAX_SECONDS = 1800  # ends processes that wait for each other for ever


def start_processes(method, stage, data, out, world_size):
    """Start one process per rank, on the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fusion.train", "--method", method, "--stage", stage]
    command += ["--device", "cpu", "--data", str(data), "--out", str(out)]
    changes = [f"{section}.{change}" for section in SECTIONS[method] for change in STAGE_CHANGES]
    for change in NETWORK_CHANGES[method] + changes:
        command += ["--set", change]
    rendezvous = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(world_size),
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=os.environ | rendezvous | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world_size)
    ]


def read_losses(out, label):
    (file,) = (out / "trained").glob(f"{label}-*/losses.csv")
    with file.open(newline="") as rows:
        return [
            [float(value) for name, value in row.items() if name != "norm"]
            for row in csv.DictReader(rows)
        ]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "stage"), [("dmfuse", "fusion"), ("dmnet", "2")])
def test_two_processes_have_the_losses_of_one_with_the_doubled_batch(tmp_path, method, stage):
    tiny_training.write_pairs(tmp_path / "data", "abcde")
    for world_size in (1, 2):
        out = tmp_path / str(world_size)
        processes = start_processes(method, stage, tmp_path / "data", out, world_size)
        try:
            for process in processes:
                _, errors = process.communicate(timeout=MAX_SECONDS)
                assert process.returncode == 0, errors
        finally:
            for process in processes:  # after a failure, the others would wait for the first
                process.kill()
    single, parallel = (read_losses(tmp_path / size, f"{method}-{stage}") for size in "12")
    assert len(single) == 3
    for expected, losses in zip(single, parallel, strict=True):
        assert losses == pytest.approx(expected, rel=1e-5)
    folders = [next((tmp_path / size / "trained").glob(f"{method}-{stage}-*")) for size in "12"]
    assert folders[0].name == folders[1].name  # the number of processes is not in the spec
