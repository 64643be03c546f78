"""On which file systems a lock reaches other machines."""

from pathlib import Path

import pytest

from fusebench.storage import lock_reach
from fusebench.storage.lock_reach import get_mount_reach

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"


def mount(kind, options="rw", point="/data", source="server:/export"):
    return f"{ROOT}90 27 0:50 / {point} rw,relatime shared:1 - {kind} {source} {options}\n"


@pytest.mark.parametrize(
    ("kind", "options", "reach"),
    [
        ("nfs4", "rw,vers=4.2,hard,local_lock=none,addr=10.0.0.1", "all machines"),
        ("nfs", "rw,vers=3,mountproto=udp,local_lock=none", "all machines"),
        ("nfs", "rw,vers=3,nolock,local_lock=all", "this machine"),
        ("nfs", "rw,vers=3,local_lock=flock", "this machine"),
        ("nfs", "rw,vers=3,local_lock=posix", "all machines"),  # of fcntl locks only
        ("lustre", "rw,flock,lazystatfs", "all machines"),
        ("lustre", "rw,localflock", "this machine"),
        ("fuse.sshfs", "rw,user_id=0", "this machine"),
        ("cifs", "rw,vers=3.1.1", "this machine"),
        ("9p", "rw,trans=virtio", "this machine"),
        ("ext4", "rw", "all machines"),
        ("overlay", "rw,lowerdir=/a,upperdir=/b", "all machines"),
        ("gpfs", "rw", "all machines"),
    ],
)
def test_the_reach_follows_from_type_and_options_of_the_mount(kind, options, reach):
    assert get_mount_reach(Path("/data/runs/.locks"), mount(kind, options)) == reach


def test_the_innermost_and_last_mount_counts():
    outer = mount("fuse.sshfs")
    inner = outer + "91 90 8:1 / /data/local rw - xfs /dev/sdb rw\n"
    assert get_mount_reach(Path("/data/local/x"), inner) == "all machines"
    assert get_mount_reach(Path("/data/x"), inner) == "this machine"
    covered = outer + "92 27 8:1 / /data rw - xfs /dev/sdb rw\n"
    assert get_mount_reach(Path("/data/x"), covered) == "all machines"
    assert get_mount_reach(Path("/database"), outer) == "all machines"


def test_a_mount_point_with_a_space_is_recognized():
    mounts = mount("fuse.sshfs", point="/my\\040data")
    assert get_mount_reach(Path("/my data/runs"), mounts) == "this machine"


def test_a_folder_of_this_machine_has_locks_and_the_trial_leaves_nothing(tmp_path):
    lock_reach.find_lock_reach.cache_clear()
    assert lock_reach.find_lock_reach(tmp_path) == "all machines"
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_recognized(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock_reach.fcntl, "flock", refuse)
    lock_reach.find_lock_reach.cache_clear()
    assert lock_reach.find_lock_reach(tmp_path) == "none"
    lock_reach.find_lock_reach.cache_clear()
