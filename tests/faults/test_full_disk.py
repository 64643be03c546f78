"""A full disk costs one sentence per failed step; with room again, the same command goes on."""

import os
import random
import subprocess
import time

import pytest

from tests.faults.injection import stored_contents, tiny_study
from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow

ARGUMENTS = ("--tasks", "tasks.yaml", "--device", "cpu")
MAX_MESSAGE_LENGTH = 3000  # characters of all that a failed run says


def read_results(folder):
    return {
        **stored_contents.hash_results(folder / "runs"),
        **stored_contents.hash_tables(folder / "report"),
    }


@pytest.fixture
def expected(light_server, tmp_path):
    """Results of an undisturbed run."""
    tiny_study.write_untrained_study(tmp_path / "undisturbed")
    outcome = light_server.run("fusebench", ARGUMENTS, tmp_path / "undisturbed")
    assert outcome.status == 0, outcome.stderr
    return read_results(tmp_path / "undisturbed")


def check_message(outcome):
    assert outcome.status in (1, 2), outcome
    assert "Traceback" not in outcome.stderr
    assert "File too large" in outcome.stderr or "No space left" in outcome.stderr
    assert len(outcome.stderr) < MAX_MESSAGE_LENGTH


def check_resumed(server, folder, expected):
    outcome = server.run("fusebench", ARGUMENTS, folder)
    assert outcome.status == 0, outcome.stderr
    assert not stored_contents.list_differences(expected, read_results(folder))
    assert not stored_contents.list_leftovers(folder)


def test_files_that_must_not_grow(light_server, tmp_path, expected, fault_seconds, fault_seed):
    rng, deadline, tried = random.Random(fault_seed), time.monotonic() + fault_seconds, 0
    while time.monotonic() < deadline or tried < 2:
        folder = tmp_path / f"limited-{tried}"
        tiny_study.write_untrained_study(folder)
        limit = int(2 ** rng.uniform(4, 13))  # bytes; no limit lets the whole study through
        outcome = light_server.run("fusebench", ARGUMENTS, folder, Faults(file_size_limit=limit))
        check_message(outcome)
        check_resumed(light_server, folder, expected)
        tried += 1
    print(f"{tried} limits")  # noqa: T201 - shown with -s


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_disk_without_room(light_server, tmp_path, expected, fault_seconds, fault_seed):
    rng, deadline, tried = random.Random(fault_seed), time.monotonic() + fault_seconds, 0
    disk = tmp_path / "disk"
    disk.mkdir()
    while time.monotonic() < deadline or tried < 1:
        size = f"size={rng.randint(48, 400)}k"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", disk], check=False)
        if mounted.returncode:
            pytest.skip("this machine mounts no tmpfs")
        try:
            folder = tmp_path / f"inputs-{tried}"
            tiny_study.write_untrained_study(folder)
            outputs = ("--out", disk / "runs", "--to", disk / "report")
            outcome = light_server.run("fusebench", (*ARGUMENTS, *outputs), folder)
            if outcome.status:
                check_message(outcome)
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            again = light_server.run("fusebench", (*ARGUMENTS, *outputs), folder)
            assert again.status == 0, again.stderr
            assert not stored_contents.list_differences(expected, read_results(disk))
        finally:
            subprocess.run(["umount", disk], check=True)
        tried += 1
    print(f"{tried} disks")  # noqa: T201 - shown with -s
