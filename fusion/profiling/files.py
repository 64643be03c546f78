"""Profile files of fusion methods: a CSV for the user, and cost profiles in the store."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

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


def write_csv(path: Path, timing: TimingOptions, rows: Sequence[CostRow]) -> None:
    """Write all values unrounded, a line per method and size; None is an empty cell."""
    lines = [
        {
            **_get_values(request),
            "options": yaml.safe_dump(request.options, default_flow_style=True).strip(),
            **asdict(timing),
            **asdict(counts),
            **asdict(cost),
        }
        for request, counts, cost in rows
    ]
    names = [
        field.name
        for part in (ProfileRequest, TimingOptions, OperationCounts, MeasuredCost)
        for field in fields(part)
        if field.name != "base_folder"
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _get_values(request: ProfileRequest) -> dict[str, Any]:
    """Return the fields of a request but its folder, which depends on the machine."""
    return {name: value for name, value in asdict(request).items() if name != "base_folder"}


def store_profile(root: Path, timing: TimingOptions, row: CostRow) -> None:
    """Save the profile of one method in the store at ``root``, for the report."""
    provenance = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": records.get_package_versions(("torch", "numpy")),
    }
    request, counts, cost = row
    values = {**_get_values(request), **asdict(timing), **asdict(counts), **asdict(cost)}
    values = {name: value for name, value in values.items() if not name.startswith("paper_")}
    cost_profiles.write_profile(root, CostProfile(**values, provenance=provenance))
