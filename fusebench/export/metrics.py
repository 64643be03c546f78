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
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.api.loading import load_results
from fusebench.cli_selection import SOURCE_GROUPS
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
    column_values = {
        "task": args.task,
        "dataset": args.datasets,
        "seed": args.seed,
        **_select_source(args.source, rows),
    }
    for column, values in column_values.items():
        known = list(dict.fromkeys(row[column] for row in rows))
        for value in values or ():
            if value not in known and column != "source_kind":
                hint = suggest_names(str(value), [str(name) for name in known])
                raise UserError(f"{args.out}: no finished record has the {column} {value!r}{hint}")
        rows = [row for row in rows if not values or row[column] in values]
    if not rows:
        raise UserError(f"{args.out}: no finished record fits all of these flags together")
    return rows


def _select_source(selector: str | None, rows: Iterable[Row]) -> dict[str, Sequence[str]]:
    """Return the column and its values that ``--source`` selects: a name, or kinds of sources."""
    if selector is None:
        return {}
    if selector in SOURCE_GROUPS and all(row["source"] != selector for row in rows):
        return {"source_kind": SOURCE_GROUPS[selector]}
    return {"source": [selector]}


def build_files(rows: Iterable[Row]) -> dict[str, Any]:
    """Build the content of the JSON files by name.

    Args:
        rows: One per score, see `fusebench.load_results`; None where undefined.
    """
    rows = list(rows)
    sources = {(row["task"], row["source"], row["spec"]) for row in rows}
    spec_counts = Counter((task, source) for task, source, _ in sources)
    # The digest of the settings is part of the name only where it is needed.
    specs = [row["spec"] if spec_counts[row["task"], row["source"]] > 1 else None for row in rows]
    readable = [make_name(row, spec) for row, spec in zip(rows, specs, strict=True)]
    name_counts = Counter(readable)
    metrics, names, undefined = {}, {}, []
    for row, spec, name in zip(rows, specs, readable, strict=True):
        if name_counts[name] > 1:  # names of users that differ in a space only
            name = make_name(row, spec, make_part=file_names.make_safe_file_name)
        assert name not in names
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
