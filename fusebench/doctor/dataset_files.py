"""Files of a data set for the doctor: every file is listed, also those that cannot be read.

The programs stop at the first broken file. The doctor takes the index of the data set, before any
file is opened, and reads each file by itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from fusebench.contracts import Dataset
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.boxes import Boxes
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.channel_separation import separate_files
from fusebench.data.image_files.reader import read_header
from fusebench.data.label_images.conversion import LabelConversion
from fusebench.data.splitting import division
from fusebench.errors import UserError


@dataclass(frozen=True)
class PairFiles:
    """Files and labels of one pair.

    Attributes:
        key: Key of the pair.
        infrared: Path of the infrared image.
        visible: Path of the visible image.
        label_map: Path of its label map, or None.
        boxes: True boxes; None if there are none or they cannot be read.
        label_counts: Number of special labels, see `label_notes.NOTES`.
        label_fault: Why its boxes cannot be read; empty if they can.
        part: ``train``, ``test``, or empty for neither.
        condition: E.g. ``night``; empty if unknown.
        sequence: Name of its sequence.
    """

    key: str
    infrared: str
    visible: str
    label_map: str | None = None
    boxes: Boxes | None = None
    label_counts: Mapping[str, int] = field(default_factory=dict)
    label_fault: str = ""
    part: str = ""
    condition: str = ""
    sequence: str = ""


@dataclass(frozen=True)
class DatasetFiles:
    """All files of a data set.

    Attributes:
        name: Name of the data set, e.g. ``m3fd``.
        title: Name for readers.
        folder: Its folder.
        classes: Class names in the order of their ids.
        pairs: Every pair, in key order.
        has_boxes: Whether the data set has boxes.
        scales_infrared: Whether the options set a rule for infrared images of more than 8 bits.
        split_description: The split rule as text, or why there is none.
        has_leakage: Whether the rule puts neighboring frames into train and test.
        has_known_sequences: Whether the data set names its sequences; otherwise they are blocks.
        notes: Facts about how the files were read.
        label_conversion: How the values of label images become class ids; None: they are.
    """

    name: str
    title: str
    folder: Path
    classes: tuple[str, ...]
    pairs: tuple[PairFiles, ...]
    has_boxes: bool
    scales_infrared: bool = False
    split_description: str = ""
    has_leakage: bool = False
    has_known_sequences: bool = False
    notes: tuple[tuple[str, str], ...] = ()
    label_conversion: LabelConversion | None = None

    @property
    def image_folders(self) -> tuple[Path, ...]:
        """Folders of the infrared and of the visible images, without duplicates."""
        paths = [pair.infrared for pair in self.pairs] + [pair.visible for pair in self.pairs]
        # os.path, because a Path of each of many files is slow
        return tuple(map(Path, dict.fromkeys(map(os.path.dirname, paths))))


def read_dataset_files(
    dataset: Dataset, root: Path, options: BaseModel, limit: int | None = None
) -> DatasetFiles:
    """List the files of a data set and read its box labels.

    Args:
        dataset: The data set.
        root: The data folder.
        options: Checked options of the data set.
        limit: At most this many pairs, evenly spaced; None: all.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If files have no partner, or the options do not fit the data set; or if a file
            of four channels cannot be divided into its two images.
    """
    index = dataset.load(root, options)
    sequences = division.assign_sequences(index)
    description, has_leakage, parts = _divide(index)
    files = list(index.files)
    if limit is not None and limit < len(files):
        files = [files[i * len(files) // limit] for i in range(limit)]
    if index.has_four_channels:
        files = separate_files(files, index.dataset, root)
    pairs = []
    for key, infrared, visible in files:
        recording = index.conditions_and_sequences.get(key)
        label_map = index.label_maps.get(key)
        boxes, counts, fault = _read_boxes(index, key, infrared, visible)
        pairs.append(
            PairFiles(
                key,
                str(infrared),
                str(visible),
                None if label_map is None else str(label_map),
                boxes,
                counts,
                fault,
                parts.get(key, ""),
                (recording.condition or "") if recording else "",
                sequences[key],
            )
        )
    return DatasetFiles(
        dataset.name,
        dataset.TITLE,
        index.folder,
        index.classes,
        tuple(pairs),
        index.read_boxes is not None,
        index.infrared_scaling is not None,
        description,
        has_leakage,
        any(each.sequence for each in index.conditions_and_sequences.values()),
        index.notes,
        index.label_conversion,
    )


def _divide(index: DatasetIndex) -> tuple[str, bool, dict[str, str]]:
    """Return the split rule as text, whether it leaks, and the part of each key."""
    if not division.is_divided(index):
        return "all pairs are tested", False, {}
    try:
        train_and_test = division.divide_index(index)
    except UserError as error:
        return f"no split: {error}", False, {}
    parts = {key: name for name, keys in train_and_test.parts.items() for key in keys}
    return train_and_test.description, train_and_test.has_leakage, parts


def _read_boxes(
    index: DatasetIndex, key: str, infrared: str, visible: str
) -> tuple[Boxes | None, Mapping[str, int], str]:
    """Return the boxes of a pair, the counts of special labels, and why they cannot be read."""
    if index.read_boxes is None:
        return None, {}, ""
    size = _read_size(visible) or _read_size(infrared)
    if size is None:
        return None, {}, ""  # a finding already: both images cannot be read
    try:
        labels = index.read_boxes(key, size)
    except UserError as error:
        return None, {}, str(error)
    if isinstance(labels, BoxLabels):
        return labels.boxes, labels.counts, ""
    return labels, {}, ""


def _read_size(path: str) -> tuple[int, int] | None:
    try:
        return read_header(path).size
    except UserError:
        return None
