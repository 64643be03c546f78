"""A full disk costs one sentence per failed step; with room again, the same command goes on."""

import os
import random
import subprocess
import time

import pytest

from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow

EXIT_MACHINE_FAULT = 3
MAX_MESSAGE_LENGTH = 3000  # characters of all that a failed run says


def check_message(outcome):
    assert outcome.status == EXIT_MACHINE_FAULT, outcome
    assert "Traceback" not in outcome.stderr
    assert "File too large" in outcome.stderr or "No space left" in outcome.stderr
    assert "the failure could not be written" not in outcome.stderr
    assert len(outcome.stderr) < MAX_MESSAGE_LENGTH


def test_files_that_must_not_grow(untrained_study, tmp_path, fault_seconds, fault_seed):
    rng, deadline, tried = random.Random(fault_seed), time.monotonic() + fault_seconds, 0
    while time.monotonic() < deadline or tried < 2:
        folder = tmp_path / f"limited-{tried}"
        untrained_study.write_inputs(folder)
        limit = int(2 ** rng.uniform(4, 13))  # bytes; no limit lets the whole study through
        check_message(untrained_study.run(folder, faults=Faults(file_size_limit=limit)))
        outcome = untrained_study.run(folder)
        assert outcome.status == 0, outcome.stderr
        untrained_study.check_results(folder)
        tried += 1
    print(f"{tried} limits")  # noqa: T201 - shown with -s


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_disk_without_room(untrained_study, tmp_path, fault_seconds, fault_seed):
    rng, deadline, tried, filled = random.Random(fault_seed), time.monotonic() + fault_seconds, 0, 0
    disk = tmp_path / "disk"
    disk.mkdir()
    while time.monotonic() < deadline or not filled:
        size = f"size={rng.randint(48, 400)}k"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", disk], check=False)
        if mounted.returncode:
            pytest.skip("this machine mounts no tmpfs")
        try:
            folder = tmp_path / f"inputs-{tried}"
            untrained_study.write_inputs(folder)
            outputs = ("--out", disk / "runs", "--to", disk / "report")
            outcome = untrained_study.run(folder, *outputs)
            if outcome.status:
                check_message(outcome)
                filled += 1
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            again = untrained_study.run(folder, *outputs)
            assert again.status == 0, again.stderr
            untrained_study.check_results(disk)
        finally:
            subprocess.run(["umount", disk], check=True)
        tried += 1
    print(f"{tried} disks, {filled} of them too small")  # noqa: T201 - shown with -s
