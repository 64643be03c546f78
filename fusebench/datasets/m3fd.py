"""M3FD: 4200 registered pairs of streets and campuses with boxes of six classes.

Source: Liu et al., "Target-aware dual adversarial learning and a multi-scenario multi-modality
benchmark to fuse infrared and visible for object detection", CVPR 2022 (TarDAL).

Understood trees, in any mixture of upper and lower case:

    Ir/ Vis/ Annotation/*.xml                          the official release
    ir/ vi/ labels/*.txt [meta/scenario.json]          TarDAL's own loader

The split was never published. The default rule cuts blocks of 100 ids: with the conditions that a
third party gave to runs of ids, its test part (1000 of 4200; 3000 train) holds 20 to 26 % of day,
overcast, night and challenge each.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import box_annotations, folder_discovery, m3fd_class_order, sequences, splits
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.data.split_builder import DatasetIndex, build_split, check_split_name

VERSION = 1
TITLE = "M3FD"
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
FOLDER_TREES = ("Ir/ Vis/ Annotation/*.xml (official)", "ir/ vi/ labels/*.txt (TarDAL)")
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided.
        class_order: Only for txt labels: an order of `fusebench.data.m3fd_class_order`, or the six names in the
            order of their ids. Recognised from the labels if it can be.
        scenarios: A file in the form of `fusebench.data.sequences`, below the folder or absolute; without
            it ``meta/scenario.json`` is read if it is there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("m3fd")
    split: splits.SplitRule = splits.BlockRule()
    class_order: Literal["A", "B", "C", "D", "E"] | tuple[str, ...] | None = None
    scenarios: Path | None = None


DEFAULT_OPTIONS = Options()


def load(root: Path, split: str, options: Options = DEFAULT_OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all`` with their true boxes.

    Raises:
        DatasetNotFoundError: If the data set is not there.
        UserError: If a file is missing, broken, or contradicts its partner.
    """
    check_split_name(split)
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, instead=ALTERNATIVE_COMMAND
    )
    files = folder_discovery.find_pairs(folder, FOLDER_TREES)
    keys = [key for key, _, _ in files]
    labels, ending = folder_discovery.find_label_files(folder, keys, FOLDER_TREES)

    def boxes(key: str, size: tuple[int, int]) -> Boxes:
        if ending == ".xml":
            return box_annotations.read_voc_labels(labels[key], CLASSES, size)
        return box_annotations.read_yolo_labels(labels[key], order, size)

    order = (
        m3fd_class_order.resolve_class_order(labels, options.class_order)
        if ending == ".txt"
        else ()
    )
    scenes = sequences.load_scenarios(folder, options.scenarios, keys)
    found = DatasetIndex("m3fd", folder, CLASSES, files, boxes, conditions_and_sequences=scenes)
    return build_split(found, split, options.split)
