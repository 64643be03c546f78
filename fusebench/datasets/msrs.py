"""MSRS: registered pairs of street scenes by day and by night, with boxes of three classes.

Source: Tang et al., "PIAFusion: a progressive infrared and visible image fusion network based on
illumination aware", Information Fusion 83-84, 2022. The boxes are by a third party
(MSRS-detection-label), who annotated fused images.

Supported folder structure, in any case:

    ir/ vi/ labels/*.txt [splits/{train,test}.txt]

Ids are frame numbers followed by D (day) or N (night); neighboring ids belong to one sequence.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import box_annotations, folder_discovery, sequences, splits
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.data.split_builder import (
    DatasetIndex,
    PairReadings,
    build_split,
    check_split_name,
    list_input_paths,
)
from fusebench.errors import UserError

VERSION = 1
TITLE = "MSRS"
CLASSES = ("person", "bicycle", "car")
FOLDER_TREES = ("ir/ vi/ labels/*.txt",)
ALTERNATIVE_COMMAND = "python -m detection.run --scenes"
CONDITIONS = {"D": "day", "N": "night"}
OFFICIAL_LISTS = splits.ListRule(train=Path("splits/train.txt"), test=Path("splits/test.txt"))


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule; ``official`` is ``splits/{train,test}.txt``.
        scenarios: Scenario file (see `fusebench.data.sequences`), below ``folder`` or absolute.
            None: ``meta/scenario.json`` if it exists. A pair that is not in it has the condition
            of the letter in its file name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("msrs")
    split: splits.SplitRule = splits.OfficialRule()
    scenarios: Path | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns."""
    return list_input_paths(root, options.folder, options.split, options.scenarios)


def load(
    root: Path,
    split: str,
    options: Options = DEFAULT_OPTIONS,
    readings: PairReadings | None = None,
) -> Split:
    """Load the pairs of ``train``, ``test`` or ``all`` with their ground-truth boxes.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing, broken, or does not match its partner.
    """
    check_split_name(split)
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, alternative=ALTERNATIVE_COMMAND
    )
    files = folder_discovery.find_pairs(folder, FOLDER_TREES)
    keys = [key for key, _, _ in files]
    labels, extension = folder_discovery.find_label_files(folder, keys, FOLDER_TREES)
    if extension != ".txt":
        raise UserError(f"{folder}: labels are {extension} files; expected {FOLDER_TREES[0]}")

    def read_boxes(key: str, size: tuple[int, int]) -> Boxes:
        return box_annotations.read_yolo_labels(labels[key], range(len(CLASSES)), size)

    from_names = {
        key: sequences.ConditionAndSequence(CONDITIONS[key[-1]], "")
        for key in keys
        if key[-1] in CONDITIONS
    }
    from_file = sequences.load_scenarios(folder, options.scenarios, keys)
    index = DatasetIndex(
        "msrs",
        folder,
        CLASSES,
        files,
        read_boxes,
        official_split=_read_official_split(folder),
        conditions_and_sequences=from_names | from_file,
    )
    return build_split(index, split, options.split, readings)


def _read_official_split(folder: Path) -> splits.SplitKeys | None:
    paths = (folder / OFFICIAL_LISTS.train, folder / OFFICIAL_LISTS.test)
    if not all(path.is_file() for path in paths):
        return None
    return splits.read_split_lists(folder, OFFICIAL_LISTS)
