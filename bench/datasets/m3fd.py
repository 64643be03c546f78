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

from bench import annotations, class_order, layout, scenarios, splits
from bench.assembly import Found, assemble, check_name
from bench.boxes import Boxes
from bench.pairs import Split

VERSION = 1
TITLE = "M3FD"
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
TREES = ("Ir/ Vis/ Annotation/*.xml (official)", "ir/ vi/ labels/*.txt (TarDAL)")
INSTEAD = "python -m detection.run --scenes"


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided.
        class_order: Only for txt labels: an order of `bench.class_order`, or the six names in the
            order of their ids. Recognised from the labels if it can be.
        scenarios: A file in the form of `bench.scenarios`, below the folder or absolute; without
            it ``meta/scenario.json`` is read if it is there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("m3fd")
    split: splits.Rule = splits.Blocks()
    class_order: Literal["A", "B", "C", "D", "E"] | tuple[str, ...] | None = None
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

    def boxes(key: str, size: tuple[int, int]) -> Boxes:
        if ending == ".xml":
            return annotations.read_voc(labels[key], CLASSES, size)
        return annotations.read_yolo(labels[key], order, size)

    order = class_order.find(labels, options.class_order) if ending == ".txt" else ()
    scenes = scenarios.find(folder, options.scenarios, keys)
    found = Found("m3fd", folder, CLASSES, files, boxes, scenes=scenes)
    return assemble(found, split, options.split)
