"""List files of a split: one key or file name per line."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from fusebench.data.matching.keys import index_keys, resolve_key
from fusebench.data.splits import ListRule, SplitKeys
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_LIST_BYTES = 100_000_000  # of a list of keys


def find_lists(folder: Path, candidates: Iterable[ListRule]) -> ListRule | None:
    """Return the first rule both of whose lists are in a folder; None if there is none."""
    for rule in candidates:
        if (folder / rule.train).is_file() and (folder / rule.test).is_file():
            return rule
    return None


def read_split_lists(folder: Path, rule: ListRule, keys: Collection[str]) -> SplitKeys:
    """Read the keys of train and test; see `read_split_list`.

    Args:
        folder: Folder that the lists are relative to.
        rule: Names the lists.
        keys: Keys of the data set.
    """
    return {
        "train": read_split_list(folder / rule.train, keys),
        "test": read_split_list(folder / rule.test, keys),
    }


def read_split_list(path: Path, keys: Collection[str]) -> list[str]:
    """Read the keys of a list file; skips blank lines.

    A row is a key or a file name, with or without folders (see `matching.keys.resolve_key`).

    Args:
        path: The list.
        keys: Keys of the data set. A row that names none of them is kept as it is.

    Raises:
        UserError: If the file is missing, is not text, or lists a key twice.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: no such list; write it (one key per line) or choose another rule, "
            "e.g. split: {rule: blocks}"
        )
    known_keys = index_keys(keys)
    rows = [row for row in read_text(path, MAX_LIST_BYTES).splitlines() if row.strip()]
    listed = [_read_row(row, known_keys) for row in rows]
    duplicates = [key for key, count in Counter(listed).items() if count > 1]
    if duplicates:
        raise UserError(
            f"{path}: {shorten(duplicates[0], 200)} is listed twice; delete one of the lines"
        )
    return listed


def _read_row(row: str, known_keys: Mapping[str, str]) -> str:
    """Return the key that a row of a list names; the row if it names none."""
    key = resolve_key(row, known_keys) or resolve_key(row.strip(), known_keys)
    return row.strip() if key is None else key
