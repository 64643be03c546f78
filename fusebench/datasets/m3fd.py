"""M3FD: 4200 registered pairs of streets and campuses with boxes of six classes.

Source: Liu et al., "Target-aware dual adversarial learning and a multi-scenario multi-modality
benchmark to fuse infrared and visible for object detection", CVPR 2022 (TarDAL).

Supported folder structures, in any case:

    Ir/ Vis/ Annotation/*.xml                          the official release, Kaggle
    ir/ vi/ labels/*.txt [meta/scenario.json]          TarDAL's own loader
    images/{vis_train,vis_val,Ir_train,Ir_val} labels/...            DEYOLO
    {visible,infrared}/{train,test}, text labels beside the images or in labels/{train,test}
    images/{visible,infrared}/{train,val} labels/visible/{train,val} YOLOv11-RGBT
    {train,val}/{visible,infrared}/{images,labels}                   YOLOv11-RGBT
    M3FD_4200/{Ir,Vis} beside fused results            IVIF_ZOO's package
    Ir/ Vis/ of 300 pairs without boxes                M3FD_Fusion, the official release

Without a folder of labels the pairs have no boxes: they can be fused and scored. The 300 pairs of
M3FD_Fusion are copies of pairs of the 4200, as a third party reports: do not train on one and test
on the other.

The split was never published. Where train and test are folders, they are the default split; it is
somebody's choice and often random, and the protocol says if neighboring frames are in both parts.
Elsewhere the default rule divides blocks of 100 ids: of 4200 pairs, 3000 are
for training and 1000 for testing. By the conditions that a third party assigned to ranges of ids,
the test part has 20 to 26 % of each of day, overcast, night and challenge.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import (
    folder_discovery,
    m3fd_class_order,
    sequences,
    splits,
)
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.published import box_folders, m3fd_trees
from fusebench.data.splitting.input_paths import list_input_paths

VERSION = 1
TITLE = "M3FD"
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
FOLDER_TREES = ("Ir/ Vis/ Annotation/*.xml (official)", "ir/ vi/ labels/*.txt (TarDAL)")
DEFAULT_RULE = splits.BlockRule()
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule. None: the folders train and test if there are any, else blocks of ids.
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
    split: splits.SplitRule | None = None
    class_order: Literal["A", "B", "C", "D", "E"] | tuple[str, ...] | None = None
    scenarios: Path | None = None
    unlabeled_images: Literal["refuse", "background"] = "refuse"
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return list_input_paths(
        root, options.folder, options.split, options.infrared_scaling, options.scenarios
    )


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
    folder = m3fd_trees.find_release_folder(folder)
    tree = m3fd_trees.find_split_tree(folder)
    if tree is None:
        return _index_single_folders(folder, options)
    index = m3fd_trees.index_split_tree(
        folder,
        tree,
        options.split,
        class_order=options.class_order,
        unlabeled_images=options.unlabeled_images,
        infrared_scaling=options.infrared_scaling,
    )
    scenarios = sequences.load_scenarios(folder, options.scenarios, index.keys)
    return replace(index, conditions_and_sequences=scenarios)


def _index_single_folders(folder: Path, options: Options) -> DatasetIndex:
    """List the pairs of a tree with one folder per sensor."""
    folders = box_folders.find_box_folders(
        folder, FOLDER_TREES, may_lack_labels=options.unlabeled_images == "background"
    )
    class_order = m3fd_class_order.ClassOrder(())
    if folders.extension == ".txt":
        class_order = m3fd_class_order.resolve_class_order(folders.labels, options.class_order)
    return DatasetIndex(
        "m3fd",
        folder,
        CLASSES,
        folders.files,
        options.split or DEFAULT_RULE,
        box_folders.build_reader(folders, CLASSES, class_order.indices),
        tuple(class_order.indices),
        conditions_and_sequences=sequences.load_scenarios(folder, options.scenarios, folders.keys),
        notes=class_order.notes,
        infrared_scaling=options.infrared_scaling,
    )
