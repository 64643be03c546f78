"""Sequences and conditions of the pairs of a tree: from paths, keys, or a CSV file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import index_keys, resolve_key
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.trees.options import Recordings
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.path_template import match_name
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading import table_files

VALUE_COLUMNS = ("sequence", "condition")
EXPECTED = "the columns key, and sequence or condition or both"
Known = dict[str, dict[str, str]]  # key to ``sequence`` and ``condition``, as far as known


def find_recordings(
    folder: Path, pairs: Sequence[TreePair], options: Recordings
) -> dict[str, ConditionAndSequence]:
    """Find the sequence and the condition of each pair; pairs without either are left out.

    A CSV file comes before patterns of the key, and these before the path.

    Raises:
        UserError: If the CSV file is missing, has no such columns, or names other pairs; or if no
            key fits a pattern, or no pair has a text of ``conditions``.
    """
    known: Known = {pair.key: dict(pair.values) for pair in pairs}
    _match_keys(known, options)
    if options.file is not None:
        for key, values in _read_csv(folder / options.file, list(known)).items():
            known[key].update(values)
    _check_conditions(known, options)
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
                f"data.recordings.{name}: no key is called {pattern}; keys are e.g. "
                f"{name_hints.list_first(known)}"
            )
        for key, values in matched.items():
            if values is not None:
                known[key][name] = values[name]


def _check_conditions(known: Known, options: Recordings) -> None:
    present = {values["condition"] for values in known.values() if "condition" in values}
    if options.conditions and not present & set(options.conditions):
        raise UserError(
            f"data.recordings.conditions: no pair has {' or '.join(options.conditions)}; their "
            f"conditions are {name_hints.list_first(present) or 'not known'}"
        )


def _read_csv(path: Path, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Read sequence and condition, as far as the file has them, by key."""
    header, *rows = table_files.read_rows(path, EXPECTED)
    columns = table_files.read_header(path, header)
    if "key" not in columns or not set(VALUE_COLUMNS) & set(columns):
        raise UserError(
            f"{path}: its first row is {shorten(', '.join(columns))}; expected {EXPECTED}"
        )
    known_keys = index_keys(keys)
    by_key: dict[str, dict[str, str]] = {}
    unknown = []
    for row in rows:
        record = table_files.build_record(path, row, columns)
        key = resolve_key(record["key"], known_keys)
        if key is None:
            unknown.append(record["key"])
            continue
        if key in by_key:
            raise UserError(f"{path}: line {row[0]}: {key} is there twice; delete one")
        by_key[key] = {name: record[name] for name in VALUE_COLUMNS if record.get(name)}
    if unknown:
        raise UserError(
            f"{path}: {len(unknown)} key(s) are not in the data set: "
            f"{name_hints.list_first(unknown)}; it has {len(keys)} pairs, e.g. {min(keys)}; "
            f"{name_hints.suggest_key(min(unknown), keys)}"
        )
    return by_key
