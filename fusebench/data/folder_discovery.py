"""Discovery of a data set's folders and files on disk, regardless of case."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from fusebench.data.box_labels.class_list import is_class_list
from fusebench.data.matching import name_hints
from fusebench.data.matching.image_files import match_pairs_by_stem
from fusebench.data.matching.keys import make_key
from fusebench.data.matching.name_hints import is_system_file
from fusebench.errors import DatasetNotFoundError, UserError

INFRARED_FOLDER_NAMES = ("ir", "infrared", "thermal")
VISIBLE_FOLDER_NAMES = ("vi", "vis", "visible", "rgb")
LABEL_FOLDER_NAMES = ("annotation", "annotations", "labels", "label")


def locate_dataset(
    root: Path, folder: Path, *, title: str, trees: Sequence[str], alternative: str = ""
) -> Path:
    """Return the data set's folder: ``root / folder``, or ``folder`` itself if it is absolute.

    The case of its name does not matter. A release that was unpacked into a subfolder of its own
    name is found too; what systems and archives leave beside it does not matter.

    Args:
        root: The data folder.
        folder: The data set's folder.
        title: Name of the data set.
        trees: Supported folder structures, for messages.
        alternative: Command that works without this data set, for messages; empty without one.

    Raises:
        DatasetNotFoundError: If there is no such folder.
        UserError: If the folder is empty.
    """
    expected = root / folder
    path = find_dataset_folder(root, folder)
    if path is None:
        raise DatasetNotFoundError(
            f"{title} is not at {expected}. Put it there as {' or '.join(trees)}, or name its "
            "folder (--data, or data.folder in the task)",
            alternative,
        )
    while True:  # an archive can hold a folder in a folder
        entries = [p for p in path.iterdir() if not is_system_file(p.name)]
        if not entries:
            raise UserError(f"{path}: empty folder; expected {' or '.join(trees)}")
        folders = [p for p in entries if p.is_dir()]
        if len(folders) != 1 or not folders[0].name.lower().startswith(title.lower()):
            return path
        path = folders[0]


def find_dataset_folder(root: Path, folder: Path) -> Path | None:
    """Return ``root / folder``, whatever the case of its name; None if there is no such folder.

    Raises:
        UserError: If two folders could be meant.
    """
    expected = root / folder
    if expected.is_dir():
        return expected
    return find_subfolder(expected.parent, [expected.name.lower()])


def find_subfolder(folder: Path, names: Collection[str]) -> Path | None:
    """Return the only subfolder whose lower-case name is among ``names``, or None.

    Raises:
        UserError: If there are two, because either could be meant.
    """
    if not folder.is_dir():
        return None
    paths = sorted(p for p in folder.iterdir() if p.name.lower() in names and p.is_dir())
    if len(paths) > 1:
        raise UserError(
            f"{folder}: both {paths[0].name} and {paths[1].name} could be meant; keep one of them"
        )
    return paths[0] if paths else None


def require_subfolder(
    folder: Path, names: Sequence[str], content: str, trees: Sequence[str]
) -> Path:
    """Return the only subfolder whose lower-case name is among ``names``.

    Args:
        folder: Where to look.
        names: Accepted names, in lower case.
        content: What the subfolder holds, for messages.
        trees: Supported folder structures, for messages.

    Raises:
        UserError: If there is none, or more than one.
    """
    path = find_subfolder(folder, names)
    if path is None:
        raise UserError(
            f"{folder}: no folder of {content} ({', '.join(names)}; any case); found: "
            f"{list_entries(folder)}. Expected {' or '.join(trees)}"
            f"{_suggest_inner_folder(folder, names)}"
        )
    return path


def _suggest_inner_folder(folder: Path, names: Collection[str]) -> str:
    """Suggest a subfolder that holds what the folder lacks, e.g. one of two unpacked archives.

    Two levels are looked at: archives are unpacked into a folder of their own name.
    """
    inner = _list_subfolders(folder)
    inner += [path for parent in inner for path in _list_subfolders(parent)]
    fitting = [p for p in inner if any(entry.name.lower() in names for entry in p.iterdir())]
    return f"; {fitting[0]} has one: name it with data.folder in the task" if fitting else ""


def _list_subfolders(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and not is_system_file(p.name)]


def list_entries(folder: Path) -> str:
    """List the first names in a folder, subfolders first."""
    entries = [path for path in folder.iterdir() if not is_system_file(path.name)]
    entries.sort(key=lambda path: (not path.is_dir(), path.name))
    return ", ".join(path.name for path in entries[:8]) or "nothing"


def find_pairs(folder: Path, trees: Sequence[str]) -> list[tuple[str, str, str]]:
    """List ``(key, infrared file, visible file)`` of a folder with one subfolder per sensor.

    Raises:
        UserError: If a subfolder or a partner is missing, or a subfolder has no image.
    """
    infrared = require_subfolder(folder, INFRARED_FOLDER_NAMES, "infrared images", trees)
    visible = require_subfolder(folder, VISIBLE_FOLDER_NAMES, "visible images", trees)
    return match_pairs_by_stem(infrared, visible)


def has_label_folder(folder: Path) -> bool:
    """Return whether there is a folder of labels; images alone can be fused and scored."""
    return any(p.name.lower() in LABEL_FOLDER_NAMES and p.is_dir() for p in folder.iterdir())


def find_label_files(
    folder: Path, keys: Sequence[str], trees: Sequence[str], *, may_lack_labels: bool = False
) -> tuple[dict[str, str], str]:
    """Return the label file per key and their extension: ``.xml`` if there are any, else ``.txt``.

    Args:
        folder: The data set.
        keys: Keys of the images.
        trees: Supported folder structures, for messages.
        may_lack_labels: Images without a label file are allowed.

    Raises:
        UserError: If there are no label files, an image has none, or one has no image.
    """
    label_folders = sorted(
        p for p in folder.iterdir() if p.name.lower() in LABEL_FOLDER_NAMES and p.is_dir()
    )
    for extension in (".xml", ".txt"):
        for label_folder in label_folders:
            paths = _index_label_files(label_folder, extension)
            if paths:
                _check_box_labels(paths, keys, label_folder, may_lack_labels)
                return paths, extension
    require_subfolder(folder, LABEL_FOLDER_NAMES, "labels", trees)
    raise UserError(f"{label_folders[0]}: no .xml and no .txt; expected {' or '.join(trees)}")


def _check_box_labels(
    paths: Collection[str], keys: Collection[str], folder: Path, may_lack_labels: bool
) -> None:
    """As `check_labels_complete`; an image without a label file may be allowed."""
    missing = set(keys) - set(paths)
    try:
        check_labels_complete({*paths, *missing} if may_lack_labels else paths, keys, folder)
    except UserError as error:
        hint = (
            "; if the missing files are images without objects, set data.unlabeled_images: "
            "background in the task"
        )
        raise UserError(f"{error}{hint if missing and not may_lack_labels else ''}") from None


def _index_label_files(folder: Path, extension: str) -> dict[str, str]:
    paths: dict[str, str] = {}
    place = str(folder / "0")[:-1]
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - a Path of each of many files is slow
        stem, dot, ending = name.rpartition(".")
        if f"{dot}{ending}".lower() != extension or is_system_file(name) or is_class_list(name):
            continue
        path = f"{place}{name}"
        key = make_key(stem, path)
        if key in paths:
            raise UserError(
                f"{folder}: {Path(paths[key]).name!a} and {name!a} are both labels "
                f"of {key!r}; keep one of them"
            )
        paths[key] = path
    return paths


def check_labels_complete(
    label_keys: Collection[str], image_keys: Collection[str], folder: Path
) -> None:
    """Refuse images without a label and labels without an image.

    Args:
        label_keys: Keys that have a label.
        image_keys: Keys that have an image.
        folder: Folder of the labels, for the message.

    Raises:
        UserError: Naming the first three keys.
    """
    unlabeled, without_image = set(image_keys) - set(label_keys), set(label_keys) - set(image_keys)
    for problem, keys, others in (
        ("image(s) have no label in", unlabeled, without_image),
        ("label(s) have no image, in", without_image, unlabeled),
    ):
        if keys:
            advice = name_hints.suggest_similar_name(keys, folder, others) or _suggest_renaming(
                unlabeled, without_image
            )
            raise UserError(
                f"{len(keys)} {problem} {folder}: {name_hints.list_first(keys)}; "
                f"{advice or 'add the missing files or delete the others'}"
            )


def _suggest_renaming(image_keys: Collection[str], label_keys: Collection[str]) -> str:
    templates = name_hints.suggest_templates(sorted(image_keys), sorted(label_keys))
    if templates is None:
        return ""
    return f"images are named like {templates[0]}, labels like {templates[1]}; name them alike"
