"""Pairs that a list file names: one row per pair, the infrared and the visible image."""

from itertools import pairwise
from pathlib import Path, PurePosixPath

from fusebench.data.matching.keys import make_key, remove_folders_and_extension
from fusebench.data.trees.pair_files import TreePair
from fusebench.errors import UserError, shorten
from fusebench.runtime.reading import table_files

IMAGE_COLUMNS = ("infrared", "visible")
OTHER_COLUMNS = ("split", "sequence", "condition")
EXPECTED = "one pair per line: the paths of the infrared and the visible image"


def read_pair_list(folder: Path, list_file: Path) -> list[TreePair]:
    """Read the pairs of a list file, sorted by key.

    A first row of column names may add ``key``, ``split``, ``sequence`` and ``condition`` to
    ``infrared`` and ``visible``; further columns are not read. Without such a row the first column
    is infrared and the second visible. Paths are relative to the data set's folder. Without a
    column ``key`` it is the name of the visible image.

    Args:
        folder: The data set.
        list_file: The list, a table below ``folder`` or absolute; see `table_files`.

    Raises:
        UserError: Naming the row that has not these columns, an image that is missing or in two
            rows, or a key that names two pairs.
    """
    path = folder / list_file
    rows = table_files.read_rows(path, EXPECTED)
    columns = list(IMAGE_COLUMNS)
    has_header = set(IMAGE_COLUMNS) <= {text.lower() for text in rows[0][1]}
    if has_header:
        columns, rows = table_files.read_header(path, rows[0]), rows[1:]
    if not rows:
        raise UserError(f"{path}: has column names only; expected {EXPECTED}")
    pairs = []
    lines: dict[str, int] = {}  # of each image
    for row in rows:
        record = table_files.build_record(path, row, columns)
        pair = _build_pair(folder, record, f"{path}: line {row[0]}", has_header)
        for image in (pair.infrared, pair.visible):
            if image in lines:
                raise UserError(
                    f"{path}: {image} is in line {lines[image]} and in line {row[0]}; expected "
                    "each image once"
                )
            lines[image] = row[0]
        pairs.append(pair)
    pairs.sort(key=lambda pair: pair.key)
    for first, second in pairwise(pairs):
        if first.key == second.key:
            raise UserError(
                f"{path}: key {first.key!r} names two pairs, {first.visible} and {second.visible}; "
                "delete one of the lines, or add a column key"
            )
    return pairs


def _build_pair(folder: Path, record: dict[str, str], where: str, has_header: bool) -> TreePair:
    images = {column: PurePosixPath(record[column].replace("\\", "/")) for column in IMAGE_COLUMNS}
    for column, image in images.items():
        if not record[column] or not (folder / image).is_file():
            hint = "" if has_header else "; name the columns infrared and visible if this is a name"
            raise UserError(
                f"{where}: {column} {shorten(record[column])!r}: no such file in {folder}; correct "
                f"the path, which is relative to this folder{hint}"
            )
    key = record.get("key") or remove_folders_and_extension(images["visible"].name)
    if "/" in key or key.startswith("."):
        raise UserError(f"{where}: key {key!r}: result files are called like it; no / and no dot")
    values = {column: record[column] for column in OTHER_COLUMNS if record.get(column)}
    infrared, visible = (str(folder / image) for image in images.values())
    return TreePair(make_key(key, visible), infrared, visible, {"key": key, **values})
