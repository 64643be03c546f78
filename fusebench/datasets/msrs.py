"""MSRS: registered street scenes by day and by night, with boxes of three classes.

Source: Tang et al., "PIAFusion: a progressive infrared and visible image fusion network based on
illumination aware", Information Fusion 83-84, 2022; boxes by a third party (MSRS-detection-label),
drawn for fused images.

Understood tree, in any mixture of upper and lower case:

    ir/ vi/ labels/*.txt [splits/{train,test}.txt]

Ids are frame numbers followed by D (day) or N (night); neighbors are the same drive.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import box_annotations, folder_discovery, sequences, splits
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.data.split_builder import DatasetIndex, build_split, check_split_name
from fusebench.errors import UserError

VERSION = 1
TITLE = "MSRS"
CLASSES = ("person", "bicycle", "car")
FOLDER_TREES = ("ir/ vi/ labels/*.txt",)
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"
CONDITIONS = {"D": "day", "N": "night"}
OFFICIAL_LISTS = splits.ListRule(train=Path("splits/train.txt"), test=Path("splits/test.txt"))


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided; ``official`` is ``splits/{train,test}.txt``.
        scenarios: A file in the form of `fusebench.data.sequences`; without it (and without
            ``meta/scenario.json``) the letter in the file name says day or night.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("msrs")
    split: splits.SplitRule = splits.OfficialRule()
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
    if ending != ".txt":
        raise UserError(f"{folder}: labels are {ending} files; expected {FOLDER_TREES[0]}")

    def boxes(key: str, size: tuple[int, int]) -> Boxes:
        return box_annotations.read_yolo_labels(labels[key], range(len(CLASSES)), size)

    named = {
        k: sequences.ConditionAndSequence(CONDITIONS[k[-1]], "")
        for k in keys
        if k[-1] in CONDITIONS
    }
    scenes = named | sequences.load_scenarios(folder, options.scenarios, keys)
    found = DatasetIndex(
        "msrs",
        folder,
        CLASSES,
        files,
        boxes,
        official_split=_read_official_split(folder),
        conditions_and_sequences=scenes,
    )
    return build_split(found, split, options.split)


def _read_official_split(folder: Path) -> splits.SplitKeys | None:
    there = (folder / OFFICIAL_LISTS.train).is_file() and (folder / OFFICIAL_LISTS.test).is_file()
    return splits.read_split_lists(folder, OFFICIAL_LISTS) if there else None
