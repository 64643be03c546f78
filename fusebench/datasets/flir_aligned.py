"""FLIR-aligned: 5142 pairs of FLIR's thermal data set, aligned by hand; person, bicycle, car.

Source of the images: Teledyne FLIR, free ADAS thermal data set, version 1 (2018). Aligned by Zhang
et al., "Multispectral fusion for object detection with cyclic fuse-and-refine blocks", ICIP 2020:
4129 pairs for training and 1013 for validation (the authors' post says 4128), 640 x 512 pixels.
The labels were drawn for the thermal images; alignment is approximate.

Supported folder structures, in any case:

    JPEGImages/FLIR_*_{RGB,PreviewData}.* Annotations/FLIR_*_PreviewData.xml
        align_train.txt align_validation.txt                              the aligned release
    images_{rgb,thermal}_{train,test}/data/ meta/thermal/flir_{train,test}.json
        [meta/thermal/{day,night}_flir_{train,test}.json]                 as RGBXFusion ships it

The key of a pair is what the names share, e.g. ``FLIR_00097``. The lists, or the folders, are the
official split; validation is the test part. Conditions are those of the day and night files.

Traps: the paper has three classes, but a few files also label dogs, which are left out. Bicycles
are ``bicycle`` in XML and ``bike`` in JSON. The JSON boxes begin one pixel before those of the XML
files, because the conversion subtracted one from the left and top edge. YOLO copies have different
orders of the classes: describe them with the data set ``pairs``, which reads their list of names.
"""

from dataclasses import replace
from pathlib import Path

from fusebench.data.box_labels import coco_labels
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.matching.keys import remove_folders_and_extension
from fusebench.data.published.named_dataset import NamedDataset, NamedOptions
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.splits import ListRule
from fusebench.data.trees.label_options import LABEL_EXTENSIONS, BoxFiles
from fusebench.data.trees.options import Tree
from fusebench.data.trees.path_template import parse_template

VERSION = 1
TITLE = "FLIR-aligned"
CLASSES = ("person", "bicycle", "car")
CONDITION_FILES = "meta/thermal/{condition}_flir_{split}.json"
TREES = {
    "JPEGImages/ Annotations/ align_train.txt align_validation.txt (the aligned release)": Tree(
        infrared="JPEGImages/{key}_PreviewData",
        visible="JPEGImages/{key}_RGB",
        boxes=BoxFiles(
            format="voc",
            files="Annotations/{key}_PreviewData.xml",
            sensor="infrared",
            rename={"dog": None},
            unmatched_labels="leave_out",
        ),
    ),
    "images_{rgb,thermal}_{train,test}/data/ meta/thermal/*.json (RGBXFusion)": Tree(
        infrared="images_thermal_{split}/data/{key}_PreviewData",
        visible="images_rgb_{split}/data/{key}_RGB",
        boxes=BoxFiles(
            format="coco",
            files="meta/thermal/flir_{split}.json",
            sensor="infrared",
            rename={"bike": "bicycle"},
            unmatched_labels="leave_out",
        ),
    ),
}
LISTS = ListRule(train=Path("align_train.txt"), test=Path("align_validation.txt"))
DATASET = NamedDataset("flir_aligned", TITLE, CLASSES, TREES, official_lists=(LISTS,))


class Options(NamedOptions):
    """Options of this data set in tasks.yaml; see also `NamedOptions`.

    Attributes:
        folder: Below the data folder, or absolute.
    """

    folder: Path = Path("flir_aligned")


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return DATASET.list_input_paths(root, options)


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner.
    """
    index = DATASET.load(root, options)
    return replace(index, conditions_and_sequences=_read_conditions(index.folder))


def _read_conditions(folder: Path) -> dict[str, ConditionAndSequence]:
    """Return the condition of each pair that is in a day or a night file."""
    conditions = {}
    for file in parse_template(CONDITION_FILES, LABEL_EXTENSIONS["coco"]).find(folder):
        condition = ConditionAndSequence(file.values["condition"].lower(), "")
        for image in coco_labels.read_coco_file(Path(file.path)).images:
            name = remove_folders_and_extension(image.file_name)
            conditions[name.removesuffix("_PreviewData")] = condition
    return conditions
