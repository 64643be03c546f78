"""Two processes that share a batch train as one does."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import training_toys as toys

ROOT = Path(__file__).parents[1]
CHANGES = [
    "denoising.inner=8",
    "denoising.dropout=0",
    "denoising.timesteps=200",
    "fusion.loss=paper",  # the code's weighs SSIMs by the batch of one process
    *(
        f"{stage}.{change}"
        for stage in ("diffusion", "fusion")
        for change in ("patch=32", "batch=4", "steps=3", "held_out=1", "precision=float32")
    ),
]


def start(data, out, world):
    """One process per rank, on the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "fusion.train", "--method", "dmfuse", "--stage", "fusion"]
    words += ["--folder", "--device", "cpu", "--data", str(data), "--out", str(out)]
    words += ["--set", 'diffusion.data=[{"dataset": "folder", "split": "all"}]']
    words += ["--set", 'fusion.data=[{"dataset": "folder", "split": "all"}]']
    words += [word for change in CHANGES for word in ("--set", change)]
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


def losses(out):
    (file,) = (out / "trained").glob("dmfuse-fusion-*/losses.csv")
    with file.open(newline="") as rows:
        return [
            [float(value) for name, value in row.items() if name != "norm"]
            for row in csv.DictReader(rows)
        ]


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_with_the_doubled_batch(tmp_path):
    toys.pairs(tmp_path / "data", "abcde")
    for world in (1, 2):
        for process in start(tmp_path / "data", tmp_path / str(world), world):
            _, said = process.communicate(timeout=300)
            assert process.returncode == 0, said
    alone, shared = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(alone) == 3
    for one, two in zip(alone, shared, strict=True):
        assert two == pytest.approx(one, rel=1e-5)
    folders = [next((tmp_path / w / "trained").glob("dmfuse-fusion-*")) for w in "12"]
    assert folders[0].name == folders[1].name  # how many processes trained is not in the spec
