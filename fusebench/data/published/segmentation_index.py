"""Index of a data set with label maps, and its official split.

The official split is that of the folders train and test, or else of the lists ``train.txt`` and
``test.txt``. Validation pairs (a folder or a list val) are in neither part.
"""

from collections.abc import Callable
from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.published.segmentation_folders import SegmentationFiles
from fusebench.data.splits import ListRule
from fusebench.data.splitting import split_lists

LIST_FOLDER_NAMES = ("split", "splits", "imagesets", "meta")
LISTS = ListRule(train=Path("train.txt"), test=Path("test.txt"))
VALIDATION_LIST = Path("val.txt")


def index_segmentation_files(
    name: str,
    folder: Path,
    classes: tuple[str, ...],
    files: SegmentationFiles,
    rule: splits.SplitRule,
    is_left_out: Callable[[str], bool] = lambda _: False,
) -> DatasetIndex:
    """Build the index of a data set; `official_split` is None without folders and lists.

    Args:
        name: Name of the data set.
        folder: Its folder; its lists may be in a folder of their own.
        classes: Class names in the order of their ids.
        files: Its files.
        rule: Split rule.
        is_left_out: Whether a row of a list names a pair that is never read.

    Raises:
        UserError: If a list is not text, or lists a key twice.
    """
    parts, notes = files.official_split, files.notes
    list_folder = _find_list_folder(folder) if parts is None else None
    if list_folder is not None:
        keys = [key for key, _, _ in files.files]

        def read(list_file: Path) -> list[str]:
            rows = split_lists.read_split_list(list_folder / list_file, keys)
            return [key for key in rows if not is_left_out(key)]

        parts = {"train": read(LISTS.train), "test": read(LISTS.test)}
        if (list_folder / VALIDATION_LIST).is_file():
            validation = read(VALIDATION_LIST)
            count = len(set(validation).difference(*parts.values()))
            text = f"{count} of {VALIDATION_LIST} are in neither part"
            if count < len(validation):
                text += f", {len(validation) - count} are in train or test"
            notes = (*notes, ("validation pairs", text))
    return DatasetIndex(
        name,
        folder,
        classes,
        files.files,
        rule,
        label_maps=files.label_maps,
        official_split=parts,
        official_split_hint=f": {folder} has no folders train and test, and no {LISTS.train} and "
        f"{LISTS.test}",
        notes=notes,
    )


def _find_list_folder(folder: Path) -> Path | None:
    inner = folder_discovery.find_subfolder(folder, LIST_FOLDER_NAMES)
    for place in (folder, inner):
        if place is not None and split_lists.find_lists(place, (LISTS,)) is not None:
            return place
    return None
