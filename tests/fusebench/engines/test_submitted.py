"""Jobs that a scheduler has: kept in the store, shown by status, ended by cancel."""

import sys
from concurrent.futures import Future

import pytest

from fusebench.engines import cancel, status, submitted
from fusebench.engines.contract import JobEnd
from fusebench.engines.driver import run_jobs
from fusebench.engines.jobs import Job
from fusebench.engines.kinds import factory
from fusebench.engines.states import JobState, write_state
from fusebench.engines.submitted import SubmittedJob
from tests.fusebench.engines.test_driver import Quiet

JOB = SubmittedJob(id="trained/a", kind="slurm", number="4711_3", address="slurm")
OTHER = SubmittedJob(id="detection/b", kind="slurm", number="4712", address="slurm")


@pytest.fixture
def store(tmp_path):
    for job in (JOB, OTHER):
        write_state(tmp_path, JobState(id=job.id, title=f"do {job.id[-1]}"))
        submitted.write_submitted(tmp_path, job)
    return tmp_path


def test_a_job_that_was_submitted_again_keeps_its_file(store):
    again = JOB.model_copy(update={"number": "4713"})
    submitted.write_submitted(store, again)
    submitted.remove_submitted(store, JOB)
    assert submitted.read_submitted(store, JOB.id) == again
    submitted.remove_submitted(store, again)
    assert submitted.is_removed(store, JOB.id)
    assert submitted.list_submitted(store) == [OTHER]


def test_a_damaged_file_is_no_job(store):
    path = store / ".jobs/submitted/trained/a.json"
    path.write_text('{"id": "trained/a"')
    assert submitted.read_submitted(store, JOB.id) is None
    assert submitted.list_submitted(store) == [OTHER]
    assert not submitted.is_removed(store, JOB.id)


def test_a_job_that_waits_in_the_queue_is_shown_with_its_number(store):
    (store / OTHER.id).mkdir(parents=True)  # it ended when nobody looked

    def describe(jobs):
        assert list(jobs) == [JOB]
        return {JOB.id: "Slurm job 4711_3: pending (Priority)"}

    text, has_failed = status.format_status(store, describe)
    assert text.splitlines() == [
        "queued  do a  Slurm job 4711_3: pending (Priority)",
        "2 jobs: 1 queued, 1 done",
    ]
    assert not has_failed


def test_watching_asks_the_scheduler_now_and_then_only(monkeypatch):
    questions = []
    monkeypatch.setattr(factory, "describe_jobs", lambda jobs: questions.append(jobs) or {})
    describe = status.build_describer(seconds=600)
    for jobs in ([JOB], [JOB], [JOB, OTHER], [OTHER]):
        describe(jobs)
    assert questions == [[JOB], [JOB, OTHER]]  # a new job is a new question


def test_cancel_says_what_could_not_be_canceled(store, monkeypatch, capsys):
    monkeypatch.setattr(factory, "describe_jobs", lambda jobs: {job.id: "here" for job in jobs})
    monkeypatch.setattr(factory, "cancel_jobs", lambda jobs: {OTHER.id: "permission denied"})
    assert cancel.main(["--out", str(store)]) == 1
    output = capsys.readouterr()
    assert "1 job canceled in the scheduler" in output.out
    assert "detection/b: slurm job 4712 cannot be canceled: permission denied" in output.err
    assert submitted.list_submitted(store) == [OTHER]


def test_a_job_of_an_engine_that_is_not_installed_is_shown_and_not_canceled(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "pip install 'fusebench[slurm]'" in factory.describe_jobs([JOB])[JOB.id]
    assert "pip install 'fusebench[slurm]'" in factory.cancel_jobs([JOB])[JOB.id]


def test_a_canceled_job_is_not_tried_again():
    class CancelingEngine:
        name, capacity, calls = "toy", 1, 0

        def submit(self, jobs):
            self.calls += 1
            future = Future()
            future.set_result(JobEnd(None, "it was canceled", is_canceled=True))
            return [future]

    engine = CancelingEngine()
    jobs = {"trained/a": Job("trained/a", "trained", ())}
    summary = run_jobs(jobs, engine, lambda job: False, 5, Quiet())
    assert engine.calls == 1
    assert list(summary.failed) == ["trained/a"]
