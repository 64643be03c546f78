"""Missing runs, seeds and progress as text."""

from dataclasses import replace

import pytest

from fusebench.experiments.failures import Failure
from reports.document import selection
from reports.tables import result_text
from reports.tables.comparison import ColumnHeader
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results


def make_failures(*errors):
    """Failures per seed from (error type, message); an empty error type means no failure."""
    return tuple(
        (
            seed,
            Failure(
                error_type=error_type,
                message=message,
                utc_time="2026-01-02T03:04:05+00:00",
                device="cpu",
                program="detection.run",
            ),
        )
        for seed, (error_type, message) in enumerate(errors)
        if error_type
    )


def test_finished_seeds_are_counted():
    results = make_task_results(
        make_source_results("mine", "method", [(0.5, 0.5), (0.5, 0.5), None])
    )
    row = selection.build_main_table(results).rows[0]
    assert result_text.describe_seeds(row) == "2 of 3 seeds"


def test_seeds_that_failed_for_one_reason_are_named_together():
    memory, user, none = ("MemoryError", ""), ("UserError", "x.png: no such image"), ("", "")
    context = "(2026-01-02 03:04 UTC, detection.run on cpu)"
    source = make_source_results("mine", "method", [None, None, None])
    descriptions = [
        result_text.describe_missing_runs(replace(source, failures=make_failures(*errors)))
        for errors in ((none,) * 3, (memory,) * 3, (memory, none, memory), (none, memory, user))
    ]
    assert descriptions == [
        "missing",
        f"failed: MemoryError {context}",
        f"seeds 0, 2 failed: MemoryError {context}; 1 of 3 seeds missing",
        f"seed 1 failed: MemoryError {context}; seed 2 failed: x.png: no such image {context}; "
        "1 of 3 seeds missing",
    ]


def test_finished_runs_with_other_data_are_named():
    missing = make_source_results("mine", "method", [None, None])
    assert result_text.describe_missing_runs(replace(missing, mismatched_run_count=1)) == (
        "missing; one is finished with other data or settings, and not counted"
    )
    unfinished = make_source_results("mine", "method", [(0.5, 0.5), None])
    assert result_text.describe_missing_runs(replace(unfinished, mismatched_run_count=2)) == (
        "1 of 2 seeds missing; 2 are finished with other data or settings, and not counted"
    )


def test_a_plan_without_runs_is_not_0_of_0():
    tasks = [make_task_results(make_source_results("mine", "method", [(0.5, 0.5), None]))]
    assert result_text.describe_progress(tasks, ()) == "1 of 2 planned runs finished."
    assert result_text.describe_progress(tasks, ("a", "b")) == (
        "1 of 2 planned runs finished; not counted: a, b, whose scenes the first run generates."
    )
    assert result_text.describe_progress([], ("a", "b")) == (
        "No run is planned yet: the first run generates the scenes of a, b."
    )


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        ("hh", "higher is better"),
        ("ll", "lower is better"),
        ("hl", "higher is better, for column 1 lower"),
        ("hlhl", "higher is better, for column 1 and column 3 lower"),
        ("hllll", ""),
    ],
)
def test_a_caption_says_which_columns_are_better_if_lower(directions, expected):
    table = selection.build_main_table(make_task_results(make_source_results("mine", "method", [])))
    headers = [
        ColumnHeader(f"column {i}", 1.0, 1, {"h": "higher", "l": "lower"}[direction])
        for i, direction in enumerate(directions)
    ]
    assert result_text.build_caption(replace(table, headers=headers)) == expected
