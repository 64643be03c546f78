"""Workers that are killed, engines on one store and engines that are stopped: nothing is lost."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.faults.injection import stored_contents
from tests.helpers import dataset_folders
from tests.helpers.engines.killing import list_children, run_and_kill_workers
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.slow

TASKS = """
sources:
  slow: {kind: method, method: tests.helpers.engines.slow_method, options: {seconds: 0.02}}
  average: {kind: method, method: average}
tasks:
  toy: {kind: quality, dataset: folder, sources: [slow, average], metrics: {entropy: {}}}
"""
FLAGS = ("fusion.run", "--device", "cpu", "--workers", "2", "--retries", "50")
SLURM = ("--engine", "slurm", "--set", "engine.cluster=local", "--set", "engine.array=2")
SUBMITIT_FLAGS = (*FLAGS[:3], *FLAGS[5:], *SLURM)  # Slurm's jobs without Slurm


@pytest.fixture(scope="module", autouse=True)
def importable_tests():
    """Let the programs import the fusion method of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, importable_tests):
    """A folder with 120 pairs, a task file, and the results of one undisturbed process."""
    folder = tmp_path_factory.mktemp("inputs")
    for number in range(120):
        for sensor in ("ir", "vi"):
            path = folder / f"data/folder/{sensor}/{number:03}.png"
            dataset_folders.write_image(path, level=number)
    (folder / "tasks.yaml").write_text(TASKS)
    subprocess.run([sys.executable, "-m", *FLAGS[:3]], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def folder(inputs, tmp_path):
    """A folder with the same inputs."""
    for name in ("data", "tasks.yaml"):
        (tmp_path / name).symlink_to(inputs / name)
    return tmp_path


def check_results(inputs, folder):
    expected = stored_contents.hash_results(inputs / "runs")
    results = stored_contents.hash_results(folder / "runs")
    assert stored_contents.list_differences(expected, results) == []
    assert stored_contents.list_leftovers(folder / "runs") == []


@pytest.mark.parametrize("flags", [FLAGS, SUBMITIT_FLAGS], ids=["local", "submitit"])
def test_killed_workers_are_replaced_and_nothing_is_lost(inputs, folder, flags):
    if flags is SUBMITIT_FLAGS:
        pytest.importorskip("submitit", reason="submitit: pip install fusebench[slurm]")
    status, errors, kills = run_and_kill_workers(flags, folder, kills=6)
    assert status == 0, errors
    assert kills > 0
    check_results(inputs, folder)


def test_two_engines_share_a_store(inputs, folder):
    command = [sys.executable, "-m", *FLAGS]
    engines = [subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert {engine.wait() for engine in engines} <= {0, 75}  # 75: the other one was not ready yet
    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0
    check_results(inputs, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_engine_stops_its_workers_and_the_same_command_goes_on(inputs, folder, number):
    command = [sys.executable, "-m", *FLAGS]
    engine = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while not list((folder / "runs").glob("fused/*.partial/*.png")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = list_children(engine.pid)
    os.kill(engine.pid, number)
    _, errors = engine.communicate(timeout=200)
    if number != signal.SIGKILL:
        assert engine.returncode == 128 + number
        assert "interrupted; the same command resumes" in errors
        assert "Traceback" not in errors
    while any(os.path.exists(f"/proc/{pid}/cmdline") for pid in workers):  # noqa: PTH110
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0
    check_results(inputs, folder)
