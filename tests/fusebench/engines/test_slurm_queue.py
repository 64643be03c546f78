"""What Slurm is asked and what its answers mean; its commands are small scripts here."""

import os
import shlex

import pytest

from fusebench.config.engine_settings import SlurmEngineSettings
from fusebench.engines import submitted
from fusebench.engines.contract import EngineRequest
from fusebench.engines.jobs import Job
from fusebench.engines.kinds import slurm_queue
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError

pytest.importorskip("submitit", reason="submitit: pip install fusebench[slurm]")

from fusebench.engines.kinds import slurm, slurm_engine


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a command of Slurm: a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def install_command(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    install_command("srun", "exit 1")
    return install_command


def make_submitted(number, name="a"):
    return SubmittedJob(id=f"trained/{name}", kind="slurm", number=number, address="slurm")


def test_the_answer_of_squeue_is_read_by_number():
    text = "4711_0|RUNNING|None\n4711_1|PENDING|Resources\n 12|OUT_OF_MEMORY|OutOfMemory\n\n"
    entries = slurm_queue.parse_queue(text)
    assert {number: (entry.state, entry.reason) for number, entry in entries.items()} == {
        "4711_0": ("RUNNING", ""),
        "4711_1": ("PENDING", "Resources"),
        "12": ("OUT_OF_MEMORY", "OutOfMemory"),
    }
    assert [entry.has_ended for entry in entries.values()] == [False, False, True]


def test_jobs_that_have_ended_or_are_unknown_are_not_described(install):
    install("squeue", "echo '7|PENDING|Priority'; echo '8|COMPLETED|None'")
    jobs = [make_submitted("7", "a"), make_submitted("8", "b"), make_submitted("9", "c")]
    assert slurm.describe_jobs(jobs) == {"trained/a": "Slurm job 7: pending (Priority)"}


def test_if_slurm_does_not_answer_the_number_is_all_that_is_known(install):
    install("squeue", "echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1")
    (text,) = slurm.describe_jobs([make_submitted("7")]).values()
    assert text == "Slurm job 7 (squeue: slurm_load_jobs error: Unable to contact)"


def test_a_job_that_has_ended_needs_no_cancel_and_a_refusal_is_named(install):
    install(
        "scancel",
        "echo 'scancel: error: Kill job error on job id 8: Invalid job id specified' >&2\n"
        "echo 'scancel: error: Kill job error on job id 9: Access/permission denied' >&2\nexit 1",
    )
    jobs = [make_submitted("7", "a"), make_submitted("8", "b"), make_submitted("9", "c")]
    reasons = slurm.cancel_jobs(jobs)
    assert list(reasons) == ["trained/c"]
    assert "Access/permission denied" in reasons["trained/c"]


def start_engine(tmp_path, **settings):
    request = EngineRequest("toy.program", ("--out", "runs"), tmp_path / "runs", "auto")
    return slurm.start_engine(SlurmEngineSettings(**settings), request, 4)


def make_jobs(*names):
    return [Job(f"trained/{name}", "trained", ()) for name in names]


def test_several_jobs_are_one_array_with_the_settings_of_the_task_file(install, tmp_path):
    script = tmp_path / "script"
    install("sbatch", f"cat \"$1\" > {shlex.quote(str(script))}; echo 'Submitted batch job 77'")
    engine = start_engine(
        tmp_path,
        partition="gpu",
        account="lab",
        memory="32G",
        time="1-12:00:00",
        array=2,
        cpus_per_run=6,
        setup=("module load cuda",),
    )
    assert engine.capacity == 2
    engine.submit(make_jobs("a", "b"))
    lines = script.read_text().splitlines()
    for option in (
        "--array=0-1%2",
        "--partition=gpu",
        "--account=lab",
        "--mem=32G",
        "--time=2160",
        "--cpus-per-task=6",
        "--gpus-per-node=1",
        "--requeue",
        "--signal=USR2@90",
    ):
        assert f"#SBATCH {option}" in lines
    assert "module load cuda" in lines
    assert any(line.startswith("srun ") and "--cpus-per-task=6" in line for line in lines)
    assert [job.number for job in submitted.list_submitted(tmp_path / "runs")] == ["77_0", "77_1"]
    assert "2 jobs continue in Slurm (77_0, 77_1)" in engine.close(interrupted=True)


def test_a_command_that_is_a_slurm_job_itself_does_not_pass_on_its_limits(
    install, tmp_path, monkeypatch
):
    variables = tmp_path / "variables"
    install("sbatch", f"env > {shlex.quote(str(variables))}; echo 'Submitted batch job 77'")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4096")
    monkeypatch.setenv("SLURM_CONF", "/etc/ours.conf")
    monkeypatch.setenv("SBATCH_ACCOUNT", "lab")
    engine = start_engine(tmp_path)
    engine.submit(make_jobs("a"))
    engine.close(interrupted=True)
    lines = variables.read_text().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert not {"SLURM_JOB_ID", "SLURM_MEM_PER_NODE"} & names
    assert {"SLURM_CONF=/etc/ours.conf", "SBATCH_ACCOUNT=lab"} <= set(lines)
    assert os.environ["SLURM_MEM_PER_NODE"] == "4096"


def test_jobs_that_slurm_refuses_are_an_error_before_anything_runs(install, tmp_path):
    install("sbatch", "echo 'sbatch: error: invalid partition specified: gqu' >&2; exit 1")
    engine = start_engine(tmp_path, partition="gqu")
    with pytest.raises(UserError, match="invalid partition specified: gqu"):
        engine.submit(make_jobs("a"))
    engine.close(interrupted=True)


@pytest.mark.parametrize(
    ("state", "reason", "is_canceled"),
    [
        ("OUT_OF_MEMORY", "it used more memory than it was given", False),
        ("TIMEOUT", "its time limit was reached", False),
        ("NODE_FAIL", "its node failed", False),
        ("CANCELLED", "it was canceled", True),
    ],
)
def test_a_lost_job_says_why(install, tmp_path, monkeypatch, state, reason, is_canceled):
    monkeypatch.setattr(slurm_engine, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(slurm_engine, "QUEUE_SECONDS", 0.02)
    monkeypatch.setattr(slurm_engine, "GRACE_SECONDS", {"slurm": 0.05})
    install("sbatch", "echo 'Submitted batch job 77'")
    install("squeue", f"echo '77|{state}|None'")
    engine = start_engine(tmp_path)
    (future,) = engine.submit(make_jobs("a"))
    end = future.result(60)
    assert end.status is None
    assert end.reason.startswith(f"Slurm job 77: {state}, {reason}")
    assert end.is_canceled is is_canceled
    assert engine.close(interrupted=True) == ""


def test_without_slurm_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no sbatch on this machine.*engine\.cluster=local"):
        start_engine(tmp_path)
