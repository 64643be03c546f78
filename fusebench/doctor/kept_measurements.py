"""Measurements that are kept below ``--out``, so that a second run reads changed files only.

    doctor/<data set>-<hash of its folders>.json

A measurement is used again while size and times of the pair's files, its boxes and the code's
version are the same. A damaged file is ignored.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fusebench.doctor.measurement import VERSION, PairFacts, PairJob
from fusebench.errors import UserError
from fusebench.runtime.atomic_write import write_text_atomically
from fusebench.runtime.reading.file_stamp import read_stamp
from fusebench.runtime.reading.json_files import read_json

FOLDER = "doctor"
HASH_LENGTH = 12
MAX_BYTES = 1 << 30


def get_path(out: Path, dataset: str, folders: Collection[Path]) -> Path:
    """Return the file of the kept measurements of a data set.

    Args:
        out: Folder of the results.
        dataset: Name of the data set.
        folders: Folders of its images.
    """
    text = "\n".join(sorted(str(folder.resolve()) for folder in folders))
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return out / FOLDER / f"{dataset}-{digest[:HASH_LENGTH]}.json"


def compute_stamp(job: PairJob) -> str:
    """Compute a text that changes if a file of the pair, its boxes or the code change."""
    states = [
        _read_state(path) for path in (job.infrared, job.visible, job.label_map) if path is not None
    ]
    conversion = None if job.label_conversion is None else job.label_conversion.rule
    content = [VERSION, states, job.corners.tolist(), job.classes, conversion]
    return hashlib.sha256(json.dumps(content).encode("utf-8", "surrogateescape")).hexdigest()


def read_measurements(path: Path) -> dict[str, Mapping[str, Any]]:
    """Read the kept measurements per stamp; empty if there are none or the file is damaged."""
    try:
        document = read_json(path, MAX_BYTES)
    except UserError:
        return {}
    return document if isinstance(document, dict) else {}


def restore(document: Mapping[str, Any] | None) -> PairFacts | None:
    """Return kept facts; None if there are none or they have another form."""
    if document is None:
        return None
    try:
        return PairFacts.from_document(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def write_measurements(path: Path, facts: Mapping[str, PairFacts]) -> None:
    """Write facts per stamp.

    Raises:
        OSError: If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    documents = {stamp: pair.to_document() for stamp, pair in facts.items()}
    write_text_atomically(path, json.dumps(documents))


def _read_state(path: str) -> list[Any]:
    try:
        status = Path(path).stat()
    except OSError as error:
        return [path, error.errno]
    return [path, *read_stamp(status)]
