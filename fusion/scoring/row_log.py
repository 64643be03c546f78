"""The rows of scored images, written down as each is finished: a stopped run goes on with the next.

A file of JSON lines, one per image. A line that was cut off by a kill is left out when it is read,
and its image is scored again.
"""

import json
from collections.abc import Sequence
from pathlib import Path

ScoreRow = dict[str, float | str | None]  # metric to score, and ``flags``


def read_rows(path: Path, columns: Sequence[str]) -> dict[str, ScoreRow]:
    """Key to row of the images that are finished; nothing if there is no such file.

    Args:
        path: The file.
        columns: What a row has; others are left out.
    """
    found: dict[str, ScoreRow] = {}
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            key, row = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(row, dict) and list(row) == list(columns):
            found[str(key)] = row
    return found


def append_row(path: Path, key: str, row: ScoreRow) -> None:
    """Write down one row.

    Raises:
        ValueError: If a score is NaN or infinite; undefined is None.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps([key, row], allow_nan=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")  # a line cut off before is ended, whatever it was
