"""MSRS: registered street scenes by day and by night, with boxes of three classes.

Source: Tang et al., "PIAFusion: a progressive infrared and visible image fusion network based on
illumination aware", Information Fusion 83-84, 2022; boxes by a third party (MSRS-detection-label),
drawn for fused images.

Understood tree, in any mixture of upper and lower case:

    ir/ vi/ labels/*.txt [splits/{train,test}.txt]

Ids are frame numbers followed by D (day) or N (night); neighbours are the same drive.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench import annotations, layout, scenarios, splits
from bench.assembly import Found, assemble, check_name
from bench.boxes import Boxes
from bench.errors import BenchError
from bench.pairs import Split

VERSION = 1
TITLE = "MSRS"
CLASSES = ("person", "bicycle", "car")
TREES = ("ir/ vi/ labels/*.txt",)
INSTEAD = "python -m detection.run --scenes"
SCENES = {"D": "day", "N": "night"}
LISTS = splits.Lists(train=Path("splits/train.txt"), test=Path("splits/test.txt"))


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided; ``official`` is ``splits/{train,test}.txt``.
        scenarios: A file in the form of `bench.scenarios`; without it (and without
            ``meta/scenario.json``) the letter in the file name says day or night.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("msrs")
    split: splits.Rule = splits.Official()
    scenarios: Path | None = None


OPTIONS = Options()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all`` with their true boxes.

    Raises:
        DataAbsent: If the data set is not there.
        BenchError: If a file is missing, broken, or contradicts its partner.
    """
    check_name(split)
    folder = layout.locate(root, options.folder, title=TITLE, trees=TREES, instead=INSTEAD)
    files = layout.pairs(folder, TREES)
    keys = [key for key, _, _ in files]
    labels, ending = layout.labels(folder, keys, TREES)
    if ending != ".txt":
        raise BenchError(f"{folder}: labels are {ending} files; expected {TREES[0]}")

    def boxes(key: str, size: tuple[int, int]) -> Boxes:
        return annotations.read_yolo(labels[key], range(len(CLASSES)), size)

    named = {k: scenarios.Scene(SCENES[k[-1]], "") for k in keys if k[-1] in SCENES}
    scenes = named | scenarios.find(folder, options.scenarios, keys)
    found = Found("msrs", folder, CLASSES, files, boxes, official=_official(folder), scenes=scenes)
    return assemble(found, split, options.split)


def _official(folder: Path) -> splits.Parts | None:
    there = (folder / LISTS.train).is_file() and (folder / LISTS.test).is_file()
    return splits.listed(folder, LISTS) if there else None
