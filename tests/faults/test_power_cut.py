"""Power cuts: what is on the disk at any moment, and nothing else, is resumed to equal results.

The results lie on an ext4 file system in a file. A copy of that file is what a power cut at this
moment would leave: the memory of the upper file system is not in it. Root is needed to mount it.
FUSEBENCH_FAULTS=N cuts N times.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import small_store

REPOSITORY = Path(__file__).parents[2]
CUTS = 3 * int(os.environ.get("FUSEBENCH_FAULTS", "1"))
DISK_BYTES = 400 << 20
SCRIPT = "import sys; from tests.faults import small_store; sys.exit(small_store.run_all()[0])"
VARYING = ("manifest.json", "time.json", "log.txt")  # have times


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


class Disk:
    """An ext4 file system in a file, mounted at a folder."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        folder.mkdir(exist_ok=True)
        self.mount()

    def mount(self):
        run_command("mount", "-o", "loop", self.image, self.folder)

    def unmount(self):
        run_command("umount", self.folder)


@pytest.fixture
def disk(tmp_path):
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    run_command("mkfs.ext4", "-q", "-F", image)
    mounted = Disk(image, tmp_path / "disk")
    yield mounted
    mounted.unmount()


def start(folder):
    """Start all stages in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=folder, env=environment)


def cut_power(disk, number):
    """Return the disk as it would be after a power cut now, mounted."""
    image = disk.image.with_name(f"cut-{number}.img")
    shutil.copyfile(disk.image, image)
    return Disk(image, disk.image.with_name(f"cut-{number}"))


def read_files(folder):
    """Return the content of all finished results by name, without what differs between runs."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in (*VARYING, "record.json")
        and path.suffix != ".lock"
        and ".partial" not in str(path)
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    small_store.write_inputs(folder)
    started = time.monotonic()
    assert start(folder).wait() == 0
    return read_files(folder), small_store.read_tables(folder), time.monotonic() - started


def test_the_same_command_goes_on_after_a_power_cut_with_equal_results(
    disk, reference, tmp_path, capfd
):
    files, tables, seconds = reference
    root = disk.folder / "work"
    root.mkdir()
    small_store.write_inputs(root)
    shutil.rmtree(root / "data")  # rendered again by the run
    os.sync()
    process = start(root)
    cuts = []
    try:
        for number in range(CUTS):
            time.sleep(seconds / (CUTS + 1))
            cuts.append(cut_power(disk, number))
        assert process.wait() == 0
        cuts.append(cut_power(disk, CUTS))  # right after the last rename
        for cut in cuts:
            check_finished_folders(cut.folder / "work", files)
            assert start(cut.folder / "work").wait() == 0, capfd.readouterr().err
            assert read_files(cut.folder / "work") == files
            assert small_store.read_tables(cut.folder / "work") == tables
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        for cut in cuts:
            cut.unmount()


def check_finished_folders(root, files):
    """Check that whatever has its final name after the cut is complete."""
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and ".partial" not in name and name in files:
            assert path.read_bytes() == files[name], name
