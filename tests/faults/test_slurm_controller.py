"""A real Slurm controller executes plans: jobs are requeued, killed and canceled, nothing is lost.

It needs root and Debian's packages slurmctld, slurmd, munge and slurm-client; two minutes.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusebench.engines import states, status, submitted
from tests.faults.injection import stored_contents
from tests.faults.injection.tiny_study import DETECTOR_OPTIONS, SCENES
from tests.helpers.engines import slurm_controller
from tests.helpers.paths import REPOSITORY

pytest.importorskip("submitit", reason="submitit: pip install fusebench[slurm]")
REASON = slurm_controller.find_reason_to_skip()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(REASON), reason=REASON)]

OPTIONS = DETECTOR_OPTIONS.replace("epochs: 2", "epochs: 80")
TRAINING = f"""
sources: {{visible: {{kind: visible}}}}
tasks:
  boxes: {{kind: detection, dataset: scenes, data: {SCENES}, sources: [visible],
    options: {OPTIONS}, metrics: {{average_precision: {{}}}}}}
"""
FUSION = f"""
sources:
  slow: {{kind: method, method: tests.helpers.engines.slow_method, options: {{seconds: 5}}}}
  average: {{kind: method, method: average}}
tasks:
  toy: {{kind: quality, dataset: scenes, data: {SCENES}, sources: [slow, average],
    metrics: {{entropy: {{}}}}}}
"""
SLURM = ("--engine", "slurm", "--set", "engine.time=30min")


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        try:
            slurm_controller.start_cluster(folder)
            yield
        finally:
            slurm_controller.stop_cluster(folder)


def start(folder, program, tasks, *flags):
    (folder / "tasks.yaml").write_text(tasks)
    command = [sys.executable, "-m", "tests.helpers.engines.quick_slurm", program]
    output = (folder / "output.txt").open("w")
    with output:
        return subprocess.Popen(
            [*command, "--device", "cpu", *flags], cwd=folder, stdout=output, stderr=output
        )


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return value


def find_training(folder, attempt):
    """State of the training if it is far enough to have a checkpoint, in this attempt."""
    for state, _ in states.list_states(folder / "runs"):
        if state.id.startswith("trained/") and state.attempts == attempt and state.progress:
            return state if state.state == "running" and state.progress.done > 1 else None
    return None


def call_slurm(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_results(folder, serial, program, tasks):
    serial.mkdir()
    assert start(serial, program, tasks).wait() == 0
    expected = stored_contents.hash_results(serial / "runs")
    results = stored_contents.hash_results(folder / "runs")
    assert stored_contents.list_differences(expected, results) == []
    assert stored_contents.list_leftovers(folder / "runs") == []


def test_a_training_that_is_requeued_preempted_and_killed_has_the_result_of_one_process(tmp_path):
    with start(tmp_path, "detection.run", TRAINING, *SLURM) as command:
        state = wait_for(lambda: find_training(tmp_path, 1))
        (job,) = submitted.list_submitted(tmp_path / "runs")  # it also predicts and scores
        call_slurm("scontrol", "requeue", job.number)
        second = wait_for(lambda: find_training(tmp_path, 2))
        call_slurm("scancel", "--signal=USR2", job.number)  # as before a time limit
        third = wait_for(lambda: find_training(tmp_path, 3))
        assert submitted.list_submitted(tmp_path / "runs") == [job]  # the same job in Slurm
        os.kill(third.pid, signal.SIGKILL)
        assert command.wait(300) == 0
    assert min(each.progress.done for each in (state, second, third)) > 1
    output = (tmp_path / "output.txt").read_text()
    assert "its process was ended by SIGKILL" in output
    assert "attempt 2" in output  # of the driver: requeued jobs are no new attempt
    check_results(tmp_path, tmp_path / "serial", "detection.run", TRAINING)


def test_jobs_go_on_after_ctrl_c_and_the_same_command_adopts_them(tmp_path):
    with start(tmp_path, "fusion.run", FUSION, *SLURM) as command:
        running = wait_for(lambda: submitted.list_submitted(tmp_path / "runs"))
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 130
    output = (tmp_path / "output.txt").read_text()
    assert re.search(r"jobs? continues? .*`fusebench status", output)
    assert "Traceback" not in output
    table, _ = status.format_status(tmp_path / "runs")
    assert all(f"Slurm job {job.number}" in table for job in running)
    with start(tmp_path, "fusion.run", FUSION, *SLURM) as command:
        assert command.wait(300) == 0
    names = call_slurm("squeue", "--states=all", "--array", "-h", "-o", "%i").split()
    assert {job.number for job in running} <= set(names)
    slow = next(job for job in running if "slow" in job.id)
    state = states.read_state(tmp_path / "runs", slow.id)
    assert (state.state, state.attempts) == ("done", 1)
    check_results(tmp_path, tmp_path / "serial", "fusion.run", FUSION)


def test_a_job_that_somebody_cancels_is_not_tried_again(tmp_path):
    with start(tmp_path, "fusion.run", FUSION, *SLURM) as command:
        slow = wait_for(
            lambda: next(
                (
                    state
                    for state, _ in states.list_states(tmp_path / "runs")
                    if state.state == "running" and "slow" in state.id
                ),
                None,
            )
        )
        job = submitted.read_submitted(tmp_path / "runs", slow.id)
        call_slurm("scancel", job.number)
        assert command.wait(300) == 1
    output = (tmp_path / "output.txt").read_text()
    assert f"Slurm job {job.number}: CANCELLED, it was canceled" in output
    assert "attempt 2" not in output


def test_cancel_ends_jobs_in_slurm_and_the_command_that_waits_for_them(tmp_path):
    with start(tmp_path, "fusion.run", FUSION, *SLURM) as command:
        jobs = wait_for(lambda: submitted.list_submitted(tmp_path / "runs"))
        cancel = [sys.executable, "-m", "fusebench.engines.cancel"]
        result = subprocess.run(cancel, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert f"{len(jobs)} jobs canceled in the scheduler" in result.stdout
        assert command.wait(60) == 143
    assert submitted.list_submitted(tmp_path / "runs") == []
    wait_for(lambda: not call_slurm("squeue", "-h"), 60)
    assert not list(Path(tmp_path, "runs").glob("fused/*slow*[!l]/manifest.json"))
