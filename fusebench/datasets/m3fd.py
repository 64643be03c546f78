"""M3FD: 4200 registered pairs of streets and campuses with boxes of six classes.

Source: Liu et al., "Target-aware dual adversarial learning and a multi-scenario multi-modality
benchmark to fuse infrared and visible for object detection", CVPR 2022 (TarDAL).

Supported folder structures, in any case:

    Ir/ Vis/ Annotation/*.xml                          the official release
    ir/ vi/ labels/*.txt [meta/scenario.json]          TarDAL's own loader

Without a folder of labels the pairs have no boxes: they can be fused and scored.

The split was never published. The default rule divides blocks of 100 ids: of 4200 pairs, 3000 are
for training and 1000 for testing. By the conditions that a third party assigned to ranges of ids,
the test part has 20 to 26 % of each of day, overcast, night and challenge.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import (
    box_annotations,
    folder_discovery,
    m3fd_class_order,
    sequences,
    splits,
)
from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.split_builder import list_input_paths

VERSION = 1
TITLE = "M3FD"
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
FOLDER_TREES = ("Ir/ Vis/ Annotation/*.xml (official)", "ir/ vi/ labels/*.txt (TarDAL)")
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule.
        class_order: Only for txt labels: name of an order of `fusebench.data.m3fd_class_order`, or
            the six class names in the order of their ids. None: recognized from the labels.
        scenarios: Scenario file (see `fusebench.data.sequences`), below ``folder`` or absolute.
            None: ``meta/scenario.json`` if it exists.
        unlabeled_images: ``background``: an image without a label file has no objects, as in
            ultralytics. ``refuse``: it is an error, because the file can be missing.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("m3fd")
    split: splits.SplitRule = splits.BlockRule()
    class_order: Literal["A", "B", "C", "D", "E"] | tuple[str, ...] | None = None
    scenarios: Path | None = None
    unlabeled_images: Literal["refuse", "background"] = "refuse"
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    if options.infrared_scaling is not None:
        return []  # the scaled images lie elsewhere
    return list_input_paths(root, options.folder, options.split, options.scenarios)


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner, or the class order of text
            labels is not certain.
    """
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, alternative=ALTERNATIVE_COMMAND
    )
    files = folder_discovery.find_pairs(folder, FOLDER_TREES)
    keys = [key for key, _, _ in files]
    labels, extension = (
        folder_discovery.find_label_files(
            folder, keys, FOLDER_TREES, may_lack_labels=options.unlabeled_images == "background"
        )
        if folder_discovery.has_label_folder(folder)
        else ({}, "")
    )
    class_order = m3fd_class_order.ClassOrder(())
    if extension == ".txt":
        class_order = m3fd_class_order.resolve_class_order(labels, options.class_order)

    def read_boxes(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in labels:
            return label_notes.UNLABELED_IMAGE
        if extension == ".xml":
            return box_annotations.read_voc_labels(labels[key], CLASSES, size)
        return box_annotations.read_yolo_labels(labels[key], class_order.indices, size)

    return DatasetIndex(
        "m3fd",
        folder,
        CLASSES,
        files,
        options.split,
        read_boxes if labels else None,
        tuple(class_order.indices),
        conditions_and_sequences=sequences.load_scenarios(folder, options.scenarios, keys),
        notes=class_order.notes,
        infrared_scaling=options.infrared_scaling,
    )
