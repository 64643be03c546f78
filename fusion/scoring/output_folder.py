"""The folder of fusion.quality: its two tables, and a stamp that says what they were made from.

The same images and metrics find their tables again; tables of others are only replaced on request,
and what this program did not write never. A stopped run leaves its rows beside them.
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
from fusebench.storage import hashing
from fusion.scoring import metric, metric_means
from fusion.scoring.metric import Metric
from fusion.scoring.score_images import ScoringPair

FORMAT_VERSION = 2  # of the tables
MANIFEST_FILE = "quality.json"
MEANS_FILE, PER_IMAGE_FILE = "means.csv", "per_image.csv"


def build_spec(scenes: Sequence[ScoringPair], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Everything that decides the tables."""
    return {
        "format": FORMAT_VERSION,
        "metrics": [[one.name, one.signature, one.options.model_dump()] for one in metrics],
        "luminance": metric.LUMINANCE,
        "intervals": metric_means.INTERVAL_TEXT,
        "infrared": hashing.hash_files({scene.key: scene.infrared for scene in scenes}),
        "visible": hashing.hash_files({scene.key: scene.visible for scene in scenes}),
        "fused": [
            [name, hashing.hash_files({scene.key: scene.fused[name] for scene in scenes})]
            for name in scenes[0].fused
        ],
    }


def check_writable(out: Path) -> None:
    """Refuse a folder for the tables that cannot be made or written to, before any work is done.

    Raises:
        UserError: Naming what is in the way.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"--out {out}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {there} cannot be written to")


def check_overwrite(out: Path, *, replacing: bool) -> None:
    """Refuse to write over tables, unless they are this program's and may be replaced.

    Raises:
        UserError: Naming the table that would be lost.
    """
    stamp = _read_manifest(out)
    for name in (PER_IMAGE_FILE, MEANS_FILE):
        if not (out / name).exists():
            continue
        if name not in stamp["files"]:
            raise UserError(
                f"--out {out}: {name} in it was not written by this program and would be lost; "
                "move it away or name another folder"
            )
        if not replacing:
            raise UserError(
                f"--out {out}: {name} in it is of other images or metrics, or was changed since; "
                "name another folder, or replace it with --replace"
            )


def read_finished_output(out: Path, made_from: Mapping[str, Any]) -> str | None:
    """What was printed of the tables in the folder; None if they are of others, or not whole."""
    stamp = _read_manifest(out)
    files = {out / name: contents for name, contents in stamp["files"].items()}
    if stamp["spec"] != hashing.content_hash(made_from) or not all(
        path.is_file() for path in files
    ):
        return None
    if any(hashing.compute_file_sha256(path) != contents for path, contents in files.items()):
        return None
    return str(stamp["printed"])


def get_row_log_paths(out: Path, made_from: Mapping[str, Any]) -> dict[str, Path]:
    """Source to where its rows are kept until the tables are written."""
    stem = f".scores-{hashing.content_hash(made_from)}"
    return {name: out / f"{stem}-{n}.jsonl" for n, (name, _) in enumerate(made_from["fused"])}


def write_tables(
    out: Path, written: Mapping[str, pd.DataFrame], printed: str, made_from: Mapping[str, Any]
) -> list[Path]:
    """Write the tables and their stamp, each file whole or not at all; return the tables' files.

    Args:
        out: The folder; made if need be.
        written: File name to table.
        printed: What a terminal shows of them.
        made_from: See `build_spec`.
    """
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Files are renamed in the reverse order: the manifest comes last.
        temporary = {
            name: stack.enter_context(replace_atomically(out / name))
            for name in (MANIFEST_FILE, *reversed([*written]))
        }
        for name, table in written.items():
            table.to_csv(temporary[name], index=False)
        files = {name: hashing.compute_file_sha256(temporary[name]) for name in written}
        stamp = {"spec": hashing.content_hash(made_from), "files": files, "printed": printed}
        text = json.dumps({**stamp, "made_from": made_from}, indent=1)
        temporary[MANIFEST_FILE].write_text(text, encoding="utf-8")
    for left_over in out.glob(".scores-*.jsonl"):
        left_over.unlink()
    return [out / name for name in written]


def _read_manifest(out: Path) -> dict[str, Any]:
    try:
        stamp = json.loads((out / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamp = None
    whole = isinstance(stamp, dict) and isinstance(stamp.get("files"), dict)
    empty: dict[str, Any] = {"spec": None, "files": {}, "printed": ""}
    return {**empty, **stamp} if whole else empty
