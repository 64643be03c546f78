"""Cost of jobs that are left, on graphs whose answers are computed by hand."""

from graphlib import CycleError

import pytest

from fusebench.engines.estimates import (
    compute_critical_path,
    compute_makespan,
    estimate,
    format_estimate,
)

# a(2) -> c(4) -> d(1); b(3) -> d; e(5) alone.
SECONDS = {"a": 2.0, "b": 3.0, "c": 4.0, "d": 1.0, "e": 5.0}
NEEDS = {"c": ["a"], "d": ["c", "b"], "b": ["done long ago"]}


def test_the_critical_path_is_the_longest_chain():
    assert compute_critical_path(SECONDS, NEEDS) == 2 + 4 + 1
    assert compute_critical_path(SECONDS, {}) == 5
    assert compute_critical_path({}, {}) == 0


@pytest.mark.parametrize(
    ("workers", "seconds"),
    [
        (1, 15),
        # Worker 1: a 0-2, c 2-6, d 6-7. Worker 2: b 0-3, e 3-8.
        (2, 8),
        # b and e have a worker of their own; a, c, d are the critical path.
        (3, 7),
        (100, 7),
    ],
)
def test_workers_take_the_first_job_that_can_be_started(workers, seconds):
    assert compute_makespan(SECONDS, NEEDS, workers) == seconds


def test_without_a_worker_nothing_is_done():
    with pytest.raises(ValueError, match="0 workers: expected at least 1"):
        compute_makespan(SECONDS, NEEDS, 0)


def test_jobs_in_a_circle_are_an_error():
    for compute in (compute_critical_path, lambda *graph: compute_makespan(*graph, 1)):
        with pytest.raises(CycleError):
            compute({"a": 1.0, "b": 1.0}, {"a": ["b"], "b": ["a"]})


def test_unknown_durations_are_counted_and_stated():
    durations = {"a": 3600.0, "b": None, "c": 7200.0}
    result = estimate(durations, {"c": ["a"]}, {"a": None, "b": 2_000_000, "c": 500_000}, 2)
    assert (result.jobs, result.unknown, result.seconds) == (3, 1, 10800)
    assert format_estimate(result, "GPU") == (
        "3 jobs left: at least 3 GPU hours, critical path 3 h 0 min, 3 h 0 min with 2 workers, "
        "1 of unknown duration; disk 2.5 MB"
    )


def test_a_cost_of_which_nothing_is_known_is_unknown_and_not_zero():
    result = estimate({"a": None}, {}, {"a": None}, 1)
    assert format_estimate(result, "CPU") == (
        "1 job left: unknown duration, because nothing like them is finished"
    )
