"""Pairs with label maps in one folder per sensor: all together, or divided into train and test.

    {infrared,visible,labels}/*.png
    {train,test}/{infrared,visible,labels}/*.png
    {infrared,visible,labels}/{train,test}/*.png

The names of the folders are those of the data set. Without a folder of label maps the pairs can be
fused and scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.matching import name_hints
from fusebench.data.matching.image_files import find_images_by_stem, match_pairs_by_stem
from fusebench.errors import UserError

PARTS = ("train", "test")
VALIDATION_NAMES = ("val", "valid", "validation")


@dataclass(frozen=True)
class FolderNames:
    """Names of the folders of a data set, in lower case.

    Attributes:
        infrared: Infrared images.
        visible: Visible images.
        label_maps: Label maps.
    """

    infrared: tuple[str, ...]
    visible: tuple[str, ...]
    label_maps: tuple[str, ...]


@dataclass(frozen=True)
class SegmentationFiles:
    """Files of a data set with label maps.

    Attributes:
        files: (key, infrared file, visible file), sorted by key.
        label_maps: Label map of each key; empty if there are none.
        official_split: Keys of the folders train and test; None without these folders.
        notes: Note on a folder of validation pairs, which is not read.
    """

    files: list[tuple[str, str, str]]
    label_maps: dict[str, Path]
    official_split: splits.SplitKeys | None = None
    notes: tuple[tuple[str, str], ...] = ()


def find_segmentation_files(
    folder: Path, names: FolderNames, trees: Sequence[str]
) -> SegmentationFiles:
    """Find the pairs of a data set and their label maps.

    Args:
        folder: The data set.
        names: Names of its folders.
        trees: Its folder structures, for messages.

    Raises:
        UserError: If a folder, a partner or a label map is missing, or a name is in train and in
            test.
    """
    if any(folder_discovery.find_subfolder(folder, n) for n in (names.infrared, names.visible)):
        infrared, visible, labels = _find_folders(folder, names, trees)
        if not any(folder_discovery.find_subfolder(infrared, (part,)) for part in PARTS):
            return match_label_maps(infrared, visible, labels)
        per_part = {part: _find_in_sensors((infrared, visible, labels), part) for part in PARTS}
        return _join_parts(folder, per_part, infrared)
    per_part = {}
    for part in PARTS:
        part_folder = folder_discovery.require_subfolder(folder, (part,), f"{part} pairs", trees)
        per_part[part] = match_label_maps(*_find_folders(part_folder, names, trees))
    return _join_parts(folder, per_part, folder)


def match_label_maps(infrared: Path, visible: Path, labels: Path | None) -> SegmentationFiles:
    """Match the files of three folders, or templates of file names, by key.

    Raises:
        UserError: If a partner or a label map is missing.
    """
    files = match_pairs_by_stem(infrared, visible)
    if labels is None:
        return SegmentationFiles(files, {})
    label_maps = find_images_by_stem(labels)
    folder_discovery.check_labels_complete(label_maps, [key for key, _, _ in files], labels)
    return SegmentationFiles(files, label_maps)


def check_unique_keys(folder: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Refuse names that are in train and in test.

    Raises:
        UserError: Naming the first three.
    """
    duplicates = sorted(set(parts["train"]) & set(parts["test"]))
    if duplicates:
        raise UserError(
            f"{folder}: {len(duplicates)} name(s) are in train and in test: "
            f"{name_hints.list_first(duplicates)}; a key names one pair, so remove one of the two "
            "or rename it"
        )


def _find_folders(
    folder: Path, names: FolderNames, trees: Sequence[str]
) -> tuple[Path, Path, Path | None]:
    infrared = folder_discovery.require_subfolder(folder, names.infrared, "infrared images", trees)
    visible = folder_discovery.require_subfolder(folder, names.visible, "visible images", trees)
    return infrared, visible, folder_discovery.find_subfolder(folder, names.label_maps)


def _find_in_sensors(folders: Sequence[Path | None], part: str) -> SegmentationFiles:
    """Find the files of a part, e.g. in Infrared/train and Visible/train."""
    infrared, visible, labels = (
        None if folder is None else _find_part_folder(folder, part) for folder in folders
    )
    assert infrared is not None
    assert visible is not None
    return match_label_maps(infrared, visible, labels)


def _find_part_folder(folder: Path, part: str) -> Path:
    """Return the folder of a part, or the only folder in it, e.g. Visible/train/MSRS."""
    path = folder_discovery.require_subfolder(folder, (part,), f"{part} images", ())
    entries = [entry for entry in path.iterdir() if not name_hints.is_system_file(entry.name)]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else path


def _join_parts(
    folder: Path, per_part: Mapping[str, SegmentationFiles], parent: Path
) -> SegmentationFiles:
    parts = {part: [key for key, _, _ in read.files] for part, read in per_part.items()}
    check_unique_keys(folder, parts)
    train, test = (per_part[part] for part in PARTS)
    validation = folder_discovery.find_subfolder(parent, VALIDATION_NAMES)
    notes = () if validation is None else (("validation pairs", f"{validation.name} is not read"),)
    return SegmentationFiles(
        sorted([*train.files, *test.files]), train.label_maps | test.label_maps, parts, notes
    )
