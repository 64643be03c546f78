"""Frame numbers in keys: the position of a pair in time, where keys are numbered."""

import re
from collections.abc import Sequence

NUMBERED_KEY = re.compile(r"(\D*)(\d+)\D*")


def assign_blocks(keys: Sequence[str], length: int) -> dict[str, str]:
    """Return the block of ``length`` ids that each key is in, e.g. ``"block-0003"``."""
    return {
        key: f"block-{number // length:04d}" for key, number in get_frame_positions(keys).items()
    }


def parse_frame_numbers(keys: Sequence[str]) -> dict[str, int] | None:
    """Parse the number in every key; None unless all are ``<same text><digits><any text>``."""
    matches = {key: NUMBERED_KEY.fullmatch(key) for key in keys}
    if len({match and match.group(1) for match in matches.values()}) != 1:
        return None
    return {key: int(match.group(2)) for key, match in matches.items() if match} or None


def get_frame_positions(keys: Sequence[str]) -> dict[str, int]:
    """Return each key's position in time: its frame number, or else its rank in sorted order."""
    ranks = {key: rank for rank, key in enumerate(sorted(keys))}
    return parse_frame_numbers(keys) or ranks
