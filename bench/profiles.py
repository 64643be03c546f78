"""What a fusion method costs, as a file: `profile/<source>-<size>-<device>.json` of a store.

Times are of one machine and one moment. They decide no result and are not hashed: a new
measurement takes the place of the old one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench import names
from bench.errors import BenchError
from bench.records import Saved

KIND = "profile"


class Profile(Saved):
    """One method at one image size; None where there is nothing to count, or nothing was run.

    Attributes:
        options: As the task file gives them.
        runs: Fusions timed, after one to warm up.
        threads: Of torch on the CPU; None: its own choice.
        macs: Multiply-accumulates of one pair.
        seconds: Of one pair, median.
        least: Seconds.
        most: Seconds.
        memory: Peak, in bytes.
        made: When and with which versions.
    """

    source: str
    method: str
    options: dict[str, Any]
    width: int
    height: int
    device: str
    runs: int
    threads: int | None
    parameters: int
    macs: int | None
    seconds: float | None
    least: float | None
    most: float | None
    memory: int | None
    made: dict[str, Any]

    @property
    def size(self) -> str:
        """Width and height in pixels."""
        return f"{self.width}x{self.height}"


def write(root: Path, found: Profile) -> Path:
    """Keep a profile in the store at ``root``; return its file."""
    stem = names.safe(f"{found.source}-{found.size}-{found.device}")
    file = root / KIND / f"{stem}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial.replace(file)
    return file


def read(root: Path) -> Iterator[Profile]:
    """All profiles of a store, by file name.

    Raises:
        BenchError: If a file is damaged.
    """
    return map(_read, sorted((root / KIND).glob("*.json")))


def _read(file: Path) -> Profile:
    try:
        return Profile.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as fault:
        raise BenchError(f"{file}: is no profile ({fault}); delete it") from None
