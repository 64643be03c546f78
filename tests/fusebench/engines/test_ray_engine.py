"""Programs with ``--engine ray``, with Ray itself: on this machine, and on a cluster of two nodes.

They run where Ray is installed: ``pip install 'fusebench[ray]'``.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from fusebench.engines import states
from tests.faults.injection import stored_contents
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]

TASKS = """
sources:
  slow: {kind: method, method: tests.helpers.engines.slow_method, options: {seconds: SECONDS}}
  average: {kind: method, method: average}
tasks:
  toy: {kind: quality, dataset: folder, sources: [slow, average], metrics: {entropy: {}}}
"""
PROGRAM = [sys.executable, "-m", "fusion.run", "--device", "cpu"]
RAY = ["--engine", "ray", "--set", "engine.gpus_per_run=0.5", "--set"]


@pytest.fixture(scope="module")
def environment():
    """Variables of the programs; Ray's own files are in a folder with a short path."""
    ray_folder = tempfile.mkdtemp(prefix="ft", dir="/tmp")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    yield kept | {
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
        "RAY_TMPDIR": ray_folder,
        "RAY_AUTH_MODE": "disabled",
    }
    shutil.rmtree(ray_folder, ignore_errors=True)


@pytest.fixture
def study(tmp_path):
    """120 pairs of one gray level each; a shard of the images takes 30 seconds."""
    for number in range(120):
        for sensor in ("ir", "vi"):
            path = tmp_path / f"data/folder/{sensor}/{number:03}.png"
            dataset_folders.write_image(path, level=number)
    (tmp_path / "tasks.yaml").write_text(TASKS.replace("SECONDS", "0.5"))
    return tmp_path


class Nodes:
    """A cluster of two nodes in another process."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.engines.ray_nodes"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self.process.stdout.readline().strip()

    def kill_second(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "killed\n"


@pytest.fixture
def nodes(environment):
    nodes = Nodes(environment)
    yield nodes
    nodes.process.communicate(timeout=200)


def start(study, environment, *flags):
    return subprocess.Popen(
        [*PROGRAM, *flags],
        cwd=study,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    output, errors = process.communicate(timeout=500)
    return process.returncode, output, errors


def check_results(study, environment):
    """The results are those of one process, apart from times."""
    subprocess.run(
        [*PROGRAM, "--out", "serial"], cwd=study, env=environment, check=True, capture_output=True
    )
    expected = stored_contents.hash_results(study / "serial")
    results = stored_contents.hash_results(study / "runs")
    assert stored_contents.list_differences(expected, results) == []
    assert stored_contents.list_leftovers(study / "runs") == []
    for name in ("submitted", "engines"):
        folder = study / "runs/.jobs" / name
        assert not [path for path in folder.rglob("*") if path.is_file()]


def wait_for_running(study, count):
    deadline = time.monotonic() + 300
    while True:
        running = [
            state
            for state, _ in states.list_states(study / "runs")
            if state.state == "running" and "shard" in state.id
        ]
        if len(running) >= count:
            return running
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_for_engine(study):
    deadline = time.monotonic() + 300
    while not list((study / "runs/.jobs/engines").glob("*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(text):
    """Whether a process has this text in its command line."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().decode(errors="replace"))
    return any(text in line for line in lines)


def test_ray_that_the_command_started_replaces_killed_processes_and_ends(study, environment):
    process = start(study, environment, "--engine", "ray", "--workers", "2")
    os.kill(wait_for_running(study, 1)[0].pid, signal.SIGKILL)
    status, output, errors = finish(process)
    assert status == 0, errors
    assert "on Ray on this machine (" in output
    assert "was ended by SIGKILL, probably because memory ran out" in output
    assert errors.count("\n") < 20  # Ray is quiet
    check_results(study, environment)
    assert list(Path(environment["RAY_TMPDIR"]).glob("fb*")) == []


def test_ctrl_c_ends_ray_that_the_command_started(study, environment):
    process = start(study, environment, "--engine", "ray")
    running = wait_for_running(study, 1)
    os.killpg(process.pid, signal.SIGINT)
    status, _, errors = finish(process)
    assert status == 130, errors
    assert "interrupted; the same command resumes" in errors
    assert "Traceback" not in errors
    time.sleep(2)
    assert not any(Path(f"/proc/{state.pid}").exists() for state in running)
    assert not is_running(f"{environment['RAY_TMPDIR']}/fb")


def test_jobs_of_a_cluster_survive_their_command_and_a_node(study, environment, nodes):
    cluster = [*RAY, f"engine.address={nodes.address}"]
    process = start(study, environment, *cluster)
    running = wait_for_running(study, 2)
    os.killpg(process.pid, signal.SIGINT)
    status, _, errors = finish(process)
    assert status == 130, errors
    assert f"2 jobs continue on the Ray cluster {nodes.address}" in errors
    process = start(study, environment, *cluster)
    wait_for_engine(study)
    nodes.kill_second()
    status, _, errors = finish(process)
    assert status == 0, errors
    check_results(study, environment)
    # Not both were started again: at least one was adopted.
    attempts = [states.read_state(study / "runs", state.id).attempts for state in running]
    assert 1 in attempts


def test_jobs_of_a_cluster_are_canceled(study, environment, nodes):
    cluster = [*RAY, f"engine.address={nodes.address}"]
    process = start(study, environment, *cluster)
    running = wait_for_running(study, 2)
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    status = subprocess.run(
        [sys.executable, "-m", "fusebench", "status"],
        cwd=study, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert status.stdout.count(f"Ray cluster {nodes.address}, for") == 2, status.stderr
    canceled = subprocess.run(
        [sys.executable, "-m", "fusebench", "cancel"],
        cwd=study, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert canceled.returncode == 0, canceled.stderr
    assert "2 jobs canceled" in canceled.stdout
    time.sleep(2)
    assert not any(Path(f"/proc/{state.pid}").exists() for state in running)
    assert finish(start(study, environment, *cluster))[0] == 0
    check_results(study, environment)


def test_usage_is_not_reported(environment):
    script = (
        "from fusebench.engines.kinds.ray_actors import cluster_connection\n"
        "cluster_connection.import_ray()\n"
        "from ray._common.usage import usage_lib\n"
        "print(usage_lib.usage_stats_enabled())\n"
    )
    command = [sys.executable, "-c", script]
    kept = environment | {"RAY_USAGE_STATS_ENABLED": "1"}
    result = subprocess.run(command, env=kept, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
