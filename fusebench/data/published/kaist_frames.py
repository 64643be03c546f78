"""Frames of KAIST: set, video and frame in paths, in keys and in lists of frames."""

import re
from pathlib import Path

from fusebench.data.sequences import ConditionAndSequence
from fusebench.errors import UserError, format_value
from fusebench.runtime.reading.text_files import read_text

KEY = re.compile(r"set(\d\d)_V\d{3}_I(\d{5})")
FRAME = r"(?P<set>set\d\d)[/_](?P<video>V\d{3})[/_](?:(?P<folder>visible|lwir)/)?(?P<frame>I\d{5})"
FRAME_PATH = re.compile(FRAME, re.IGNORECASE)
TEST_SETS = range(6, 12)
DAY_SETS = (0, 1, 2, 6, 7, 8)
MAX_LIST_BYTES = 100_000_000


def describe_key(key: str) -> ConditionAndSequence:
    """Return day or night, and the video.

    Raises:
        UserError: If a key does not name set, video and frame.
    """
    match = KEY.fullmatch(key)
    if match is None:
        raise UserError(
            f"kaist: {key!r}: expected images of set, video and frame, set00_V000_I00001"
        )
    condition = "day" if int(match[1]) in DAY_SETS else "night"
    return ConditionAndSequence(condition, key.rpartition("_")[0])


def is_tested(key: str) -> bool:
    """Return whether a key is of a test set, set06 to set11."""
    return int(key[3:5]) in TEST_SETS


def get_number(key: str) -> int:
    """Return the number of the frame in its video."""
    return int(key[-5:])


def build_key(match: re.Match[str]) -> str:
    """Return the key of a match of `FRAME`, e.g. ``set00_V000_I00001``."""
    return f"{match['set'].lower()}_{match['video'].upper()}_{match['frame'].upper()}"


def read_list(path: Path) -> list[str]:
    """Read the keys of a list of frames, e.g. ``set00/V000/I00001``; repeated ones once.

    Raises:
        UserError: If the file is missing or not text, or a row names no frame.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such list; expected rows such as set00/V000/I00001")
    keys = []
    for number, row in enumerate(read_text(path, MAX_LIST_BYTES).splitlines(), 1):
        match = FRAME_PATH.search(row.replace("\\", "/"))
        if match is not None:
            keys.append(build_key(match))
        elif row.strip():
            raise UserError(
                f"{path}: line {number}: {format_value(row.strip())}: expected set, video and "
                "frame, e.g. set00/V000/I00001"
            )
    return list(dict.fromkeys(keys))
