"""Cost profiles of fusion methods: ``profile/<source>-<size>-<device>.json`` of a store.

Times depend on the machine. They affect no result and are not hashed: a new measurement replaces
the old one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusebench.runtime import file_names
from fusebench.storage import documents
from fusebench.storage.records import StoredModel

STORE_KIND = "profile"


class CostProfile(StoredModel):
    """Cost of one fusion method at one image size; None if there is nothing to count or to time.

    Attributes:
        source: Name of the source in the task file.
        method: The fusion method.
        options: Its options, as in the task file.
        version: Its ``VERSION``; None in profiles of earlier versions.
        dependencies: Hashes of the files it needs, e.g. of its weights; None likewise.
        width: Of the images, in pixels.
        height: Of the images, in pixels.
        device: Device of the measurement.
        repetitions: Timed fusions.
        has_warm_up: Whether another fusion was made before them.
        threads: torch's threads on the CPU; None: torch's default.
        parameters: Number of the network's parameters.
        macs: Multiply-accumulate operations per pair.
        median_seconds: Median time per pair.
        min_seconds: Shortest time per pair.
        max_seconds: Longest time per pair.
        processor_seconds: Median time of all cores together; None on a GPU and in profiles of
            earlier versions.
        peak_memory_bytes: Peak memory of a fusion.
        provenance: Time of the measurement and package versions.
    """

    source: str
    method: str
    options: dict[str, Any]
    version: int | None = None
    dependencies: dict[str, str] | None = None
    width: int
    height: int
    device: str
    repetitions: int
    has_warm_up: bool = True
    threads: int | None
    parameters: int
    macs: int | None
    median_seconds: float | None
    min_seconds: float | None
    max_seconds: float | None
    processor_seconds: float | None = None
    peak_memory_bytes: int | None
    provenance: dict[str, Any]

    @property
    def size(self) -> str:
        """Width and height in pixels, e.g. ``640x480``."""
        return f"{self.width}x{self.height}"


def write_profile(root: Path, profile: CostProfile) -> Path:
    """Write a profile into the store at ``root``; return its file."""
    stem = file_names.make_safe_file_name(f"{profile.source}-{profile.size}-{profile.device}")
    path = root / STORE_KIND / f"{stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    documents.write_document(path, profile)
    return path


def read_profiles(root: Path) -> Iterator[CostProfile]:
    """Read all profiles of a store, sorted by file name.

    Raises:
        UserError: If a file is damaged.
    """
    for path in sorted((root / STORE_KIND).glob("*.json")):
        yield documents.read_document(path, CostProfile)
