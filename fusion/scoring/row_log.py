"""Log of scored images, appended row by row, so that an interrupted run can resume.

The format is JSON lines, one per image: key, row and a checksum of both. A line that a kill or a
power cut left incomplete, or that was changed, is ignored when the log is read, and its image is
scored again.
"""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime.reading.json_files import parse_json

ScoreRow = dict[str, float | str | None]  # metric to score, and ``flags``


def read_rows(path: Path, columns: Sequence[str]) -> dict[str, ScoreRow]:
    """Read the rows of the scored images; none if the file does not exist.

    Args:
        path: The log.
        columns: Expected columns; rows with other columns are ignored.

    Returns:
        Image key to row.
    """
    rows: dict[str, ScoreRow] = {}
    if not path.exists():
        return rows
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            key, row, checksum = parse_json(line, str(path))
        except (UserError, ValueError, TypeError):
            continue
        is_intact = checksum == _compute_checksum(key, row)
        if is_intact and isinstance(row, dict) and list(row) == list(columns):
            rows[str(key)] = row
    return rows


def append_row(path: Path, key: str, row: ScoreRow) -> None:
    """Append one row.

    Raises:
        ValueError: If a score is NaN or infinite; undefined is None.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps([key, row, _compute_checksum(key, row)], allow_nan=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")  # the leading newline ends a line that was truncated before


def _compute_checksum(key: object, row: object) -> int:
    return zlib.crc32(json.dumps([key, row]).encode())
