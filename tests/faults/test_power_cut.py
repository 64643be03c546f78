"""Power cuts: what is on the disk at any moment, and nothing else, is resumed to equal results.

The results lie on an ext4 file system in a file. A copy of that file is what a power cut at this
moment would leave: the memory of the upper file system is not in it. Root is needed to mount it.
"""

import os
import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

DISK_BYTES = 256 << 20
CUTS_PER_RUN = 2


def can_mount():
    """Whether this process may mount an ext4 file system in a file."""
    programs = all(map(shutil.which, ("mkfs.ext4", "mount", "umount", "losetup")))
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not programs or not is_root:
        return False
    free = subprocess.run(["losetup", "-f"], capture_output=True, check=False)
    return free.returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_mount(), reason="needs root, mkfs.ext4 and a loop device"),
]


def run_command(*command):
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


@contextmanager
def mount_disk(image):
    """Mount the file system in a file; yield its folder."""
    folder = image.with_suffix("")
    folder.mkdir(exist_ok=True)
    run_command("mount", "-o", "loop", image, folder)
    try:
        yield folder
    finally:
        run_command("umount", folder)


def run_and_cut(study, image, rng):
    """Run a study on a new disk; return copies of the disk at random moments of the run."""
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    run_command("mkfs.ext4", "-q", "-F", image)
    moments = sorted(rng.uniform(0, study.outcome.seconds) for _ in range(CUTS_PER_RUN))
    cuts = [image.with_name(f"cut-{number}.img") for number in range(CUTS_PER_RUN)]
    with mount_disk(image) as folder, ThreadPoolExecutor(1) as pool:
        study.write_inputs(folder / "work")
        os.sync()
        started = time.monotonic()
        running = pool.submit(study.run, folder / "work")
        for moment, cut in zip(moments, cuts, strict=True):
            time.sleep(max(0, started + moment - time.monotonic()))
            run_command("cp", "--sparse=always", image, cut)
        assert running.result().status == 0, running.result().stderr
    return cuts


def check_cuts(study, root, seconds, seed):
    """Cut the power for some time; after each cut the same command goes on to equal results."""
    rng, deadline, count = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < deadline or not count:
        for cut in run_and_cut(study, root / "disk.img", rng):
            with mount_disk(cut) as folder:
                outcome = study.run(folder / "work")
                assert outcome.status == 0, outcome.stderr
                assert "Traceback" not in outcome.stderr
                study.check_results(folder / "work")
            cut.unlink()
            count += 1
    print(f"{count} power cuts")  # noqa: T201 - shown with -s


def test_a_study_without_training_goes_on_after_a_power_cut(
    untrained_study, tmp_path, fault_seconds, fault_seed
):
    check_cuts(untrained_study, tmp_path, fault_seconds, fault_seed)


def test_a_study_with_trainings_goes_on_after_a_power_cut(
    trained_study, tmp_path, fault_seconds, fault_seed
):
    check_cuts(trained_study, tmp_path, fault_seconds, fault_seed)
