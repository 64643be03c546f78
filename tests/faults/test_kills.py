"""A killed run resumes and ends with the same bytes as one that nobody killed."""

import random
import shutil
import time

import pytest

from tests.faults.injection import stored_contents, tiny_study
from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow

ARGUMENTS = ("--tasks", "tasks.yaml", "--device", "cpu")
DELAYS = (0.0, 0.002, 0.02)  # seconds


def read_results(folder):
    return {
        **stored_contents.hash_results(folder / "runs"),
        **stored_contents.hash_tables(folder / "report"),
    }


def run_until_finished(server, folder, kill_points, rng):
    """Kill the study at each of these operations, counted from its last start, then finish it."""
    for kills, kill_at in enumerate((*kill_points, None)):
        faults = Faults(kill_at=kill_at, kill_delay=rng.choice(DELAYS))
        outcome = server.run("fusebench", ARGUMENTS, folder, faults)
        assert "Traceback" not in outcome.stderr
        assert not outcome.timed_out
        if outcome.status != -9:
            assert outcome.status == 0, outcome.stderr
            return kills
    raise AssertionError("killed without a request")


def check_chains(server, root, write_study, seconds, seed):
    """Run a study undisturbed, then killed at its operations, in random order, for some time.

    Each chain starts with one of the operations of the undisturbed run, so that with enough time
    every one is a place of a kill; up to three kills at random operations follow.
    """
    write_study(root / "undisturbed")
    outcome = server.run("fusebench", ARGUMENTS, root / "undisturbed")
    assert outcome.status == 0, outcome.stderr
    expected = read_results(root / "undisturbed")
    assert any(path.endswith("record.json") for path in expected)
    rng, deadline, kills = random.Random(seed), time.monotonic() + seconds, 0
    first_kills = rng.sample(range(1, outcome.operations + 1), outcome.operations)
    for chain, first_kill in enumerate(first_kills):
        folder = root / f"killed-{chain}"
        write_study(folder)
        later_kills = [rng.randint(1, 60) for _ in range(rng.randint(0, 3))]
        kills += run_until_finished(server, folder, (first_kill, *later_kills), rng)
        assert not stored_contents.list_differences(expected, read_results(folder))
        assert not stored_contents.list_leftovers(folder)
        shutil.rmtree(folder)
        if time.monotonic() > deadline:
            break
    print(f"{kills} kills in {chain + 1} of {outcome.operations} chains")  # noqa: T201
    assert kills


def write_trained_study(folder):
    folder.mkdir()
    (folder / "tasks.yaml").write_text(tiny_study.TRAINED_STUDY)


def test_a_killed_study_without_training_ends_as_an_undisturbed_one(
    light_server, tmp_path, fault_seconds, fault_seed
):
    write_study = tiny_study.write_untrained_study
    check_chains(light_server, tmp_path, write_study, fault_seconds, fault_seed)


def test_a_killed_study_with_trainings_ends_as_an_undisturbed_one(
    heavy_server, tmp_path, fault_seconds, fault_seed
):
    check_chains(heavy_server, tmp_path, write_trained_study, fault_seconds, fault_seed)
