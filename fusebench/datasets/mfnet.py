"""MFNet: 1569 pairs of street scenes, 820 by day and 749 by night, with label maps of 9 classes.

Source: Ha et al., "MFNet: towards real-time semantic segmentation for autonomous vehicles with
multi-spectral scenes", IROS 2017.

Supported folder structures, in any case:

    images/*.png labels/*.png {train,val,test}.txt            the official release
    seperated_images/*_{rgb,th}.png labels/*.png {...}.txt    GMNet, LASNet, EGFNet
    {rgb,thermal,labels}/*.png {train,val,test}.txt           DELIVER, CMX
    {rgb,ir,seg}/*.png                                        FreeFusion
    {train,test}/{rgb,thermal,labels}/*.png

In the official release each image has four channels, and the alpha channel is the infrared image:
one 8-bit copy per sensor is written below the data folder.

Class 0 is what was not annotated. The authors call it unlabeled; they and their successors train
and score it as a class of its own, so it is called background here. The other classes are named as
in the program that draws MSRS's label maps, which have the same ids.

The last letter of a key is D (day) or N (night). Copies whose name ends in ``_flip`` are mirrored
images, which several loaders train on; they are left out, and so are their rows in the lists. The
official split is train.txt and test.txt (784 and 393 pairs in the literature); the 392 pairs of
val.txt are in neither part.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.published import segmentation_folders
from fusebench.data.published.segmentation_folders import FolderNames, SegmentationFiles
from fusebench.data.published.segmentation_index import index_segmentation_files
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.splitting.input_paths import list_input_paths
from fusebench.data.splitting.leakage import has_neighbors_in_both_parts

VERSION = 1
TITLE = "MFNet"
CLASSES = (
    "background",
    "car",
    "person",
    "bike",
    "curve",
    "car stop",
    "guardrail",
    "color cone",
    "bump",
)
FOLDER_TREES = (
    "images/*.png labels/*.png {train,test}.txt (official)",
    "rgb/ thermal/ labels/ {train,test}.txt",
)
ALTERNATIVE_COMMAND = "python -m segmentation.run --scenes_seg"
FOUR_CHANNEL_FOLDER_NAMES = ("images",)
SEPARATED_FOLDER_NAMES = ("seperated_images", "separated_images")
LABEL_MAP_FOLDER_NAMES = ("labels", "label", "seg", "mask", "masks")
FOLDER_NAMES = FolderNames(
    (*folder_discovery.INFRARED_FOLDER_NAMES, "th", "ther", "modal"),
    folder_discovery.VISIBLE_FOLDER_NAMES,
    LABEL_MAP_FOLDER_NAMES,
)
CONDITIONS = {"D": "day", "N": "night"}
MIRRORED_ENDING = "_flip"


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule; ``official`` is train.txt and test.txt, or the folders train and test.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("mfnet")
    split: splits.SplitRule = splits.OfficialRule()
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    folder = folder_discovery.find_dataset_folder(root, options.folder)
    if folder is None or not _has_sensor_folders(folder):
        return []  # the images that are read are copies, which lie elsewhere
    return list_input_paths(root, options.folder, options.split, options.infrared_scaling)


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and the files of their label maps.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a folder, a partner or a label map is missing.
    """
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, alternative=ALTERNATIVE_COMMAND
    )
    four_channels = _find_four_channel_folder(folder)
    if four_channels is not None:
        labels = folder_discovery.find_subfolder(folder, LABEL_MAP_FOLDER_NAMES)
        files = segmentation_folders.match_label_maps(four_channels, four_channels, labels)
    else:
        files = _find_separate_files(folder)
    files = _leave_out_mirrored(files)
    index = index_segmentation_files("mfnet", folder, CLASSES, files, options.split, _is_mirrored)
    return replace(
        index,
        conditions_and_sequences=find_day_and_night(index.keys),
        infrared_scaling=options.infrared_scaling,
        has_four_channels=four_channels is not None,
        official_split_leaks=has_neighbors_in_both_parts(index.official_split),
    )


def find_day_and_night(keys: Iterable[str]) -> dict[str, ConditionAndSequence]:
    """Return the condition of each key that ends in D (day) or N (night)."""
    return {
        key: ConditionAndSequence(CONDITIONS[key[-1]], "") for key in keys if key[-1] in CONDITIONS
    }


def _has_sensor_folders(folder: Path) -> bool:
    """Return whether the images of each sensor are files of their own, in this very folder."""
    names = (*FOLDER_NAMES.infrared, *SEPARATED_FOLDER_NAMES, *segmentation_folders.PARTS)
    return any(folder_discovery.find_subfolder(folder, (name,)) is not None for name in names)


def _find_four_channel_folder(folder: Path) -> Path | None:
    """Return the folder of images of four channels; None if the sensors have files of their own."""
    if _has_sensor_folders(folder):
        return None
    return folder_discovery.find_subfolder(folder, FOUR_CHANNEL_FOLDER_NAMES)


def _find_separate_files(folder: Path) -> SegmentationFiles:
    separated = folder_discovery.find_subfolder(folder, SEPARATED_FOLDER_NAMES)
    if separated is None:
        return segmentation_folders.find_segmentation_files(folder, FOLDER_NAMES, FOLDER_TREES)
    labels = folder_discovery.find_subfolder(folder, LABEL_MAP_FOLDER_NAMES)
    return segmentation_folders.match_label_maps(
        separated / "{key}_th", separated / "{key}_rgb", labels
    )


def _is_mirrored(key: str) -> bool:
    return key.endswith(MIRRORED_ENDING)


def _leave_out_mirrored(listed: SegmentationFiles) -> SegmentationFiles:
    files = [file for file in listed.files if not _is_mirrored(file[0])]
    count = len(listed.files) - len(files)
    if not count:
        return listed
    label_maps = {key: path for key, path in listed.label_maps.items() if not _is_mirrored(key)}
    parts = listed.official_split and {
        part: [key for key in keys if not _is_mirrored(key)]
        for part, keys in listed.official_split.items()
    }
    note = ("mirrored copies", f"{count} pairs called *{MIRRORED_ENDING} are left out")
    return SegmentationFiles(files, label_maps, parts, (*listed.notes, note))
