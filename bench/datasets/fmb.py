"""FMB: 1500 registered street scenes with masks of 14 classes and id 0 for unlabelled pixels.

Source: Liu et al., "Multi-interactive feature learning and a full-time multi-modality benchmark
for image fusion and segmentation", ICCV 2023 (SegMiF).

Understood tree, in any mixture of upper and lower case; ``color`` is not read:

    {train,test}/{Infrared,Visible,Label}/*.png

The folders are the official split (1220 / 280). Whether neighbouring ids are neighbouring frames is
not documented, so it is not called leaking. Masks are not opened here: `bench.masks.read_mask`
checks the ids when a mask is read.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench import layout, scenarios, splits
from bench.assembly import Found, assemble, check_name
from bench.errors import BenchError
from bench.pairs import Split, images_by_stem

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
TREES = ("{train,test}/{Infrared,Visible,Label}/*.png",)
INSTEAD = "python -m segmentation.run --scenes_seg"
MASKS = ("label", "labels", "mask", "masks")
PARTS = ("train", "test")


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        folder: Below the data folder, or absolute.
        split: How train and test are divided; ``official`` keeps the two folders, any other rule
            divides the pairs of both folders anew.
        scenarios: A file in the form of `bench.scenarios`; without it ``meta/scenario.json`` is
            read if it is there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("fmb")
    split: splits.Rule = splits.Official()
    scenarios: Path | None = None


OPTIONS = Options()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all`` with the files of their masks.

    Raises:
        DataAbsent: If the data set is not there.
        BenchError: If a folder or a partner is missing, or a header is broken.
    """
    check_name(split)
    folder = layout.locate(root, options.folder, title=TITLE, trees=TREES, instead=INSTEAD)
    if layout.child(folder, PARTS[:1]) is None and layout.child(folder, layout.INFRARED):
        raise BenchError(
            f"{folder}: images, but no Label folder and no train and test folders; expected "
            f"{TREES[0]}. Images without masks can be fused and scored as data set 'folder'"
        )
    files: list[tuple[str, Path, Path]] = []
    masks: dict[str, Path] = {}
    official: splits.Parts = {}
    for part in PARTS:
        place = layout.needed(folder, (part,), f"{part} pairs", TREES)
        some = layout.pairs(place, TREES)
        official[part] = [key for key, _, _ in some]
        files += some
        masks |= _masks(place, official[part])
    _refuse_doubles(folder, official)
    scenes = scenarios.find(folder, options.scenarios, list(masks))
    found = Found("fmb", folder, CLASSES, sorted(files), None, masks, official, scenes)
    return assemble(found, split, options.split)


def _masks(place: Path, keys: list[str]) -> dict[str, Path]:
    folder = layout.needed(place, MASKS, "masks", TREES)
    found = images_by_stem(folder)
    layout.complete(found, keys, folder)
    return found


def _refuse_doubles(folder: Path, official: splits.Parts) -> None:
    both = sorted(set(official["train"]) & set(official["test"]))
    if both:
        raise BenchError(
            f"{folder}: {len(both)} name(s) are in train and in test: {', '.join(both[:3])}; "
            "a key names one pair, so remove one of the two or rename it"
        )
