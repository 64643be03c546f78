"""How far a lock by `flock` reaches: all machines that share a folder, or this machine only.

Facts, from the Linux manual pages flock(2), nfs(5), mount.cifs(8) and mount.lustre(8):

- NFS: since Linux 2.6.12 `flock` is a lock of the whole file on the server (NFSv4 itself, NFSv3
  through lockd). The mount options ``nolock``, ``local_lock=flock`` and ``local_lock=all`` keep it
  on the client.
- Lustre: ``flock`` reaches all clients, ``localflock`` does not; without either it is an error.
- FUSE (sshfs, ...): the kernel keeps the lock to itself unless the file system implements it.
- SMB, 9p, BeeGFS, AFS: it depends on version and settings that a client cannot see.
"""

import errno
import fcntl
import re
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Literal

Reach = Literal["all machines", "this machine", "none"]

MOUNTS = Path("/proc/self/mountinfo")
# Shared file systems on which `flock` may stay on this machine.
UNCERTAIN_TYPES = re.compile(r"fuse(\..*)?|cifs|smb3|smbfs|9p|virtiofs|beegfs|afs|vboxsf|prl_fs")
LOCAL_NFS_OPTIONS = {"nolock", "local_lock=all", "local_lock=flock"}
NO_LOCK_ERRORS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


@lru_cache(64)
def find_lock_reach(folder: Path) -> Reach:
    """Find out which processes a lock on a file in an existing folder excludes.

    Raises:
        OSError: If no file can be created in the folder.
    """
    if not _can_lock(folder):
        return "none"
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # no Linux
        return "all machines"
    return get_mount_reach(folder.resolve(), mounts)


def get_mount_reach(folder: Path, mounts: str) -> Literal["all machines", "this machine"]:
    """Return the reach of locks in a folder by its mount.

    Args:
        folder: Absolute path without links.
        mounts: Content of /proc/self/mountinfo.

    Returns:
        ``this machine`` only if other machines can share the folder and may not see its locks.
    """
    best: tuple[int, str, set[str]] = (-1, "", set())
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        if not separator:
            continue
        point = Path(_unescape(before.split()[4]))
        if point == folder or point in folder.parents:
            kind, _, options = (*after.split(" ", 2), "")[:3]
            candidate = (len(point.parts), kind, set(options.split(",")))
            if candidate[0] >= best[0]:  # a later mount at the same place covers the earlier one
                best = candidate
    _, kind, flags = best
    if kind in ("nfs", "nfs4"):
        is_local = bool(flags & LOCAL_NFS_OPTIONS)
    elif kind == "lustre":
        is_local = "localflock" in flags
    else:
        is_local = UNCERTAIN_TYPES.fullmatch(kind) is not None
    return "this machine" if is_local else "all machines"


def _can_lock(folder: Path) -> bool:
    """Return whether the file system knows `flock` at all; tried on a file of its own."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".lock-") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCK_ERRORS:
                return False
            raise
    return True


def _unescape(text: str) -> str:
    """Replace the octal escapes of spaces and tabs in a path of mountinfo."""
    return re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), text)
