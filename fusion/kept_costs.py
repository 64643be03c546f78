"""What fusion methods cost, kept in files: a CSV for the user, and profiles in the store."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timezone
from pathlib import Path

import yaml

from bench import profiles, records
from bench.profiles import Profile
from fusion.cost import Asked, Cost, Counts, How

Row = tuple[Asked, Counts, Cost]


def write(path: Path, how: How, rows: Sequence[Row]) -> None:
    """All numbers unrounded, a line per method and size; empty where there is none."""
    plain = [
        {**asdict(asked), "options": yaml.safe_dump(asked.options, default_flow_style=True).strip()}
        | asdict(how)
        | asdict(counts)
        | asdict(spent)
        for asked, counts, spent in rows
    ]
    names = [field.name for part in (Asked, How, Counts, Cost) for field in fields(part)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)


def keep(root: Path, how: How, row: Row) -> None:
    """Put what was measured of one method into a store, for its report."""
    made = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": records.versions(("torch", "numpy")),
    }
    asked, counts, spent = row
    plain = {**asdict(asked), **asdict(how), **asdict(counts), **asdict(spent)}
    known = {name: value for name, value in plain.items() if not name.startswith("printed")}
    profiles.write(root, Profile(**known, made=made))
