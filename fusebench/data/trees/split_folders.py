"""Train and test parts of a tree by what ``{split}`` stands for in the paths."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fusebench.data.pairs import CAUTION_PREFIX
from fusebench.data.splits import SplitKeys
from fusebench.data.trees.options import SplitFolders

VALIDATION_NAMES = ("test", "val", "valid", "validation")  # the first that exists is the test part
NO_PLACEHOLDER = "; the paths of the images have no {split}"


@dataclass(frozen=True)
class FolderSplit:
    """Division of a tree by its folders.

    Attributes:
        parts: Keys of train and test; None if the folders do not say both.
        hint: Why there are none, for messages.
        text: Description for the protocol.
        notes: Notes on folders that are in no part.
    """

    parts: SplitKeys | None
    hint: str = ""
    text: str = ""
    notes: tuple[tuple[str, str], ...] = ()


def divide_by_folders(folders: Mapping[str, str], names: SplitFolders) -> FolderSplit:
    """Divide pairs into train and test.

    Args:
        folders: What ``{split}`` stands for, by key; empty text if a pair has none.
        names: Which texts are train and test.
    """
    counts = Counter(folders.values())
    present = {folder.lower() for folder in counts}
    if not any(present):
        return FolderSplit(None, NO_PLACEHOLDER)
    train_names = {name.lower() for name in names.train}
    test_names = {name.lower() for name in names.test}
    if not test_names:
        test_names = {name for name in VALIDATION_NAMES if name in present - train_names}
        test_names = {min(test_names, key=VALIDATION_NAMES.index)} if test_names else set()
    parts: SplitKeys = {
        "train": [key for key, folder in folders.items() if folder.lower() in train_names],
        "test": [key for key, folder in folders.items() if folder.lower() in test_names],
    }
    unused = {
        folder: count
        for folder, count in counts.items()
        if folder.lower() not in train_names | test_names
    }
    if not all(parts.values()):
        return FolderSplit(
            None,
            f": {{split}} stands for {_describe(counts)}; name those of both parts, e.g. "
            "split_folders: {train: training, test: [day, night]}",
        )
    text = f"folders {' and '.join(sorted(present & train_names))} / " + " and ".join(
        sorted(present & test_names)
    )
    notes = ((f"{CAUTION_PREFIX}folders left out", f"{_describe(unused)} in no part"),)
    return FolderSplit(parts, text=text, notes=notes if unused else ())


def _describe(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{folder or 'no text'} ({count} pairs)" for folder, count in sorted(counts.items())
    )
