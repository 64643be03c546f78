"""List of class names beside YOLO labels: ``classes.txt`` or ``names`` in ``data.yaml``."""

from collections.abc import Sequence
from pathlib import Path

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text
from fusebench.runtime.reading.yaml_text import parse_yaml

MAX_NAMES_BYTES = 1_000_000  # of a file of class names


def read_class_list(label_folder: Path, classes: Sequence[str]) -> list[int] | None:
    """Read the order of the class ids from a list in the folder of the labels, or above it.

    Args:
        label_folder: Folder of the label files.
        classes: Class names of the data set.

    Returns:
        Index into ``classes`` of each id; None if there is no list.

    Raises:
        UserError: If a list does not have these names.
    """
    path = _find_list(label_folder)
    if path is None:
        return None
    return to_class_indices(_read_names(path, len(classes)), classes, str(path))


def find_class_list(label_folder: Path) -> tuple[str, ...]:
    """Read the class names in the order of their ids, whatever they are; empty without a list.

    Raises:
        UserError: If the list has another form.
    """
    path = _find_list(label_folder)
    return () if path is None else tuple(_read_names(path))


def _find_list(label_folder: Path) -> Path | None:
    folders = (label_folder, label_folder.parent)
    paths = [folder / name for name in ("classes.txt", "data.yaml") for folder in folders]
    return next((path for path in paths if path.is_file()), None)


def _read_names(path: Path, class_count: int | None = None) -> list[str]:
    if path.suffix == ".txt":
        text = read_text(path, MAX_NAMES_BYTES)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return text.split() if len(lines) == 1 and class_count != 1 else lines
    return _read_yaml_names(path, class_count)


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
