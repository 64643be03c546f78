"""Output folder of fusion.quality: two tables and a manifest with the hash of their inputs.

The same images and metrics reuse existing tables. Tables of other inputs are replaced on request
only, and files that this program did not write are never replaced. An interrupted run leaves the
rows it has scored in the folder.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.runtime.reading.json_files import read_json
from fusebench.storage import hashing
from fusion.scoring import metric, metric_means
from fusion.scoring.metric import Metric
from fusion.scoring.score_images import ScoringPair

FORMAT_VERSION = 2  # of the tables
MANIFEST_FILE = "quality.json"
UNDEFINED_MEANS = {column: [""] for column in ("mean", "low", "high", "rank")}  # empty cells
MEANS_FILE, PER_IMAGE_FILE = "means.csv", "per_image.csv"


def build_spec(pairs: Sequence[ScoringPair], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Build the spec: everything that decides the contents of the tables."""
    return {
        "format": FORMAT_VERSION,
        "metrics": [[item.name, item.signature, item.options.model_dump()] for item in metrics],
        "luminance": metric.LUMINANCE,
        "intervals": metric_means.INTERVAL_TEXT,
        "infrared": hashing.hash_files({pair.key: pair.infrared for pair in pairs}),
        "visible": hashing.hash_files({pair.key: pair.visible for pair in pairs}),
        "fused": [
            [name, hashing.hash_files({pair.key: pair.fused[name] for pair in pairs})]
            for name in pairs[0].fused
        ],
    }


def check_writable(out: Path) -> None:
    """Check that the output folder can be created and written to, before any work is done.

    Raises:
        UserError: Naming the path that prevents it.
    """
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"--out {out}: {existing} is not a folder; name another folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {existing} cannot be written to; name another folder")


def check_overwrite(out: Path, *, replace: bool) -> None:
    """Check that no table would be overwritten, except this program's own with ``replace``.

    Raises:
        UserError: Naming the table that would be lost.
    """
    manifest = _read_manifest(out)
    for name in (PER_IMAGE_FILE, MEANS_FILE):
        if not (out / name).exists():
            continue
        if name not in manifest["files"]:
            raise UserError(
                f"--out {out}: {name} in it was not written by this program and would be lost; "
                "move it away or name another folder"
            )
        if not replace:
            raise UserError(
                f"--out {out}: {name} in it is of other images or metrics, or was changed since; "
                "name another folder, or replace it with --replace"
            )


def read_finished_output(out: Path, spec: Mapping[str, Any]) -> tuple[pd.DataFrame, str] | None:
    """Read the means of finished tables and the notes that are printed below them.

    Args:
        out: The output folder.
        spec: See `build_spec`.

    Returns:
        Means and notes; None if the tables are missing, changed, or have another spec.
    """
    manifest = _read_manifest(out)
    hashes = {out / name: sha256 for name, sha256 in manifest["files"].items()}
    if manifest["spec"] != hashing.content_hash(spec) or not all(path.is_file() for path in hashes):
        return None
    if any(hashing.compute_file_sha256(path) != sha256 for path, sha256 in hashes.items()):
        return None
    if MEANS_FILE not in manifest["files"]:
        return None
    means = pd.read_csv(
        out / MEANS_FILE, dtype={"source": str}, keep_default_na=False, na_values=UNDEFINED_MEANS
    )
    notes = manifest.get("notes")
    if not isinstance(notes, str):  # an older manifest has them below the printed table
        lines = str(manifest["printed"]).splitlines()
        notes = "\n".join(lines[2 + means["name"].nunique() :])
    return means, notes


def get_row_log_paths(out: Path, spec: Mapping[str, Any]) -> dict[str, Path]:
    """Get the path of the row log of each source; see `fusion.scoring.row_log`."""
    stem = f".scores-{hashing.content_hash(spec)}"
    return {name: out / f"{stem}-{n}.jsonl" for n, (name, _) in enumerate(spec["fused"])}


def write_tables(
    out: Path, tables: Mapping[str, pd.DataFrame], notes: str, spec: Mapping[str, Any]
) -> list[Path]:
    """Write the tables and the manifest, each file completely or not at all.

    Args:
        out: The folder; created if it does not exist.
        tables: File name to table.
        notes: Text that is printed below the means.
        spec: See `build_spec`.

    Returns:
        Paths of the tables.
    """
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Files are renamed in the reverse order: the manifest comes last.
        temporary = {
            name: stack.enter_context(replace_atomically(out / name))
            for name in (MANIFEST_FILE, *reversed([*tables]))
        }
        for name, table in tables.items():
            table.to_csv(temporary[name], index=False)
        hashes = {name: hashing.compute_file_sha256(temporary[name]) for name in tables}
        manifest = {"spec": hashing.content_hash(spec), "files": hashes, "notes": notes}
        text = json.dumps({**manifest, "made_from": spec}, indent=1)
        temporary[MANIFEST_FILE].write_text(text, encoding="utf-8")
    for row_log in out.glob(".scores-*.jsonl"):
        row_log.unlink()
    return [out / name for name in tables]


def _read_manifest(out: Path) -> dict[str, Any]:
    """Read the manifest; an empty one if it is missing or damaged."""
    try:
        manifest = read_json(out / MANIFEST_FILE)
    except UserError:
        manifest = None
    is_valid = isinstance(manifest, dict) and isinstance(manifest.get("files"), dict)
    empty: dict[str, Any] = {"spec": None, "files": {}, "printed": ""}
    return {**empty, **manifest} if is_valid else empty
