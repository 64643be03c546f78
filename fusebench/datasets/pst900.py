"""PST900: 894 pairs of tunnels and caves, 1280 x 720, with label maps of 4 kinds of objects.

Source: Shivakumar et al., "PST900: RGB-thermal calibration, dataset and segmentation network",
ICRA 2020 (arXiv 2019); github.com/ShreyasSkandanS/pst900_thermal_rgb.

Supported folder structures, in any case:

    {train,test}/{rgb,thermal,thermal_raw,labels}/*.png    the official release
    {rgb,thermal,labels}/*.png {train,test}.txt            LASNet, FACENet

The folders are the official split. The release is counted as 606 / 288 pairs by its authors and as
597 / 288 by others; what is there is read.

``thermal`` is the camera's own 8-bit image, ``thermal_raw`` has 16 bits and needs
``infrared_scaling``. Pixels that the thermal camera does not see are 0 in both; they are not
filled (the authors' network fills them).

The class ids are those of the authors' evaluation (pst_inference.py): 1 fire extinguisher, 2
backpack, 3 hand drill, 4 survivor. The tables of most papers, and the class lists of some loaders
(SARTM), have the order hand drill, backpack, fire extinguisher, survivor: a list of names in that
order swaps fire extinguisher and hand drill without any error.

A key is e.g. ``31_bag1a_rect_rgb_frame0000000007``; the text before ``_rect`` is the recording.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.published.segmentation_folders import FolderNames, find_segmentation_files
from fusebench.data.published.segmentation_index import index_segmentation_files
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.splitting.input_paths import list_input_paths

VERSION = 1
TITLE = "PST900"
CLASSES = ("background", "fire extinguisher", "backpack", "hand drill", "survivor")
FOLDER_TREES = (
    "{train,test}/{rgb,thermal,labels}/*.png (official)",
    "rgb/ thermal/ labels/ {train,test}.txt",
)
ALTERNATIVE_COMMAND = "python -m segmentation.run --scenes_seg"
RECORDING = re.compile(r"(.+?)_rect.*")  # of a key


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule; ``official`` is the folders train and test, or the lists.
        infrared: Folder of the infrared images: ``thermal`` (8 bits) or ``thermal_raw`` (16 bits).
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("pst900")
    split: splits.SplitRule = splits.OfficialRule()
    infrared: Literal["thermal", "thermal_raw"] = "thermal"
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
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
    names = FolderNames((options.infrared,), ("rgb",), ("labels", "label"))
    files = find_segmentation_files(folder, names, FOLDER_TREES)
    index = index_segmentation_files("pst900", folder, CLASSES, files, options.split)
    return replace(
        index,
        conditions_and_sequences=_find_recordings(index.keys),
        infrared_scaling=options.infrared_scaling,
    )


def _find_recordings(keys: Iterable[str]) -> dict[str, ConditionAndSequence]:
    """Return the recording of each key that names one."""
    matches = {key: RECORDING.fullmatch(key) for key in keys}
    return {key: ConditionAndSequence(None, match[1]) for key, match in matches.items() if match}
