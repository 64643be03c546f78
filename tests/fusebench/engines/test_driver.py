"""Which jobs are handed to an engine, and what becomes of those that fail."""

from concurrent.futures import Future

import pytest

from fusebench.engines.contract import JobEnd
from fusebench.engines.driver import run_jobs
from fusebench.engines.jobs import Job

GOOD, BAD, WRONG, FULL_DISK, HELD = (JobEnd(status) for status in (0, 1, 2, 3, 75))
LOST = JobEnd(None, "ended by SIGKILL")


def make_jobs(**needs):
    """Jobs by name with the names of those that they need."""
    return {name: Job(name, "trained", (), tuple(others)) for name, others in needs.items()}


class ScriptedEngine:
    """Ends each job at once, as the script says; notes what it was given."""

    name = "script"

    def __init__(self, capacity=2, **ends):
        self.capacity, self.ends, self.batches = capacity, ends, []

    def submit(self, jobs):
        self.batches.append([job.id for job in jobs])
        futures = []
        for job in jobs:
            future = Future()
            left = self.ends.setdefault(job.id, [GOOD])
            future.set_result(left.pop(0) if len(left) > 1 else left[0])
            futures.append(future)
        return futures

    def close(self, *, interrupted):
        return ""


class Quiet:
    def __init__(self):
        self.attempts = []

    def on_start(self, job, attempt):
        self.attempts.append((job.id, attempt))

    def on_end(self, job, end, *, is_retried):
        return end.reason or f"status {end.status}"

    def on_poll(self, running):
        pass


def run(jobs, engine, retries=1, is_done=lambda job: False):
    return run_jobs(jobs, engine, is_done, retries, Quiet())


def test_a_job_starts_after_those_that_it_needs_and_no_more_than_fit_run_at_once():
    jobs = make_jobs(a=[], b=[], c=["a", "b"], d=["c"], e=["a"])
    engine = ScriptedEngine(capacity=2)
    summary = run(jobs, engine)
    assert sorted(summary.done) == ["a", "b", "c", "d", "e"]
    order = [job_id for batch in engine.batches for job_id in batch]
    assert all(
        order.index(need) < order.index(job.id) for job in jobs.values() for need in job.needs
    )
    assert max(map(len, engine.batches)) == 2
    assert summary.exit_status == 0


def test_a_failed_job_stops_only_what_needs_it():
    jobs = make_jobs(a=[], b=[], needs_a=["a"], needs_that=["needs_a"], needs_b=["b"])
    summary = run(jobs, ScriptedEngine(a=[BAD]))
    assert summary.failed == {"a": "status 1"}
    assert sorted(summary.done) == ["b", "needs_b"]
    assert summary.not_started == {"needs_a": ("a",), "needs_that": ("needs_a",)}
    assert summary.exit_status == 1


@pytest.mark.parametrize(
    ("ends", "retries", "starts", "failed"),
    [
        ([BAD, GOOD], 1, 2, False),
        ([BAD], 2, 3, True),
        ([BAD], 0, 1, True),
        ([LOST, LOST, GOOD], 2, 3, False),
        ([LOST], 1, 2, True),
        ([WRONG, GOOD], 5, 1, True),  # the same input fails again
    ],
)
def test_a_failed_or_lost_job_is_tried_again_but_not_one_with_wrong_input(
    ends, retries, starts, failed
):
    engine = ScriptedEngine(a=list(ends))
    summary = run(make_jobs(a=[]), engine, retries)
    assert len(engine.batches) == starts
    assert ("a" in summary.failed) is failed


def test_the_reason_of_a_lost_worker_is_kept():
    assert run(make_jobs(a=[]), ScriptedEngine(a=[LOST]), 0).failed == {"a": "ended by SIGKILL"}


def test_a_full_disk_starts_nothing_more():
    jobs = make_jobs(a=[], b=[], c=[])
    engine = ScriptedEngine(capacity=1, a=[FULL_DISK])
    summary = run(jobs, engine)
    assert engine.batches == [["a"]]
    assert summary.exit_status == 3
    assert list(summary.not_started) == ["b", "c"]


def test_a_held_job_is_skipped_and_what_needs_it_is_not_started():
    summary = run(make_jobs(a=[], b=["a"], c=[]), ScriptedEngine(a=[HELD]))
    assert (summary.held, summary.done) == (["a"], ["c"])
    assert summary.not_started == {"b": ("a",)}
    assert summary.exit_status == 75


def test_what_needs_a_held_job_goes_on_when_its_holder_finished_it():
    jobs = make_jobs(a=[], b=["a"])
    engine = ScriptedEngine(a=[HELD])
    summary = run(jobs, engine, is_done=lambda job: job.id == "a" and len(engine.batches) > 0)
    assert summary.done == ["a", "b"]
    assert engine.batches == [["a"], ["b"]]


def test_a_job_that_is_done_by_now_is_not_started():
    engine = ScriptedEngine()
    summary = run(make_jobs(a=[], b=["a"]), engine, is_done=lambda job: job.id == "a")
    assert engine.batches == [["b"]]
    assert summary.done == ["a", "b"]
