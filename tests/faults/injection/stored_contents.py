"""Fingerprints of what a run left on disk, to compare runs byte by byte."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

# Times and paths differ between runs; locks and caches are no results.
UNSTABLE_NAMES = {"time.json", "log.txt", "manifest.json"}
UNSTABLE_FOLDERS = {
    ".jobs",
    ".locks",
    ".matplotlib",
    ".index",
    "failed",
    "checked",
    "downloads",
    "profile",
}
UNSTABLE_TABLES = {"trainings.csv", "training-times.csv", "efficiency.csv", "protocol.csv"}


def hash_results(root: Path) -> dict[str, str]:
    """Hash every result file below a folder, by path; the time in a record is left out."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(read_stable_content(path)).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.name not in UNSTABLE_NAMES
        and not UNSTABLE_FOLDERS & set(path.relative_to(root).parts)
    }


def hash_tables(report: Path) -> dict[str, str]:
    """Hash the tables of a report, by path."""
    return {
        path.relative_to(report).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(report.rglob("*"))
        if path.suffix in (".csv", ".tex") and path.name not in UNSTABLE_TABLES
    }


def read_stable_content(path: Path) -> bytes:
    if path.name == "record.json":
        record = json.loads(path.read_text())
        del record["provenance"]
        return json.dumps(record, sort_keys=True).encode()
    if path.suffix == ".npz":  # the archive holds the time of its making
        with np.load(path) as arrays:
            return b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
    return path.read_bytes()


def list_differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> list[str]:
    """List the paths that are missing (-), added (+) or different (~)."""
    return (
        [f"-{path}" for path in expected if path not in actual]
        + [f"+{path}" for path in actual if path not in expected]
        + [f"~{path}" for path in expected if path in actual and expected[path] != actual[path]]
    )


def list_leftovers(root: Path) -> list[str]:
    """List files and folders of unfinished work."""
    return [
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.name.endswith(".partial") or (path.name.startswith(".") and path.suffix == ".pid")
    ]
