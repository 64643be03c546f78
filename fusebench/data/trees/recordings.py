"""Sequences and conditions of the pairs of a tree: from paths, keys, or a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import index_keys, resolve_key
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.trees.options import Recordings
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.path_template import match_name
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_BYTES = 100_000_000  # of a CSV file
COLUMNS = ("key", "sequence", "condition")
Known = dict[str, dict[str, str]]  # key to ``sequence`` and ``condition``, as far as known


def find_recordings(
    folder: Path, pairs: Sequence[TreePair], options: Recordings
) -> dict[str, ConditionAndSequence]:
    """Find the sequence and the condition of each pair; pairs without either are left out.

    A CSV file comes before patterns of the key, and these before the path.

    Raises:
        UserError: If the CSV file is missing, has no such columns, or names other pairs; or if no
            key fits a pattern.
    """
    known: Known = {pair.key: dict(pair.values) for pair in pairs}
    _match_keys(known, options)
    if options.file is not None:
        for key, values in _read_csv(folder / options.file, list(known)).items():
            known[key].update(values)
    recordings = {}
    for key, values in known.items():
        sequence, condition = values.get("sequence", ""), values.get("condition")
        if condition is not None:
            condition = options.conditions.get(condition, condition).lower()
        if sequence or condition:
            recordings[key] = ConditionAndSequence(condition, sequence.replace("/", "_"))
    return recordings


def _match_keys(known: Known, options: Recordings) -> None:
    for name, pattern in (("sequence", options.sequence), ("condition", options.condition)):
        if pattern is None:
            continue
        matched = {key: match_name(pattern, key) for key in known}
        if not any(matched.values()):
            raise UserError(
                f"recordings.{name}: no key is called {pattern}; keys are e.g. "
                f"{name_hints.list_first(known)}"
            )
        for key, values in matched.items():
            if values is not None:
                known[key][name] = values[name]


def _read_csv(path: Path, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; write it with the columns {', '.join(COLUMNS)}")
    rows = csv.DictReader(StringIO(read_text(path, MAX_BYTES), newline=""), skipinitialspace=True)
    try:
        header = [name.strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = header
        if "key" not in header or not {"sequence", "condition"} & set(header):
            raise UserError(
                f"{path}: its first row is {shorten(', '.join(header)) or 'empty'}; expected the "
                "columns key, and sequence or condition or both"
            )
        known_keys = index_keys(keys)
        values: dict[str, dict[str, str]] = {}
        unknown = []
        for row in rows:
            name = (row["key"] or "").strip()
            key = resolve_key(name, known_keys)
            if key is None:
                unknown.append(name)
                continue
            if key in values:
                raise UserError(f"{path}: line {rows.line_num}: {key} is there twice; delete one")
            texts = {column: (row.get(column) or "").strip() for column in COLUMNS[1:]}
            values[key] = {column: text for column, text in texts.items() if text}
    except csv.Error as error:
        raise UserError(f"{path}: line {rows.line_num}: not CSV ({error})") from None
    if unknown:
        raise UserError(
            f"{path}: {len(unknown)} key(s) are not in the data set: "
            f"{name_hints.list_first(unknown)}; it has {len(keys)} pairs, e.g. "
            f"{min(keys)}; correct or delete these lines"
        )
    return values
