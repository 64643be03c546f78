"""What fusion methods cost, kept in files: a CSV for the user, and profiles in the store."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timezone
from pathlib import Path

import yaml

from fusebench.storage import cost_profiles, records
from fusebench.storage.cost_profiles import CostProfile
from fusion.profiling.measurement import (
    MeasuredCost,
    OperationCounts,
    ProfileRequest,
    TimingOptions,
)

CostRow = tuple[ProfileRequest, OperationCounts, MeasuredCost]


def write_csv(path: Path, how: TimingOptions, rows: Sequence[CostRow]) -> None:
    """All numbers unrounded, a line per method and size; empty where there is none."""
    plain = [
        {**asdict(asked), "options": yaml.safe_dump(asked.options, default_flow_style=True).strip()}
        | asdict(how)
        | asdict(counts)
        | asdict(spent)
        for asked, counts, spent in rows
    ]
    names = [
        field.name
        for part in (ProfileRequest, TimingOptions, OperationCounts, MeasuredCost)
        for field in fields(part)
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)


def store_profile(root: Path, how: TimingOptions, row: CostRow) -> None:
    """Put what was measured of one method into a store, for its report."""
    made = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": records.get_package_versions(("torch", "numpy")),
    }
    asked, counts, spent = row
    plain = {**asdict(asked), **asdict(how), **asdict(counts), **asdict(spent)}
    known = {name: value for name, value in plain.items() if not name.startswith("paper_")}
    cost_profiles.write_profile(root, CostProfile(**known, provenance=made))
