"""The Slurm engine with submitit's local executor: processes of this machine in place of Slurm."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusebench.config.engine_settings import SlurmEngineSettings
from fusebench.engines import submitted
from fusebench.engines.contract import EngineRequest
from fusebench.engines.driver import run_jobs
from tests.fusebench.engines.test_driver import Quiet
from tests.fusebench.engines.test_local_engine import make_jobs, read_calls
from tests.helpers.paths import REPOSITORY

pytest.importorskip("submitit", reason="submitit: pip install fusebench[slurm]")

from submitit.helpers import DelayedSubmission

from fusebench.engines.kinds import slurm, slurm_engine, slurm_job
from fusebench.engines.kinds.slurm_submission import defer_interrupts

REQUEUED = 144  # exit status of a process that submitit's local executor starts again


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    monkeypatch.setattr(slurm_engine, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(slurm_engine, "GRACE_SECONDS", {"slurm": 0.3, "local": 0.3})
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


@pytest.fixture
def start(tmp_path):
    """Start an engine on the same store; all are closed and their jobs canceled at the end."""
    engines = []
    request = EngineRequest("tests.helpers.engines.toy_program", (str(tmp_path),), tmp_path, "cpu")

    def start_engine():
        settings = SlurmEngineSettings(cluster="local", array=3)
        engines.append(slurm.start_engine(settings, request, 8))
        return engines[-1]

    yield start_engine
    slurm.cancel_jobs(submitted.list_submitted(tmp_path))
    for engine in engines:
        engine.close(interrupted=True)
        for process in engine._processes:  # so that Python finds no process without an end
            process._process.wait(60)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_jobs_end_as_their_commands_do(start, tmp_path):
    jobs = make_jobs("good-1", "killed-2", "bad-4", "wrong-5", "held-6")
    summary = run_jobs(jobs, start(), lambda job: False, 1, Quiet())
    assert sorted(summary.done) == ["trained/good-1", "trained/killed-2"]
    assert summary.failed == {"trained/bad-4": "status 1", "trained/wrong-5": "status 2"}
    assert summary.held == ["trained/held-6"]
    names = [call[0] for call in read_calls(tmp_path)]
    assert {name: names.count(name) for name in jobs} == {
        "trained/good-1": 1,
        "trained/killed-2": 2,
        "trained/bad-4": 2,
        "trained/wrong-5": 1,
        "trained/held-6": 1,
    }
    log = (tmp_path / ".jobs/logs/trained/bad-4.log").read_text()
    assert log.count("output of trained/bad-4") == log.count("error of trained/bad-4") == 2
    assert submitted.list_submitted(tmp_path) == []


def test_a_command_that_is_killed_is_named_with_the_signal(start):
    (job,) = make_jobs("killed-1").values()
    (future,) = start().submit([job])
    end = future.result(120)
    assert (end.status, end.is_canceled) == (None, False)
    assert end.reason == "its process was ended by SIGKILL, probably because memory ran out"


def test_a_job_whose_process_of_submitit_is_killed_is_lost_and_its_command_ends(start, tmp_path):
    (job,) = make_jobs("sleeps-1").values()
    engine = start()
    (future,) = engine.submit([job])
    wait_for((tmp_path / "calls").exists)
    (call,) = read_calls(tmp_path)
    parent = int(Path(f"/proc/{call[1]}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    end = future.result(120)
    assert (end.status, end.is_canceled) == (None, False)
    wait_for(lambda: not Path(f"/proc/{call[1]}").exists())


def test_jobs_go_on_after_an_interrupt_and_the_same_command_adopts_them(start, tmp_path):
    jobs = make_jobs("sleeps-1")
    first = start()
    (ignored,) = first.submit(list(jobs.values()))
    (submission,) = submitted.list_submitted(tmp_path)
    message = first.close(interrupted=True)
    assert "1 job continues" in message
    assert submission.number in message
    assert f"fusebench cancel --out {tmp_path}" in message
    wait_for((tmp_path / "calls").exists)
    assert slurm.describe_jobs([submission]) == {
        "trained/sleeps-1": f"submitit's process {submission.number}: running"
    }

    (future,) = start().submit(list(jobs.values()))
    time.sleep(0.5)
    assert submitted.list_submitted(tmp_path) == [submission]
    assert len(read_calls(tmp_path)) == 1
    assert not future.done()

    assert slurm.cancel_jobs([submission]) == {}
    submitted.remove_submitted(tmp_path, submission)
    end = future.result(120)
    assert end.is_canceled
    assert not ignored.done()
    wait_for(lambda: slurm.describe_jobs([submission]) == {})


def test_a_job_that_ended_meanwhile_is_submitted_again(start, tmp_path):
    jobs = list(make_jobs("bad-1").values())
    first = start()
    first.submit(jobs)
    (submission,) = submitted.list_submitted(tmp_path)
    first.close(interrupted=True)
    wait_for(lambda: slurm_job.read_status(tmp_path, submission.number) == 1)
    (future,) = start().submit(jobs)
    assert future.result(120).status == 1
    assert len(read_calls(tmp_path)) == 2


def test_jobs_of_another_machine_are_neither_asked_for_nor_canceled_here():
    job = submitted.SubmittedJob(id="trained/a", kind="slurm", number="1", address="local/far/7")
    (text,) = slurm.describe_jobs([job]).values()
    assert "it was started on far" in text
    assert slurm.cancel_jobs([job]) == {
        "trained/a": "it was started on far; run `fusebench cancel` there"
    }


def test_an_interrupt_while_jobs_are_submitted_waits_until_they_are_noted():
    done = []
    with pytest.raises(KeyboardInterrupt), defer_interrupts():  # noqa: PT012 - the order matters
        signal.raise_signal(signal.SIGINT)
        done.append("noted")
    assert done == ["noted"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


COMMAND = """
import pathlib, signal, sys, time
done = pathlib.Path(sys.argv[1])
if done.exists():
    sys.exit(7)
signal.signal(signal.SIGTERM, lambda *_: (done.touch(), sys.exit(143)))
print("started", flush=True)
time.sleep(600)
"""


def test_before_the_time_limit_the_command_ends_and_goes_on_in_the_next_job(tmp_path):
    command = (sys.executable, "-c", COMMAND, str(tmp_path / "checkpoint"))
    job = slurm_job.JobCommand(command, tmp_path, tmp_path, "job.log", threads=1)
    folder = slurm_job.get_submitit_folder(tmp_path)
    folder.mkdir(parents=True)
    submission = DelayedSubmission(job)
    submission.set_timeout(60, 3)
    submission.dump(folder / "5_submitted.pkl")
    environment = os.environ | {"SUBMITIT_EXECUTOR": "local", "SUBMITIT_LOCAL_JOB_ID": "5"}
    start = [sys.executable, "-m", "submitit.core._submit", str(folder)]
    with subprocess.Popen(start, env=environment, stderr=subprocess.DEVNULL) as process:
        log = tmp_path / "job.log"
        wait_for(lambda: log.exists() and "started" in log.read_text())
        process.send_signal(signal.SIGUSR2)
        assert process.wait(60) == REQUEUED
    assert (tmp_path / "checkpoint").exists()
    assert slurm_job.read_status(tmp_path, "5") is None
    subprocess.run(start, env=environment, check=True, stderr=subprocess.DEVNULL)
    assert slurm_job.read_status(tmp_path, "5") == 7
