"""Profile files of fusion methods: a CSV for the user, and cost profiles in the store."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from fusebench.storage import cost_profiles, records
from fusebench.storage.cost_profiles import CostProfile
from fusion.profiling.measurement import MeasuredCost
from fusion.profiling.operation_counts import OperationCounts
from fusion.profiling.published_sizes import PUBLISHED_SIZES
from fusion.profiling.request import ProfileRequest, TimingOptions


@dataclass(frozen=True)
class CostRow:
    """Cost of one method at one size.

    Attributes:
        request: Method and size.
        timing: Device, threads and number of runs.
        counts: Parameters and operations.
        cost: Time and memory.
        reason: Why nothing was measured; empty if something was, or was not asked for.
    """

    request: ProfileRequest
    timing: TimingOptions
    counts: OperationCounts
    cost: MeasuredCost
    reason: str = ""


def write_csv(path: Path, rows: Sequence[CostRow]) -> None:
    """Write all values unrounded, a line per method and size, then the published sizes.

    None is an empty cell.
    """
    lines = [
        {
            **_get_values(row),
            "options": yaml.safe_dump(row.request.options, default_flow_style=True).strip(),
            "not_measured": row.reason,
        }
        for row in rows
    ]
    published = [
        {
            "source": size.method,
            "parameters": size.parameters,
            "table_entries": size.table_entries,
            "origin": size.origin,
        }
        for size in PUBLISHED_SIZES
    ]
    names = [*lines[0], "table_entries", "origin"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*lines, *published])


def _get_values(row: CostRow) -> dict[str, Any]:
    """Return all values of a row but the folder of the request, which depends on the machine."""
    request = {name: v for name, v in asdict(row.request).items() if name != "base_folder"}
    timing = {"device": row.timing.device, "threads": row.timing.threads}
    return request | timing | asdict(row.counts) | asdict(row.cost)


def store_profile(root: Path, row: CostRow) -> None:
    """Save the profile of one method in the store at ``root``, for the report."""
    provenance = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": records.get_package_versions(("torch", "numpy")),
    }
    values = {n: v for n, v in _get_values(row).items() if not n.startswith("paper_")}
    method, options = row.request.load_method()
    profile = CostProfile(
        **values,
        version=method.VERSION,
        dependencies=dict(method.dependency_hashes(options)),
        provenance=provenance,
    )
    cost_profiles.write_profile(root, profile)
