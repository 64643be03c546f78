"""A killed run resumes and ends with the same bytes as one that nobody killed."""

import random
import time

import pytest

from tests.faults import stored_contents, tiny_study
from tests.faults.programs import Faults

pytestmark = pytest.mark.slow

ARGUMENTS = ("--tasks", "tasks.yaml", "--device", "cpu")
LAST_OPERATION = 400  # at least as many operations on files as a whole study has
DELAYS = (0.0, 0.002, 0.02)  # seconds


def read_results(folder):
    return {
        **stored_contents.hash_results(folder / "runs"),
        **stored_contents.hash_tables(folder / "report"),
    }


def run_until_finished(server, folder, rng, deadline):
    """Kill the study again and again until a run ends by itself; return the number of kills."""
    kills = 0
    while True:
        kill_at = rng.choice([rng.randint(1, 12), rng.randint(1, 60), rng.randint(1, LAST_OPERATION)])
        if time.monotonic() > deadline:
            kill_at = None
        faults = Faults(kill_at=kill_at, kill_delay=rng.choice(DELAYS))
        outcome = server.run("fusebench", ARGUMENTS, folder, faults)
        assert "Traceback" not in outcome.stderr
        if outcome.status != -9:
            assert outcome.status == 0, outcome.stderr
            return kills
        assert not outcome.timed_out
        kills += 1


def check_chains(server, root, write_study, seconds, seed):
    """Run a study undisturbed, then killed in chains until the time is over."""
    write_study(root / "undisturbed")
    outcome = server.run("fusebench", ARGUMENTS, root / "undisturbed")
    assert outcome.status == 0, outcome.stderr
    expected = read_results(root / "undisturbed")
    assert any(path.endswith("record.json") for path in expected)
    rng, deadline, kills, chain = random.Random(seed), time.monotonic() + seconds, 0, 0
    while time.monotonic() < deadline or kills == 0:
        folder = root / f"killed-{chain}"
        write_study(folder)
        kills += run_until_finished(server, folder, rng, deadline)
        assert not stored_contents.list_differences(expected, read_results(folder))
        assert not stored_contents.list_leftovers(folder)
        chain += 1
    print(f"{kills} kills in {chain} chains")  # noqa: T201 - shown with -s


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
