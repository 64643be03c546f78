"""Official split of a data set as lists of keys: train.txt, test.txt, and perhaps val.txt."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import folder_discovery, splits

FOLDER_NAMES = ("split", "splits", "imagesets", "meta")
PARTS = ("train", "test")
VALIDATION_LIST = "val.txt"


@dataclass(frozen=True)
class OfficialLists:
    """Keys of the lists.

    Attributes:
        parts: Keys of train and test.
        notes: Note on the validation pairs, which are in neither part.
    """

    parts: splits.SplitKeys
    notes: tuple[tuple[str, str], ...] = ()


def read_official_lists(
    folder: Path, keys: Collection[str], is_left_out: Callable[[str], bool] = lambda _: False
) -> OfficialLists | None:
    """Read the lists beside the images, or in a folder of lists.

    Args:
        folder: The data set.
        keys: Its keys.
        is_left_out: Whether a row names a pair that is never read.

    Returns:
        None if train.txt or test.txt is missing.

    Raises:
        UserError: If a list is not text, or lists a key twice.
    """
    list_folder = _find_list_folder(folder)
    if list_folder is None:
        return None
    parts = _read(list_folder, "test.txt", keys, is_left_out)
    if not (list_folder / VALIDATION_LIST).is_file():
        return OfficialLists(parts)
    validation = _read(list_folder, VALIDATION_LIST, keys, is_left_out)["test"]
    text = f"{len(validation)} of {VALIDATION_LIST} are in neither part"
    return OfficialLists(parts, (("validation pairs", text),))


def _read(
    folder: Path, test_list: str, keys: Collection[str], is_left_out: Callable[[str], bool]
) -> splits.SplitKeys:
    rule = splits.ListRule(train=Path("train.txt"), test=Path(test_list))
    parts = splits.read_split_lists(folder, rule, keys)
    return {
        name: [key for key in listed if not is_left_out(key)] for name, listed in parts.items()
    }


def _find_list_folder(folder: Path) -> Path | None:
    inner = folder_discovery.find_subfolder(folder, FOLDER_NAMES)
    for place in (folder, inner):
        if place is not None and all((place / f"{part}.txt").is_file() for part in PARTS):
            return place
    return None
