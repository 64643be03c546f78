"""List of class names beside YOLO labels, with one name per line or as ``names`` in YAML."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text
from fusebench.runtime.reading.yaml_text import parse_yaml

MAX_NAMES_BYTES = 1_000_000  # of a file of class names
LIST_NAMES = ("classes.txt", "data.yaml", "data.yml", "obj.names")  # in any case
YAML_SUFFIXES = (".yaml", ".yml")


def is_class_list(name: str) -> bool:
    """Return whether a file beside labels is a list of class names, no label file."""
    return name.lower() in LIST_NAMES


def read_class_list(label_folder: Path, classes: Sequence[str]) -> list[int] | None:
    """Read the order of the class ids from a list in the folder of the labels, or above it.

    Args:
        label_folder: Folder of the label files.
        classes: Class names of the data set.

    Returns:
        Index into ``classes`` of each id; None if there is no list.

    Raises:
        UserError: If a list does not have these names, or two lists differ.
    """
    lists = {
        path: tuple(_read_names(path, len(classes)))
        for path in _list_paths((label_folder, label_folder.parent))
    }
    indices = [to_class_indices(names, classes, str(path)) for path, names in lists.items()]
    _check_agreement(lists, "correct or delete the wrong one")
    return indices[0] if indices else None


def find_class_list(label_folders: Collection[Path], top: Path) -> tuple[str, ...]:
    """Read the class names in the order of their ids, whatever they are; empty without a list.

    Args:
        label_folders: Folders of label files; lists in them and above them are read.
        top: The highest folder in which a list is looked for.

    Raises:
        UserError: If a list has another form or a name twice, or two lists differ.
    """
    lists: dict[Path, tuple[str, ...]] = {}
    for label_folder in label_folders:
        for folder in (label_folder, *label_folder.parents):
            for path in _list_paths([folder]):
                if path not in lists:
                    lists[path] = tuple(_read_names(path))
            if folder == top:
                break
    for path, names in lists.items():
        repeated = [name for i, name in enumerate(names) if name in names[:i]]
        if repeated or not names:
            raise UserError(
                f"{path}: {f'{repeated[0]!r} is there twice' if repeated else 'has no class name'}"
                "; expected one name per id in the label files"
            )
    _check_agreement(
        lists,
        "delete the wrong one, or set names of the boxes to the class names in the order of the "
        "ids in the label files",
    )
    return next(iter(lists.values()), ())


def _check_agreement(lists: Mapping[Path, tuple[str, ...]], advice: str) -> None:
    """Refuse lists that differ: the ids would not be certain."""
    if len(set(lists.values())) < 2:
        return
    first, *others = lists.items()
    second = next(other for other in others if other[1] != first[1])
    raise UserError(
        f"{first[0]} lists {shorten(', '.join(first[1]))}, and {second[0]} lists "
        f"{shorten(', '.join(second[1]))}; {advice}"
    )


def _list_paths(folders: Iterable[Path]) -> list[Path]:
    """List the files of class names in folders, in their order."""
    paths = []
    for folder in folders:
        names = sorted(name for name in os.listdir(folder) if name.lower() in LIST_NAMES)  # noqa: PTH208 - fast
        paths += [folder / name for name in names]
    return [path for path in paths if path.is_file()]


def _read_names(path: Path, class_count: int | None = None) -> list[str]:
    """Read the names of a list.

    Args:
        path: The list.
        class_count: Number of classes, if it is known: a single row of several words is then one
            name or several.

    Raises:
        UserError: If it has another form. A blank row between names is refused: it could be a
            name that was deleted, and whether the ids after it count it is not certain.
    """
    if path.suffix.lower() in YAML_SUFFIXES:
        return _read_yaml_names(path, class_count)
    lines = [line.strip() for line in read_text(path, MAX_NAMES_BYTES).rstrip().splitlines()]
    if "" in lines:
        raise UserError(
            f"{path}: line {lines.index('') + 1} is blank; expected one class name per line, the "
            "first for id 0: write a name there or delete the line"
        )
    lines = _remove_ids(lines, path)
    names = lines[0].split() if len(lines) == 1 else []
    if len(names) > 1 and class_count is None:
        raise UserError(
            f"{path}: has one line, {shorten(lines[0])!r}: one class or {len(names)}? Write one "
            "class name per line, or set names of the boxes"
        )
    return names if names and class_count != 1 else lines


def _remove_ids(rows: list[str], path: Path) -> list[str]:
    """Return the class names of rows that all begin with an id; other rows as they are.

    A row is then e.g. ``0 person``, as in MSRS-detection-label, or ``0: person``.

    Raises:
        UserError: If the ids of several rows are not 0, 1, ... in this order.
    """
    parts = [row.split(maxsplit=1) for row in rows]
    ids = [part[0].removesuffix(":") for part in parts if len(part) == 2]
    if len(ids) < len(rows) or not all(text.isdecimal() for text in ids):
        return rows
    if ids == [str(i) for i in range(len(rows))]:
        return [part[1] for part in parts]
    if len(rows) == 1:
        return rows  # a name that begins with a number, e.g. "2 wheeler"
    number = next(i for i, text in enumerate(ids) if text != str(i))
    raise UserError(
        f"{path}: line {number + 1} begins with {shorten(ids[number])}; expected class id "
        f"{number}, because all lines begin with a number: write the ids 0, 1, ... in this order, "
        "or names alone"
    )


def to_class_indices(names: Sequence[str], classes: Sequence[str], where: str) -> list[int]:
    """Return the index into ``classes`` of each name.

    Raises:
        UserError: If the names are not ``classes`` in some order.
    """
    if sorted(names) != sorted(classes):
        raise UserError(
            f"{where}: expected the {len(classes)} names {', '.join(classes)} in some order, "
            f"got {shorten(', '.join(names)) or 'nothing'}"
        )
    return [list(classes).index(name) for name in names]


def _read_yaml_names(path: Path, class_count: int | None) -> list[str]:
    """Read ``names`` of a YOLO data file: a list, or a mapping of the ids 0, 1, ... to names."""
    number = "" if class_count is None else f"{class_count} "
    expected = f"{path}: expected 'names:' with {number}class names"
    document = parse_yaml(read_text(path, MAX_NAMES_BYTES), expected)
    try:
        names = document["names"]
        class_count = len(names) if class_count is None else class_count
        if isinstance(names, dict) and set(names) == set(range(class_count)):
            names = [names[i] for i in range(class_count)]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"no list of names, and no names of the ids 0 to {class_count - 1}")
    except (KeyError, TypeError) as error:
        raise UserError(f"{expected} ({shorten(str(error))})") from None
    return names
