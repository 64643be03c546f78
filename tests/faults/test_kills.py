"""A killed run resumes and ends with the same bytes as one that nobody killed."""

import random
import shutil
import time

import pytest

from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow

DELAYS = (0.0, 0.002, 0.02)  # seconds


def run_until_finished(study, folder, kill_points, rng):
    """Kill the study at each of these operations, counted from its last start, then finish it."""
    for kills, kill_at in enumerate((*kill_points, None)):
        faults = Faults(kill_at=kill_at, kill_delay=rng.choice(DELAYS))
        outcome = study.run(folder, faults=faults)
        assert "Traceback" not in outcome.stderr
        assert not outcome.timed_out
        if outcome.status != -9:
            assert outcome.status == 0, outcome.stderr
            return kills
    raise AssertionError("killed without a request")


def check_chains(study, root, seconds, seed):
    """Kill a study at its operations, in random order, for some time.

    Each chain starts with one of the operations of the undisturbed run, so that with enough time
    every one is a place of a kill; up to three kills at random operations follow.
    """
    rng, deadline, kills = random.Random(seed), time.monotonic() + seconds, 0
    count = study.outcome.operations
    for chain, first_kill in enumerate(rng.sample(range(1, count + 1), count)):
        folder = root / f"killed-{chain}"
        study.write_inputs(folder)
        later_kills = [rng.randint(1, 60) for _ in range(rng.randint(0, 3))]
        kills += run_until_finished(study, folder, (first_kill, *later_kills), rng)
        study.check_results(folder)
        shutil.rmtree(folder)
        if kills and time.monotonic() > deadline:
            break
    print(f"{kills} kills in {chain + 1} of {count} chains")  # noqa: T201
    assert kills


def test_a_killed_study_without_training_ends_as_an_undisturbed_one(
    untrained_study, tmp_path, fault_seconds, fault_seed
):
    check_chains(untrained_study, tmp_path, fault_seconds, fault_seed)


def test_a_killed_study_with_trainings_ends_as_an_undisturbed_one(
    trained_study, tmp_path, fault_seconds, fault_seed
):
    check_chains(trained_study, tmp_path, fault_seconds, fault_seed)
