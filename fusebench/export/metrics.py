"""Scores as one flat mapping of names to numbers, for MLflow and TensorBoard.

    metrics.json      {"<task>/<source>/<seed>/<level>/<class>/<metric>": number, ...}
    names.json        the same names, with what each one stands for
    undefined.json    names without a number, e.g. the AP of a class without boxes

MLflow's names have letters, digits, ``_ - . space / :``, at most 250 of them, are a path without
empty parts, and none is a folder of another; TensorBoard replaces everything but letters, digits
and ``_ - . /``. These names satisfy both.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fusebench.api.loading import load_results
from fusebench.errors import UserError
from fusebench.runtime import atomic_write, file_names
from fusebench.runtime.unknown_names import suggest_names

MAX_NAME_LENGTH = 250
IN_CONDITION = " in condition"  # end of the level of scores on the images of one condition
DESCRIBED = (
    *("task", "kind", "dataset", "source", "seed", "spec", "level", "condition", "class"),
    *("metric", "unit", "better"),
)
Row = dict[str, Any]


def load_rows(args: argparse.Namespace) -> list[Row]:
    """Load the scores of the finished records, filtered by the flags.

    Raises:
        UserError: If there is no finished record, or none for the flags.
    """
    table = load_results(args.out).scores()
    table = table.astype(object).where(table.notna(), None)
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
    filters = (
        ("task", args.task),
        ("source", None if args.source is None else [args.source]),
        ("dataset", args.datasets),
        ("seed", args.seed),
    )
    for column, values in filters:
        known = list(dict.fromkeys(row[column] for row in rows))
        for value in values or ():
            if value not in known:
                hint = suggest_names(str(value), map(str, known))
                raise UserError(f"{args.out}: no finished record has the {column} {value!r}{hint}")
        rows = [row for row in rows if not values or row[column] in values]
    return rows


def build_files(rows: Iterable[Row]) -> dict[str, Any]:
    """Build the content of the JSON files by name.

    Args:
        rows: One per score, see `fusebench.load_results`; None where undefined.
    """
    rows = list(rows)
    specs: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        specs.setdefault((row["task"], row["source"]), set()).add(row["spec"])
    metrics, names, undefined = {}, {}, []
    for row in rows:
        is_ambiguous = len(specs[row["task"], row["source"]]) > 1
        spec = row["spec"] if is_ambiguous else None
        name = make_name(row, spec)
        if name in names:  # two names that differ in a space only
            name = make_name(row, spec, make_part=file_names.make_safe_file_name)
        names[name] = {column: row[column] for column in DESCRIBED}
        if row["score"] is None or not math.isfinite(row["score"]):
            undefined.append(name)
        else:
            metrics[name] = float(row["score"])
    return {"metrics.json": metrics, "names.json": names, "undefined.json": undefined}


def make_part(text: str) -> str:
    """Make a part of a flat name: spaces become ``_``; see `make_safe_file_name` for the others."""
    joined = text.replace(" ", "_")
    return (
        joined
        if file_names.make_safe_file_name(joined) == joined
        else file_names.make_safe_file_name(text)
    )


def make_name(
    row: Mapping[str, Any],
    spec: str | None = None,
    make_part: Callable[[str], str] = make_part,
) -> str:
    """Make the flat name of a score.

    Args:
        row: Its location: task, source, seed, level, condition, class, metric.
        spec: Digest that tells apart records of one task and source with other settings.
        make_part: Converts each part.
    """
    level = row["level"]
    if level.endswith(IN_CONDITION):
        level = f"{level.removesuffix(IN_CONDITION)} in {row['condition']}"
    source = row["source"] if spec is None else f"{row['source']}-{spec}"
    seed = "no-seed" if row["seed"] is None else f"seed{row['seed']}"
    parts = (row["task"], source, seed, level, row["class"], row["metric"])
    name = "/".join(make_part(str(part)) for part in parts)
    if len(name) <= MAX_NAME_LENGTH:
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_NAME_LENGTH - 9].rstrip('/.')}-{digits}"


def write(folder: Path, files: Mapping[str, Any]) -> None:
    """Write the files; see `build_files`."""
    for name, content in files.items():
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
        atomic_write.write_text_atomically(folder / name, text + "\n")
