"""LLVIP: 15,488 registered pairs of streets, mostly at night, with boxes of one class, person.

Source: Jia et al., "LLVIP: a visible-infrared paired dataset for low-light vision", ICCV workshops
2021. Its README states 12,025 pairs for training with 33,648 persons and 3463 for testing with
7931, of 1280 x 1024 pixels. Both images of a pair share their labels.

Supported folder structures, in any case:

    infrared/{train,test}/ visible/{train,test}/ Annotations/*.xml        the official release
    infrared/{train,test}/ visible/{train,test}/ labels/{train,test}/*.txt
    {train,val}_imgs/{ir_imgs,vis_imgs}/ annotations/{train,val}.json     as DAMSDet ships it
    images/{infrared,visible}/{train,val}/ labels/{infrared,visible}/{train,val}/*.txt

The folders are the official split. The first two of the six digits of a name are read as its
sequence, so that a number in both parts is reported as leakage. That they are the number of the
scene is not documented, and neither is which scenes are by day (2 of 26): no pair has a condition.

Known issue: persons at the edges of test images are labeled in some images and not in others
(issue 19 of the authors' repository); corrected labels are in circulation without a version. The
hash of the labels under a table says whether two tables used the same ones.
"""

import re
from pathlib import Path

from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.published.named_dataset import NamedDataset, NamedOptions
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.trees.label_options import BoxFiles, Sensor, SensorFiles
from fusebench.data.trees.options import Tree

VERSION = 1
TITLE = "LLVIP"
CLASSES = ("person",)
KEY = re.compile(r"(\d\d)\d{4}")

TREES = {
    "infrared/{train,test}/ visible/{train,test}/ Annotations/*.xml (official)": Tree(
        infrared="infrared/{split}",
        visible="visible/{split}",
        boxes=BoxFiles(format="voc", files="Annotations/{key}.xml", unmatched_labels="leave_out"),
    ),
    "the same images and labels/{train,test}/*.txt": Tree(
        infrared="infrared/{split}",
        visible="visible/{split}",
        boxes=BoxFiles(format="yolo", files="labels/{split}/{key}.txt"),
    ),
    "{train,val}_imgs/{ir_imgs,vis_imgs}/ annotations/{train,val}.json (DAMSDet)": Tree(
        infrared="{split}_imgs/ir_imgs",
        visible="{split}_imgs/vis_imgs",
        boxes=BoxFiles(
            format="coco", files="annotations/{split}.json", unmatched_labels="leave_out"
        ),
    ),
    "images/{infrared,visible}/{train,val}/ labels/{infrared,visible}/{train,val}/*.txt": Tree(
        infrared="images/infrared/{split}",
        visible="images/visible/{split}",
        boxes=BoxFiles(
            format="yolo",
            files=SensorFiles(
                infrared="labels/infrared/{split}/{key}.txt",
                visible="labels/visible/{split}/{key}.txt",
            ),
            sensor="infrared",
        ),
    ),
}


class Options(NamedOptions):
    """Options of this data set in tasks.yaml; see also `NamedOptions`.

    Attributes:
        folder: Below the data folder, or absolute.
        sensor: Whose labels are used, where each sensor has its own folder of them.
    """

    folder: Path = Path("llvip")
    sensor: Sensor = "infrared"


DEFAULT_OPTIONS = Options()


def describe_key(key: str) -> ConditionAndSequence | None:
    """Return the sequence of a pair: the first two of six digits."""
    match = KEY.fullmatch(key)
    return None if match is None else ConditionAndSequence(None, match[1])


DATASET = NamedDataset("llvip", TITLE, CLASSES, TREES, describe_key=describe_key)


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return DATASET.list_input_paths(root, options)


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner.
    """
    return DATASET.load(root, options, options.sensor)
