"""Two processes that share a batch train as one does."""

import csv
import os
import socket
import subprocess
import sys

import pytest

from tests.helpers import tiny_training as toys
from tests.helpers.paths import REPOSITORY

ROOT = REPOSITORY
NETWORKS = {
    "dmfuse": [
        "denoising.inner=8",
        "denoising.dropout=0",
        "denoising.timesteps=200",
        "fusion.loss=paper",  # the code's weighs SSIMs by the batch of one process
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
STAGE = (
    "patch=32",
    "batch=4",
    "steps=3",
    "held_out=1",
    "precision=float32",
    'data=[{"dataset": "folder", "split": "all"}]',
)


def start(method, stage, data, out, world):
    """One process per rank, on the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "fusion.train", "--method", method, "--stage", stage]
    words += ["--device", "cpu", "--data", str(data), "--out", str(out)]
    changes = [f"{section}.{change}" for section in SECTIONS[method] for change in STAGE]
    words += [word for change in NETWORKS[method] + changes for word in ("--set", change)]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    return [
        subprocess.Popen(
            words,
            cwd=ROOT,
            env=os.environ
            | place
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def losses(out, name):
    (file,) = (out / "trained").glob(f"{name}-*/losses.csv")
    with file.open(newline="") as rows:
        return [
            [float(value) for name, value in row.items() if name != "norm"]
            for row in csv.DictReader(rows)
        ]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "stage"), [("dmfuse", "fusion"), ("dmnet", "2")])
def test_two_processes_have_the_losses_of_one_with_the_doubled_batch(tmp_path, method, stage):
    toys.write_pairs(tmp_path / "data", "abcde")
    for world in (1, 2):
        for process in start(method, stage, tmp_path / "data", tmp_path / str(world), world):
            _, said = process.communicate(timeout=300)
            assert process.returncode == 0, said
    alone, shared = (losses(tmp_path / world, f"{method}-{stage}") for world in "12")
    assert len(alone) == 3
    for one, two in zip(alone, shared, strict=True):
        assert two == pytest.approx(one, rel=1e-5)
    folders = [next((tmp_path / w / "trained").glob(f"{method}-{stage}-*")) for w in "12"]
    assert folders[0].name == folders[1].name  # how many processes trained is not in the spec
