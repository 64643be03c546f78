"""MSRS: street scenes by day and by night, with boxes of 3 classes or label maps of 9 classes.

Source: Tang et al., "PIAFusion: a progressive infrared and visible image fusion network based on
illumination aware", Information Fusion 83-84, 2022; github.com/Linfeng-Tang/MSRS. The boxes are by
a third party (MSRS-detection-label), who annotated fused images. The pairs are MFNet's with an
enhanced infrared image, and so are the label maps.

Supported folder structures, in any case:

    labels: boxes        ir/ vi/ labels/*.txt [splits/{train,test}.txt]
                         detection/{ir,vi,labels}               the repository as it is cloned
    labels: label_maps   {train,test}/{ir,vi,Segmentation_labels}   the repository
                         {Infrared,Visible,Label}/{train,test}/MSRS SegMiF
                         {Infrared,Visible,Label} split/{train,test}.txt

Without a folder of labels the pairs have no labels: they can be fused and scored.

Class ids of boxes are in the order of `CLASSES`, or of ``classes.txt`` or ``data.yaml`` beside the
labels; those of label maps are MFNet's, as in the repository's visualize.py. The repository's
folders are the official split of the label maps, 1083 / 361 pairs. About every fourth frame is a
test image: neighboring frames are in both parts, which the protocol says.

Keys are frame numbers followed by D (day) or N (night); neighboring ones belong to one sequence.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, sequences, splits
from fusebench.data.box_labels import class_list
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.published import box_folders, segmentation_folders
from fusebench.data.published.segmentation_folders import FolderNames
from fusebench.data.published.segmentation_index import index_segmentation_files
from fusebench.data.splitting import split_lists
from fusebench.data.splitting.input_paths import list_input_paths
from fusebench.data.splitting.leakage import has_neighbors_in_both_parts
from fusebench.datasets import mfnet
from fusebench.errors import DatasetNotFoundError, UserError

VERSION = 1
TITLE = "MSRS"
CLASSES = ("person", "bicycle", "car")
FOLDER_TREES = ("ir/ vi/ labels/*.txt", "detection/{ir,vi,labels} (the repository)")
DETECTION_FOLDER_NAMES = ("detection",)  # of the repository: the pairs that have boxes
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"
SEGMENTATION_ALTERNATIVE = "python -m segmentation.run --scenes_seg"
LABEL_MAP_TREES = ("{train,test}/{ir,vi,Segmentation_labels}/*.png (the repository)",)
LABEL_MAP_FOLDERS = FolderNames(
    folder_discovery.INFRARED_FOLDER_NAMES,
    folder_discovery.VISIBLE_FOLDER_NAMES,
    ("segmentation_labels", "label", "labels"),
)
OFFICIAL_LISTS = splits.ListRule(train=Path("splits/train.txt"), test=Path("splits/test.txt"))


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        labels: ``boxes``, or ``label_maps`` for segmentation and for the fusion metrics of the
            repository's pairs.
        split: Split rule; ``official`` is ``splits/{train,test}.txt`` for boxes, and the folders
            train and test for label maps.
        scenarios: Scenario file (see `fusebench.data.sequences`), below ``folder`` or absolute.
            None: ``meta/scenario.json`` if it exists. A pair that is not in it has the condition
            of the letter in its file name.
        unlabeled_images: ``background``: an image without a label file has no objects, as in
            ultralytics. ``refuse``: it is an error, because the file can be missing.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("msrs")
    labels: Literal["boxes", "label_maps"] = "boxes"
    split: splits.SplitRule = splits.OfficialRule()
    scenarios: Path | None = None
    unlabeled_images: Literal["refuse", "background"] = "refuse"
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def get_classes(root: Path, options: Options = DEFAULT_OPTIONS) -> tuple[str, ...]:
    """Return the class names of the boxes, or of the label maps."""
    return CLASSES if options.labels == "boxes" else mfnet.CLASSES


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return list_input_paths(
        root, options.folder, options.split, options.infrared_scaling, options.scenarios
    )


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner.
    """
    has_boxes = options.labels == "boxes"
    folder = folder_discovery.locate_dataset(
        root,
        options.folder,
        title=TITLE,
        trees=FOLDER_TREES if has_boxes else LABEL_MAP_TREES,
        alternative=ALTERNATIVE_COMMAND if has_boxes else SEGMENTATION_ALTERNATIVE,
    )
    return _index_boxes(folder, options) if has_boxes else _index_label_maps(folder, options)


def _index_label_maps(folder: Path, options: Options) -> DatasetIndex:
    labels = folder_discovery.find_subfolder(folder, LABEL_MAP_FOLDERS.label_maps)
    if labels is not None and any(path.suffix.lower() == ".txt" for path in labels.iterdir()):
        raise DatasetNotFoundError(
            f"{folder} is MSRS with boxes; label maps were expected as {LABEL_MAP_TREES[0]}",
            SEGMENTATION_ALTERNATIVE,
        )
    files = segmentation_folders.find_segmentation_files(folder, LABEL_MAP_FOLDERS, LABEL_MAP_TREES)
    index = index_segmentation_files("msrs", folder, mfnet.CLASSES, files, options.split)
    return replace(
        index,
        conditions_and_sequences=_find_conditions(folder, options.scenarios, index.keys),
        infrared_scaling=options.infrared_scaling,
        official_split_leaks=has_neighbors_in_both_parts(index.official_split),
    )


def _index_boxes(folder: Path, options: Options) -> DatasetIndex:
    infrared = folder_discovery.find_subfolder(folder, folder_discovery.INFRARED_FOLDER_NAMES)
    detection = folder_discovery.find_subfolder(folder, DETECTION_FOLDER_NAMES)
    if infrared is None and detection is None and _has_folder_of_part(folder):
        raise DatasetNotFoundError(
            f"{folder} is MSRS with label maps; boxes were expected as "
            f"{' or '.join(FOLDER_TREES)}. To read the label maps, set "
            "data: {labels: label_maps}",
            ALTERNATIVE_COMMAND,
        )
    is_repository = infrared is None and detection is not None
    if infrared is None and detection is not None:
        folder = detection
    folders = box_folders.find_box_folders(
        folder, FOLDER_TREES, may_lack_labels=options.unlabeled_images == "background"
    )
    if folders.extension == ".xml":
        raise UserError(f"{folder}: labels are .xml files; expected {FOLDER_TREES[0]}")
    listed = None
    if folders.labels:
        label_folder = Path(next(iter(folders.labels.values()))).parent
        listed = class_list.read_class_list(label_folder, CLASSES)
    class_order = tuple(range(len(CLASSES)) if listed is None else listed)
    return DatasetIndex(
        "msrs",
        folder,
        CLASSES,
        folders.files,
        options.split,
        box_folders.build_reader(folders, CLASSES, class_order),
        class_order,
        official_split=_read_official_split(folder, folders.keys),
        conditions_and_sequences=_find_conditions(folder, options.scenarios, folders.keys),
        official_split_hint=_describe_missing_lists(folder, is_repository),
        infrared_scaling=options.infrared_scaling,
    )


def _has_folder_of_part(folder: Path) -> bool:
    parts = segmentation_folders.PARTS
    return any(folder_discovery.find_subfolder(folder, (part,)) is not None for part in parts)


def _find_conditions(
    folder: Path, scenarios: Path | None, keys: Sequence[str]
) -> dict[str, sequences.ConditionAndSequence]:
    """Return condition and sequence per key: of the scenario file, else the letter in its name."""
    return mfnet.find_day_and_night(keys) | sequences.load_scenarios(folder, scenarios, keys)


def _describe_missing_lists(folder: Path, is_repository: bool) -> str:
    lists = f": {folder} has no {OFFICIAL_LISTS.train} and {OFFICIAL_LISTS.test}"
    if not is_repository:
        return lists
    return (
        f"{lists} (to fuse and score the repository's train/ and test/, which have no boxes, set "
        "data: {labels: label_maps})"
    )


def _read_official_split(folder: Path, keys: Sequence[str]) -> splits.SplitKeys | None:
    if split_lists.find_lists(folder, (OFFICIAL_LISTS,)) is None:
        return None
    return split_lists.read_split_lists(folder, OFFICIAL_LISTS, keys)
