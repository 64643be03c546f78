"""Official split of a data set: its folders train and test, or the lists train.txt and test.txt.

Validation pairs (a folder or a list val) are in neither part.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.published.segmentation_folders import SegmentationFiles

FOLDER_NAMES = ("split", "splits", "imagesets", "meta")
PARTS = ("train", "test")
VALIDATION_LIST = "val.txt"


@dataclass(frozen=True)
class OfficialSplit:
    """The official split, as far as there is one.

    Attributes:
        parts: Keys of train and test; None without folders and lists.
        notes: Note on the validation pairs, which are in neither part.
    """

    parts: splits.SplitKeys | None = None
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def has_neighbors_in_both_parts(self) -> bool:
        """Whether most test pairs have a neighbor in train, where keys are frame numbers."""
        return self.parts is not None and splits.has_leakage(splits.ListRule(), self.parts, {})


def find_official_split(
    folder: Path, files: SegmentationFiles, is_left_out: Callable[[str], bool] = lambda _: False
) -> OfficialSplit:
    """Return the split of the folders, or else of the lists beside the images.

    Args:
        folder: The data set; its lists may be in a folder of their own.
        files: Its files.
        is_left_out: Whether a row of a list names a pair that is never read.

    Raises:
        UserError: If a list is not text, or lists a key twice.
    """
    if files.official_split is not None:
        return OfficialSplit(files.official_split)
    list_folder = _find_list_folder(folder)
    if list_folder is None:
        return OfficialSplit()
    keys = [key for key, _, _ in files.files]
    parts = _read(list_folder, "test.txt", keys, is_left_out)
    if not (list_folder / VALIDATION_LIST).is_file():
        return OfficialSplit(parts)
    validation = _read(list_folder, VALIDATION_LIST, keys, is_left_out)["test"]
    count = len(set(validation).difference(*parts.values()))
    text = f"{count} of {VALIDATION_LIST} are in neither part"
    if count < len(validation):
        text += f", {len(validation) - count} are in train or test"
    return OfficialSplit(parts, (("validation pairs", text),))


def _read(
    folder: Path, test_list: str, keys: Collection[str], is_left_out: Callable[[str], bool]
) -> splits.SplitKeys:
    rule = splits.ListRule(train=Path("train.txt"), test=Path(test_list))
    parts = splits.read_split_lists(folder, rule, keys)
    return {name: [key for key in listed if not is_left_out(key)] for name, listed in parts.items()}


def _find_list_folder(folder: Path) -> Path | None:
    inner = folder_discovery.find_subfolder(folder, FOLDER_NAMES)
    for place in (folder, inner):
        if place is not None and all((place / f"{part}.txt").is_file() for part in PARTS):
            return place
    return None
