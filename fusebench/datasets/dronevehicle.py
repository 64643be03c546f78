"""DroneVehicle: 28,439 pairs from drones, by day and night, with oriented boxes of five classes.

Source: Sun et al., "Drone-based RGB-infrared cross-modality vehicle detection via
uncertainty-aware learning", IEEE Transactions on Circuits and Systems for Video Technology 32(10),
2022. Its README counts the boxes of each sensor: car 389,779 (visible) and 428,086 (infrared),
truck 22,123 and 25,960, bus 15,333 and 16,590, van 11,935 and 12,708, freight car 13,400 and
17,173.

Supported folder structure, in any case, with the labels of the visible images in ``*label`` and
those of the infrared ones in ``*labelr``:

    {train,val,test}/{train,val,test}{img,imgr}/*.jpg {train,val,test}/{...}{label,labelr}/*.xml

Oriented boxes are read as the upright boxes around them, which are larger than the vehicles:
scores are not those of oriented detectors. Objects without a box in the image are left out.

Each sensor has labels of its own. Those of the infrared images are the default: in visible images
at night vehicles that cannot be seen are not labeled (issues 47 and 48 of the authors' repository).

Names of classes in the files vary: ``feright car``, ``feright_car`` and ``feright`` are freight
cars, ``truvk`` is a truck; ``*`` is no class and left out. Day and night are not labeled. Images
are 840 x 712 with a white border of 100 pixels; labels count from the corner of the border, so that
cropped images need cropped labels. The release has labels without images (issue 49), which are not
read.
"""

from pathlib import Path
from typing import Literal

from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.published.named_dataset import NamedDataset, NamedOptions
from fusebench.data.trees.label_options import BoxFiles, Sensor, SensorFiles
from fusebench.data.trees.options import SplitFolders, Tree

VERSION = 1
TITLE = "DroneVehicle"
CLASSES = ("car", "truck", "bus", "van", "freight car")
NAMES_IN_FILES: dict[str, str | None] = {
    "feright car": "freight car",
    "feright_car": "freight car",
    "freight_car": "freight car",
    "feright": "freight car",
    "truvk": "truck",
    "*": None,
}
FOLDERS = "{train,val,test}/{train,val,test}{img,imgr,label,labelr}"


def _build_tree(test_folder: str) -> Tree:
    return Tree(
        infrared="{split}/{split}imgr",
        visible="{split}/{split}img",
        key="{split}_{key}",  # numbers begin anew in each folder
        boxes=BoxFiles(
            format="voc",
            files=SensorFiles(
                infrared="{split}/{split}labelr/{key}.xml",
                visible="{split}/{split}label/{key}.xml",
            ),
            sensor="infrared",
            rename=NAMES_IN_FILES,
            oriented_boxes="upright_hulls",
            unmatched_labels="leave_out",
        ),
        split_folders=SplitFolders(test=(test_folder,)),
    )


class Options(NamedOptions):
    """Options of this data set in tasks.yaml; see also `NamedOptions`.

    Attributes:
        folder: Below the data folder, or absolute.
        sensor: Whose labels are used.
        test_folder: The folder that is tested; the other one is not used.
    """

    folder: Path = Path("dronevehicle")
    sensor: Sensor = "infrared"
    test_folder: Literal["test", "val"] = "test"


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return _get_dataset(options).list_input_paths(root, options)


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner.
    """
    return _get_dataset(options).load(root, options, options.sensor)


def _get_dataset(options: Options) -> NamedDataset:
    trees = {FOLDERS: _build_tree(options.test_folder)}
    return NamedDataset("dronevehicle", TITLE, CLASSES, trees)
