"""FMB: 1500 registered pairs of street scenes with label maps of 14 classes; id 0 is unlabeled.

Source: Liu et al., "Multi-interactive feature learning and a full-time multi-modality benchmark
for image fusion and segmentation", ICCV 2023 (SegMiF).

Supported folder structures, in any case:

    {train,test}/{Infrared,Visible,Label}/*.png
    {train,test}/{Infrared,Visible,color}/*.png

``color`` holds the same label maps in the colors of `fusebench.data.fmb_palette`. It is read where
there is no ``Label``; the protocol says so.

The folders are the official split (1220 / 280). It is not documented whether neighboring ids are
neighboring frames, so the split is not reported as leaking. Label maps are not opened here:
`fusebench.data.label_maps.read_label_map` checks the ids later.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, sequences, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.matching.image_files import find_images_by_stem
from fusebench.data.published.segmentation_folders import check_unique_keys
from fusebench.data.splitting.input_paths import list_input_paths
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
FOLDER_TREES = ("{train,test}/{Infrared,Visible,Label or color}/*.png",)
ALTERNATIVE_COMMAND = "python -m segmentation.run --scenes_seg"
LABEL_MAP_FOLDER_NAMES = ("label", "labels", "mask", "masks")
COLOR_FOLDER_NAMES = ("color", "colors")
SPLIT_FOLDER_NAMES = ("train", "test")


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule; ``official`` keeps the two folders, any other rule divides the pairs of
            both folders again.
        scenarios: Scenario file (see `fusebench.data.sequences`), below ``folder`` or absolute.
            None: ``meta/scenario.json`` if it exists.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("fmb")
    split: splits.SplitRule = splits.OfficialRule()
    scenarios: Path | None = None
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    return list_input_paths(
        root, options.folder, options.split, options.infrared_scaling, options.scenarios
    )


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and the files of their label maps.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a folder or a partner is missing.
    """
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, alternative=ALTERNATIVE_COMMAND
    )
    if folder_discovery.find_subfolder(
        folder, SPLIT_FOLDER_NAMES[:1]
    ) is None and folder_discovery.find_subfolder(folder, folder_discovery.INFRARED_FOLDER_NAMES):
        raise UserError(
            f"{folder}: images, but no Label folder and no train and test folders; expected "
            f"{FOLDER_TREES[0]}. Images without label maps can be fused and scored as data set "
            "'folder'"
        )
    files: list[tuple[str, str, str]] = []
    label_maps: dict[str, Path] = {}
    official_split: splits.SplitKeys = {}
    for part in SPLIT_FOLDER_NAMES:
        part_folder = folder_discovery.require_subfolder(
            folder, (part,), f"{part} pairs", FOLDER_TREES
        )
        part_files = folder_discovery.find_pairs(part_folder, FOLDER_TREES)
        official_split[part] = [key for key, _, _ in part_files]
        files += part_files
        label_maps |= _find_label_maps(part_folder, official_split[part])
    check_unique_keys(folder, official_split)
    return DatasetIndex(
        "fmb",
        folder,
        CLASSES,
        sorted(files),
        options.split,
        label_maps=label_maps,
        official_split=official_split,
        conditions_and_sequences=sequences.load_scenarios(
            folder, options.scenarios, list(label_maps)
        ),
        notes=_describe_colored_label_maps(label_maps),
        infrared_scaling=options.infrared_scaling,
    )


def _find_label_maps(part_folder: Path, keys: list[str]) -> dict[str, Path]:
    """Find the label maps of a part: those of class ids if there are any, else the colored ones."""
    folder = folder_discovery.find_subfolder(part_folder, LABEL_MAP_FOLDER_NAMES)
    if folder is None:
        folder = folder_discovery.require_subfolder(
            part_folder,
            (*LABEL_MAP_FOLDER_NAMES, *COLOR_FOLDER_NAMES),
            "label maps",
            FOLDER_TREES,
        )
    paths = find_images_by_stem(folder)
    folder_discovery.check_labels_complete(paths, keys, folder)
    return paths


def _describe_colored_label_maps(label_maps: Mapping[str, Path]) -> tuple[tuple[str, str], ...]:
    folders = {path.parent for path in label_maps.values()}
    parts = [folder.parent.name for folder in folders if folder.name.lower() in COLOR_FOLDER_NAMES]
    if not parts:
        return ()
    names = " and ".join(sorted(parts, reverse=True))
    return (("label maps", f"those of {names} are read from the folder color, by color"),)
