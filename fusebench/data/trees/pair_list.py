"""Pairs that a list file names: one row per pair, the infrared and the visible image."""

import csv
from io import StringIO
from itertools import pairwise
from pathlib import Path, PurePosixPath

from fusebench.data.matching.keys import make_key, remove_folders_and_extension
from fusebench.data.trees.pair_files import TreePair
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_BYTES = 100_000_000
IMAGE_COLUMNS = ("infrared", "visible")
OTHER_COLUMNS = ("key", "split", "sequence", "condition")


def read_pair_list(folder: Path, list_file: Path) -> list[TreePair]:
    """Read the pairs of a list file, sorted by key.

    Columns are separated by commas, tabs or blanks. A first row of column names may add ``key``,
    ``split``, ``sequence`` and ``condition`` to ``infrared`` and ``visible``; without it the first
    column is infrared and the second visible. Paths are relative to the data set's folder. Without
    a column ``key`` it is the name of the visible image.

    Raises:
        UserError: Naming the row that has not these columns, a file that is missing, or a key that
            names two pairs.
    """
    path = folder / list_file
    if not path.is_file():
        raise UserError(f"{path}: no such list; write one pair of paths per line")
    rows = _split_rows(path)
    if not rows:
        raise UserError(f"{path}: is empty; expected one pair of paths per line")
    columns = [name.lower() for name in rows[0][1]]
    if set(IMAGE_COLUMNS) <= set(columns):
        rows = rows[1:]
    else:
        columns = list(IMAGE_COLUMNS)
    pairs = []
    for number, texts in rows:
        where = f"{path}: line {number}"
        if len(texts) != len(columns):
            raise UserError(
                f"{where}: has {len(texts)} columns; expected {len(columns)}: {', '.join(columns)}"
            )
        pairs.append(_build_pair(folder, dict(zip(columns, texts, strict=True)), where))
    pairs.sort(key=lambda pair: pair.key)
    for first, second in pairwise(pairs):
        if first.key == second.key:
            raise UserError(
                f"{path}: key {first.key!r} names two pairs, {first.visible} and {second.visible}; "
                "delete one of the lines, or add a column key"
            )
    return pairs


def _split_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Split the lines into columns, with the number of each line; blank lines are skipped."""
    text = read_text(path, MAX_BYTES)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if "," in first or "\t" in first:
        delimiter = "," if "," in first else "\t"
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
        try:
            return [
                (reader.line_num, [cell.strip() for cell in row])
                for row in reader
                if any(cell.strip() for cell in row)
            ]
        except csv.Error as error:
            raise UserError(f"{path}: line {reader.line_num}: not CSV ({error})") from None
    lines = enumerate(text.splitlines(), 1)
    return [(number, line.split()) for number, line in lines if line.strip()]


def _build_pair(folder: Path, row: dict[str, str], where: str) -> TreePair:
    images = [PurePosixPath(row[column].replace("\\", "/")) for column in IMAGE_COLUMNS]
    for column, image in zip(IMAGE_COLUMNS, images, strict=True):
        if not (folder / image).is_file():
            raise UserError(
                f"{where}: {column} {shorten(str(image))!r}: no such file in {folder}; correct the "
                "path, which is relative to this folder"
            )
    key = row.get("key") or remove_folders_and_extension(images[1].name)
    values = {column: row[column] for column in OTHER_COLUMNS if row.get(column)}
    infrared, visible = (str(folder / image) for image in images)
    return TreePair(make_key(key, visible), infrared, visible, {"key": key, **values})
