"""Pairs with boxes in one folder per sensor and one of label files: ir/ vi/ labels/.

Without a folder of labels the pairs have no boxes: they can be fused and scored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import box_annotations, folder_discovery
from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels


@dataclass(frozen=True)
class BoxFolders:
    """Files of a data set with boxes.

    Attributes:
        files: (key, infrared file, visible file), sorted by key.
        labels: Label file per key; empty if there are none.
        extension: ``.xml`` or ``.txt``, of all label files; empty if there are none.
    """

    files: list[tuple[str, str, str]]
    labels: Mapping[str, str]
    extension: str

    @property
    def keys(self) -> list[str]:
        """Keys of all pairs, sorted."""
        return [key for key, _, _ in self.files]


def find_box_folders(folder: Path, trees: Sequence[str], *, may_lack_labels: bool) -> BoxFolders:
    """Find the pairs and the label files.

    Args:
        folder: The data set.
        trees: Supported folder structures, for messages.
        may_lack_labels: Images without a label file are allowed.

    Raises:
        UserError: If a folder, a partner or a label file is missing, or a label has no image.
    """
    files = folder_discovery.find_pairs(folder, trees)
    if not folder_discovery.has_label_folder(folder):
        return BoxFolders(files, {}, "")
    labels, extension = folder_discovery.find_label_files(
        folder, [key for key, _, _ in files], trees, may_lack_labels=may_lack_labels
    )
    return BoxFolders(files, labels, extension)


def build_reader(
    folders: BoxFolders, classes: Sequence[str], class_order: Sequence[int | None]
) -> Callable[[str, tuple[int, int]], BoxLabels] | None:
    """Build the function that reads the boxes of (key, image size); None without labels.

    Args:
        folders: The label files.
        classes: Class names in the order of their ids.
        class_order: Class id of each id in text labels.
    """

    def read_boxes(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in folders.labels:
            return label_notes.UNLABELED_IMAGE
        if folders.extension == ".xml":
            return box_annotations.read_voc_labels(folders.labels[key], classes, size)
        return box_annotations.read_yolo_labels(folders.labels[key], class_order, size)

    return read_boxes if folders.labels else None
