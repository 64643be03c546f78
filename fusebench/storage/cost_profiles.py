"""What a fusion method costs, as a file: `profile/<source>-<size>-<device>.json` of a store.

Times are of one machine and one moment. They decide no result and are not hashed: a new
measurement takes the place of the old one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fusebench.errors import UserError
from fusebench.runtime import file_names
from fusebench.storage.records import StoredModel

STORE_KIND = "profile"


class CostProfile(StoredModel):
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
    repetitions: int
    threads: int | None
    parameters: int
    macs: int | None
    median_seconds: float | None
    min_seconds: float | None
    max_seconds: float | None
    peak_memory_bytes: int | None
    provenance: dict[str, Any]

    @property
    def size(self) -> str:
        """Width and height in pixels."""
        return f"{self.width}x{self.height}"


def write_profile(root: Path, found: CostProfile) -> Path:
    """Keep a profile in the store at ``root``; return its file."""
    stem = file_names.make_safe_file_name(f"{found.source}-{found.size}-{found.device}")
    file = root / STORE_KIND / f"{stem}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial.replace(file)
    return file


def read_profiles(root: Path) -> Iterator[CostProfile]:
    """All profiles of a store, by file name.

    Raises:
        UserError: If a file is damaged.
    """
    return map(_read_profile, sorted((root / STORE_KIND).glob("*.json")))


def _read_profile(file: Path) -> CostProfile:
    try:
        return CostProfile.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as fault:
        raise UserError(f"{file}: is no profile ({fault}); delete it") from None
