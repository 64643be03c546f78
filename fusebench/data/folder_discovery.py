"""Discovery of a data set's folders and files on disk, regardless of case."""

from collections.abc import Collection, Sequence
from pathlib import Path

from fusebench.data import images
from fusebench.data.pairs import match_pairs_by_stem
from fusebench.errors import DatasetNotFoundError, UserError

INFRARED_FOLDER_NAMES = ("ir", "infrared", "thermal")
VISIBLE_FOLDER_NAMES = ("vi", "vis", "visible", "rgb")
LABEL_FOLDER_NAMES = ("annotation", "annotations", "labels", "label")


def locate_dataset(
    root: Path, folder: Path, *, title: str, trees: Sequence[str], alternative: str = ""
) -> Path:
    """Return the data set's folder: ``root / folder``, or ``folder`` itself if it is absolute.

    The case of its name does not matter. A release that was unpacked into a subfolder of its own
    name is found too.

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
    entries = list(path.iterdir())
    if not entries:
        raise UserError(f"{path}: empty folder; expected {' or '.join(trees)}")
    is_unpacked_release = len(entries) == 1 and entries[0].name.lower().startswith(title.lower())
    return entries[0] if is_unpacked_release and entries[0].is_dir() else path


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
        entries = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise UserError(
            f"{folder}: no folder of {content} ({', '.join(names)}; any case); found: {entries}. "
            f"Expected {' or '.join(trees)}"
        )
    return path


def find_pairs(folder: Path, trees: Sequence[str]) -> list[tuple[str, Path, Path]]:
    """List ``(key, infrared file, visible file)`` of a folder with one subfolder per sensor.

    Raises:
        UserError: If a subfolder or a partner is missing, or there is no image.
    """
    infrared = require_subfolder(folder, INFRARED_FOLDER_NAMES, "infrared images", trees)
    visible = require_subfolder(folder, VISIBLE_FOLDER_NAMES, "visible images", trees)
    files = match_pairs_by_stem(infrared, visible)
    if not files:
        raise UserError(f"{infrared} and {visible}: no images; expected {' or '.join(trees)}")
    return files


def find_label_files(
    folder: Path, keys: Sequence[str], trees: Sequence[str]
) -> tuple[dict[str, Path], str]:
    """Return the label file per key and their extension: ``.xml`` if there are any, else ``.txt``.

    Raises:
        UserError: If there are no label files, an image has none, or one has no image.
    """
    label_folders = sorted(
        p for p in folder.iterdir() if p.name.lower() in LABEL_FOLDER_NAMES and p.is_dir()
    )
    for extension in (".xml", ".txt"):
        for label_folder in label_folders:
            paths = {
                p.stem: p
                for p in sorted(label_folder.iterdir(), key=lambda path: path.name)
                if p.suffix.lower() == extension and not p.name.startswith(".")
            }
            if extension == ".txt":
                paths.pop("classes", None)  # a list of class names, no labels
            if paths:
                check_labels_complete(paths, keys, label_folder)
                return paths, extension
    require_subfolder(folder, LABEL_FOLDER_NAMES, "labels", trees)
    raise UserError(f"{label_folders[0]}: no .xml and no .txt; expected {' or '.join(trees)}")


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
    for problem, keys in (
        ("image(s) have no label in", set(image_keys) - set(label_keys)),
        ("label(s) have no image, in", set(label_keys) - set(image_keys)),
    ):
        if keys:
            first = sorted(keys)
            raise UserError(
                f"{len(keys)} {problem} {folder}: {', '.join(first[:3])}"
                f"{' …' if len(first) > 3 else ''}; add the missing files or delete the others"
            )


def read_common_size(infrared: Path, visible: Path) -> tuple[int, int]:
    """Read the size of a pair from the two image headers: (width, height) in pixels.

    Raises:
        UserError: If a file is no image, or the sizes differ.
    """
    first, second = images.read_image_size(infrared), images.read_image_size(visible)
    if first != second:
        raise UserError(
            f"{infrared} is {first[0]}x{first[1]} but {visible} is {second[0]}x{second[1]}; "
            "the images of a registered pair must have the same size"
        )
    return first
