"""Finding a data set's folders on the user's disk, whatever their upper and lower case."""

from collections.abc import Collection, Sequence
from pathlib import Path

from fusebench.data import images
from fusebench.data.pairs import match_pairs_by_stem
from fusebench.errors import DatasetNotFoundError, UserError

INFRARED_FOLDER_NAMES = ("ir", "infrared", "thermal")
VISIBLE_FOLDER_NAMES = ("vi", "vis", "visible", "rgb")
LABEL_FOLDER_NAMES = ("annotation", "annotations", "labels", "label")


def locate_dataset(
    root: Path, folder: Path, *, title: str, trees: Sequence[str], instead: str
) -> Path:
    """The data set's folder: ``root / folder``, or ``folder`` itself if it is absolute.

    The name's case does not matter below ``root``, and a release unpacked into a folder of its
    own name below it is found.

    Raises:
        DatasetNotFoundError: Saying where was looked, which ``trees`` are understood and what can be run
            ``instead`` without this data.
        UserError: If the folder is there but empty.
    """
    wanted = root / folder
    found = wanted if wanted.is_dir() else find_subfolder(wanted.parent, [wanted.name.lower()])
    if found is None:
        raise DatasetNotFoundError(
            f"{title} is not at {wanted}. Put it there as {' or '.join(trees)}, or name its "
            "folder (--data, or data.folder in the task)",
            instead,
        )
    inside = list(found.iterdir())
    if not inside:
        raise UserError(f"{found}: empty folder; expected {' or '.join(trees)}")
    unpacked = len(inside) == 1 and inside[0].name.lower().startswith(title.lower())
    return inside[0] if unpacked and inside[0].is_dir() else found


def find_subfolder(folder: Path, names: Collection[str]) -> Path | None:
    """The one subfolder whose lower-case name is among ``names``, or None.

    Raises:
        UserError: If there are two, because then nobody can say which is meant.
    """
    if not folder.is_dir():
        return None
    found = sorted(p for p in folder.iterdir() if p.name.lower() in names and p.is_dir())
    if len(found) > 1:
        raise UserError(
            f"{folder}: both {found[0].name} and {found[1].name} could be meant; keep one of them"
        )
    return found[0] if found else None


def require_subfolder(folder: Path, names: Sequence[str], what: str, trees: Sequence[str]) -> Path:
    """Like `find_subfolder`, but the folder has to be there.

    Raises:
        UserError: Saying what is missing and what is there instead.
    """
    found = find_subfolder(folder, names)
    if found is None:
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise UserError(
            f"{folder}: no folder of {what} ({', '.join(names)}; any case); found: {there}. "
            f"Expected {' or '.join(trees)}"
        )
    return found


def find_pairs(folder: Path, trees: Sequence[str]) -> list[tuple[str, Path, Path]]:
    """``(key, infrared file, visible file)`` of a folder with one subfolder for each.

    Raises:
        UserError: If a subfolder or a partner is missing, or there is no image at all.
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
    """The label file of every key, and their ending: ``.xml`` if there are any, else ``.txt``.

    Raises:
        UserError: If there are none, an image has none, or one has no image.
    """
    there = sorted(
        p for p in folder.iterdir() if p.name.lower() in LABEL_FOLDER_NAMES and p.is_dir()
    )
    for ending in (".xml", ".txt"):
        for place in there:
            found = {
                p.stem: p
                for p in sorted(place.iterdir())
                if p.suffix.lower() == ending and not p.name.startswith(".")
            }
            if ending == ".txt":
                found.pop("classes", None)
            if found:
                check_labels_complete(found, keys, place)
                return found, ending
    require_subfolder(folder, LABEL_FOLDER_NAMES, "labels", trees)
    raise UserError(f"{there[0]}: no .xml and no .txt; expected {' or '.join(trees)}")


def check_labels_complete(found: Collection[str], keys: Collection[str], place: Path) -> None:
    """Refuse images without a label and labels without an image.

    Raises:
        UserError: Naming the first three.
    """
    for what, some in (
        ("image(s) have no label in", set(keys) - set(found)),
        ("label(s) have no image, in", set(found) - set(keys)),
    ):
        if some:
            first = sorted(some)
            raise UserError(
                f"{len(some)} {what} {place}: {', '.join(first[:3])}"
                f"{' …' if len(first) > 3 else ''}; add or delete the odd ones"
            )


def read_common_size(infrared: Path, visible: Path) -> tuple[int, int]:
    """(width, height) of a pair, from the two headers.

    Raises:
        UserError: If a file is no image, or the two differ.
    """
    first, second = images.read_image_size(infrared), images.read_image_size(visible)
    if first != second:
        raise UserError(
            f"{infrared} is {first[0]}x{first[1]} but {visible} is {second[0]}x{second[1]}; "
            "a registered pair has one size"
        )
    return first
