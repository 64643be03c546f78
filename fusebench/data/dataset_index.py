"""Index of a data set: its files and how they are divided, before labels and headers are read."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusebench.data import splits
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.boxes import Boxes
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.label_images.conversion import LabelConversion
from fusebench.data.sequences import ConditionAndSequence


@dataclass(frozen=True)
class DatasetIndex:
    """All files of a data set.

    Attributes:
        dataset: Name of the data set.
        folder: Its folder; list files of a split rule are relative to it.
        classes: Class names in the order of their ids.
        files: (key, infrared file, visible file) in key order.
        rule: How to divide the pairs into train and test; None if every pair is tested.
        read_boxes: Reads the ground-truth boxes of (key, image size), alone or with the counts
            for `Split.notes`; None if there are none.
        label_rule: What `read_boxes` depends on besides the files, e.g. the class id of each id in
            the label files. Indexes of one data set that differ in it do not share readings.
        label_maps: Label image per key; empty if there are none.
        label_conversion: How the values of the label images become class ids; None: they are.
        official_split: Keys of train and test, if the data set has an official split.
        official_split_hint: Where the official split was expected, for messages.
        official_split_text: Description of train and test for the protocol, in place of the
            rule's.
        conditions_and_sequences: Per key, as far as they are known.
        notes: Notes on all files; those on the labels of a split are added, see `Split`.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
        has_four_channels: Infrared and visible image of a pair are one file, whose alpha channel
            is the infrared image.
        official_split_leaks: The official split has neighboring frames in train and test, as far
            as `fusebench.data.splitting.leakage` cannot tell by sequences.
        is_simulated: The images are rendered by `fusebench.simulator`, not taken by cameras.
    """

    dataset: str
    folder: Path
    classes: tuple[str, ...]
    files: Sequence[tuple[str, str, str]]
    rule: splits.SplitRule | None
    read_boxes: Callable[[str, tuple[int, int]], Boxes | BoxLabels] | None = None
    label_rule: Hashable = ()
    label_maps: Mapping[str, Path] = field(default_factory=dict)
    label_conversion: LabelConversion | None = None
    official_split: splits.SplitKeys | None = None
    official_split_hint: str = ""
    official_split_text: str = ""
    conditions_and_sequences: Mapping[str, ConditionAndSequence] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    infrared_scaling: InfraredScaling | None = None
    has_four_channels: bool = False
    official_split_leaks: bool = False
    is_simulated: bool = False

    @property
    def keys(self) -> list[str]:
        """Keys of all pairs, sorted."""
        return [key for key, _, _ in self.files]
