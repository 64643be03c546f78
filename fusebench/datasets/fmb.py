"""FMB: 1500 registered street scenes with masks of 14 classes and id 0 for unlabeled pixels.

Source: Liu et al., "Multi-interactive feature learning and a full-time multi-modality benchmark
for image fusion and segmentation", ICCV 2023 (SegMiF).

Understood tree, in any mixture of upper and lower case; ``color`` is not read:

    {train,test}/{Infrared,Visible,Label}/*.png

The folders are the official split (1220 / 280). Whether neighboring ids are neighboring frames is
not documented, so it is not called leaking. Masks are not opened here: `fusebench.data.label_maps.read_label_map`
checks the ids when a mask is read.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, sequences, splits
from fusebench.data.pairs import Split, find_images_by_stem
from fusebench.data.split_builder import DatasetIndex, build_split, check_split_name
from fusebench.errors import UserError

VERSION = 1
TITLE = "FMB"
CLASSES = (
    "unlabelled",
    "road",
    "sidewalk",
    "building",
    "lamp",
    "sign",
    "vegetation",
    "sky",
    "person",
    "car",
    "truck",
    "bus",
    "motorcycle",
    "bicycle",
    "pole",
)
FOLDER_TREES = ("{train,test}/{Infrared,Visible,Label}/*.png",)
ALTERNATIVE_COMMAND = "python -m segmentation.run --scenes_seg"
LABEL_MAP_FOLDER_NAMES = ("label", "labels", "mask", "masks")
SPLIT_FOLDER_NAMES = ("train", "test")


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided; ``official`` keeps the two folders, any other rule
            divides the pairs of both folders anew.
        scenarios: A file in the form of `fusebench.data.sequences`; without it ``meta/scenario.json`` is
            read if it is there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("fmb")
    split: splits.SplitRule = splits.OfficialRule()
    scenarios: Path | None = None


DEFAULT_OPTIONS = Options()


def load(root: Path, split: str, options: Options = DEFAULT_OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all`` with the files of their masks.

    Raises:
        DatasetNotFoundError: If the data set is not there.
        UserError: If a folder or a partner is missing, or a header is broken.
    """
    check_split_name(split)
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, instead=ALTERNATIVE_COMMAND
    )
    if folder_discovery.find_subfolder(
        folder, SPLIT_FOLDER_NAMES[:1]
    ) is None and folder_discovery.find_subfolder(folder, folder_discovery.INFRARED_FOLDER_NAMES):
        raise UserError(
            f"{folder}: images, but no Label folder and no train and test folders; expected "
            f"{FOLDER_TREES[0]}. Images without masks can be fused and scored as data set 'folder'"
        )
    files: list[tuple[str, Path, Path]] = []
    masks: dict[str, Path] = {}
    official: splits.SplitKeys = {}
    for part in SPLIT_FOLDER_NAMES:
        place = folder_discovery.require_subfolder(folder, (part,), f"{part} pairs", FOLDER_TREES)
        some = folder_discovery.find_pairs(place, FOLDER_TREES)
        official[part] = [key for key, _, _ in some]
        files += some
        masks |= _find_label_maps(place, official[part])
    _check_unique_keys(folder, official)
    scenes = sequences.load_scenarios(folder, options.scenarios, list(masks))
    found = DatasetIndex("fmb", folder, CLASSES, sorted(files), None, masks, official, scenes)
    return build_split(found, split, options.split)


def _find_label_maps(place: Path, keys: list[str]) -> dict[str, Path]:
    folder = folder_discovery.require_subfolder(
        place, LABEL_MAP_FOLDER_NAMES, "masks", FOLDER_TREES
    )
    found = find_images_by_stem(folder)
    folder_discovery.check_labels_complete(found, keys, folder)
    return found


def _check_unique_keys(folder: Path, official: splits.SplitKeys) -> None:
    both = sorted(set(official["train"]) & set(official["test"]))
    if both:
        raise UserError(
            f"{folder}: {len(both)} name(s) are in train and in test: {', '.join(both[:3])}; "
            "a key names one pair, so remove one of the two or rename it"
        )
