"""Stamp of a file: what changes whenever it is edited or replaced."""

import os

SETTLING_SECONDS = 2.0  # resolution of the times of FAT, the coarsest in use

Stamp = tuple[int, int, int, int, int]  # size, modification and status change in ns, inode, device


def read_stamp(status: os.stat_result) -> Stamp:
    """Return what changes whenever a file is edited or replaced."""
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino % 2**63,
        status.st_dev % 2**63,
    )


def is_settled(stamp: Stamp, now_ns: int) -> bool:
    """Return whether the file was last changed long enough ago for its stamp to be trusted."""
    return max(stamp[1], stamp[2]) < now_ns - SETTLING_SECONDS * 1e9
