"""Two machines execute one command on one store: no job twice, and the results of one process.

The machines are namespaces of this one: own host names, processes and networks. They share a folder
of the same mount (locks of the system reach both), or have an sshfs mount of their own each, with
caches of their own (locks do not reach the other one, so that leases are used).
"""

import socket
import subprocess
import sys
from collections import Counter

import pytest

from tests.faults.injection import stored_contents
from tests.helpers import dataset_folders
from tests.helpers.engines import machines
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.slow

SOURCES = [0.02 + number / 1000 for number in range(8)]  # seconds for each image
IMAGES = 20
COMMAND = [sys.executable, "-m", "fusion.run", "--device", "cpu", "--workers", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with pairs and a task file, and the results of one process beside it."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "shared"
    for number in range(IMAGES):
        for sensor in ("ir", "vi"):
            path = folder / f"data/folder/{sensor}/{number:03}.png"
            dataset_folders.write_image(path, level=number)
    methods = "".join(
        f"  slow{number}: {{kind: method, method: tests.helpers.engines.slow_method, "
        f"options: {{seconds: {seconds}}}}}\n"
        for number, seconds in enumerate(SOURCES)
    )
    names = ", ".join(f"slow{number}" for number in range(len(SOURCES)))
    (folder / "tasks.yaml").write_text(
        f"sources:\n{methods}tasks:\n  toy: {{kind: quality, dataset: folder, sources: [{names}], "
        "metrics: {entropy: {}}}\n"
    )
    serial = ["--out", str(tmp_path / "serial")]
    subprocess.run([*COMMAND[:-2], *serial], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("file_system", ["one mount", "sshfs"])
def test_two_machines_do_no_job_twice(folder, tmp_path, monkeypatch, file_system):
    reason = machines.find_reason_to_skip(file_system)
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("FUSION_CALLS", str(tmp_path / "calls"))
    running = []
    place, mount = folder, None
    if file_system == "sshfs":
        place = tmp_path / "mounted"
        place.mkdir()
        mount = (folder, place)
    for name in ("machine-a", "machine-b"):
        with (tmp_path / f"{name}.txt").open("w") as output:
            running.append(
                machines.start_on_machine(name, COMMAND, place, mount, stdout=output, stderr=output)
            )
    statuses = [machine.wait(600) for machine in running]
    texts = [(tmp_path / f"{name}.txt").read_text() for name in ("machine-a", "machine-b")]
    assert set(statuses) <= {0, 75}, texts  # 75: the other machine was not ready yet
    last = subprocess.run(COMMAND, cwd=folder, check=False, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr

    calls = {path.suffix: path.read_text().splitlines() for path in tmp_path.glob("calls.*")}
    assert f".{socket.gethostname()}" not in calls  # nothing was left for a third process
    assert set(calls) == {".machine-a", ".machine-b"}
    counts = Counter(line for lines in calls.values() for line in lines)
    assert len(counts) == len(SOURCES) * IMAGES
    assert set(counts.values()) == {1}
    expected = stored_contents.hash_results(tmp_path / "serial")
    results = stored_contents.hash_results(folder / "runs")
    assert stored_contents.list_differences(expected, results) == []
    assert stored_contents.list_leftovers(folder / "runs") == []
