"""The local engine: worker processes that are reused, die and are replaced."""

import time

import pytest

from fusebench.engines.contract import EngineRequest
from fusebench.engines.driver import run_jobs
from fusebench.engines.jobs import Job
from fusebench.engines.kinds.local import LocalEngine
from tests.fusebench.engines.test_driver import Quiet


def make_jobs(*names):
    return {f"trained/{name}": Job(f"trained/{name}", "trained", ()) for name in names}


@pytest.fixture
def engine(tmp_path):
    request = EngineRequest("tests.helpers.engines.toy_program", (str(tmp_path),), tmp_path, "cpu")
    engine = LocalEngine(request, 2)
    yield engine
    engine.close(interrupted=False)


def read_calls(tmp_path):
    """Job, process and number of threads of every call."""
    return [line.split() for line in (tmp_path / "calls").read_text().splitlines()]


def test_jobs_share_the_workers_and_a_killed_one_is_replaced(engine, tmp_path):
    jobs = make_jobs("good-1", "killed-2", "good-3", "bad-4", "wrong-5", "raises-6", "good-7")
    summary = run_jobs(jobs, engine, lambda job: False, 1, Quiet())
    assert sorted(summary.done) == [
        f"trained/{name}" for name in ("good-1", "good-3", "good-7", "killed-2")
    ]
    assert summary.failed == {
        "trained/bad-4": "status 1",
        "trained/wrong-5": "status 2",
        "trained/raises-6": "status 1",
    }
    calls = read_calls(tmp_path)
    counts = {name: [call[0] for call in calls].count(name) for name in jobs}
    assert counts["trained/killed-2"] == counts["trained/bad-4"] == counts["trained/raises-6"] == 2
    assert counts["trained/wrong-5"] == counts["trained/good-1"] == 1
    assert len({call[1] for call in calls}) == 3  # two workers and the one that replaced a third
    log = (tmp_path / ".jobs/logs/trained/raises-6.log").read_text()
    assert log.count("output of trained/raises-6") == 2
    assert "ValueError: a bug" in log


def test_the_signal_that_ended_a_worker_is_named(engine):
    (job,) = make_jobs("killed-1").values()
    (future,) = engine.submit([job])
    end = future.result(120)
    assert end.status is None
    assert "was ended by SIGKILL, probably because memory ran out" in end.reason


def test_an_interrupted_engine_stops_what_is_running(engine, tmp_path):
    jobs = make_jobs("sleeps-1", "sleeps-2")
    futures = engine.submit(list(jobs.values()))
    deadline = time.monotonic() + 120
    while not (tmp_path / "calls").exists() or len(read_calls(tmp_path)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    engine.close(interrupted=True)
    assert [future.result(60).status for future in futures] == [None, None]
