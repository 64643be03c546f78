"""Your own labeled pairs, described in tasks.yaml alone.

    my-detection:
      kind: detection
      dataset: pairs
      sources: [infrared, visible, average]
      data:
        folder: street                          # below --data, or absolute
        infrared: thermal/{split}/{key}_T.jpg   # or a folder: thermal/{split}
        visible: color/{split}/{key}_C.png
        classes: [person, car]
        boxes: {format: yolo, files: "labels/{split}/{key}.txt"}

docs/own-data.md describes every option, with examples.
"""

from dataclasses import replace
from pathlib import Path

from pydantic import model_validator

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.trees import box_files, tree_index
from fusebench.data.trees.options import Tree
from fusebench.errors import UserError

VERSION = 1
TITLE = "Labeled pairs"
FOLDER_TREES = ("data.infrared and data.visible say, see docs/own-data.md",)


class Options(Tree):
    """Options of this data set in tasks.yaml; see `fusebench.data.trees.options.Tree`.

    Attributes:
        folder: Below the data folder, or absolute.
        classes: Class names in the order of their ids. Empty: those of the label files, if these
            have a list.
        split: Split rule. None: by the folders that ``{split}`` stands for, or blocks of ids.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    folder: Path = Path("pairs")
    classes: tuple[str, ...] = ()
    split: splits.SplitRule | None = None
    infrared_scaling: InfraredScaling | None = None

    @model_validator(mode="after")
    def _check_classes(self) -> "Options":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: a name is there twice")
        if not all(name.strip() for name in self.classes):
            raise ValueError("classes: a name is empty")
        return self


DEFAULT_OPTIONS = Options()


def get_classes(root: Path, options: Options = DEFAULT_OPTIONS) -> tuple[str, ...]:
    """Return the class names: those of the options, else those of the label files."""
    folder = folder_discovery.find_dataset_folder(root, options.folder)
    boxes = options.boxes
    if options.classes or folder is None or boxes is None:
        return options.classes
    try:
        return box_files.list_classes(folder, boxes)
    except UserError:  # the plan reports it
        return ()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    folder = folder_discovery.find_dataset_folder(root, options.folder)
    label_maps = options.label_maps
    is_converted = label_maps is not None and (label_maps.ids or label_maps.colors)
    if folder is None or options.infrared_scaling is not None or is_converted:
        return []  # converted images lie elsewhere
    paths = [folder, *tree_index.list_input_files(folder, options)]
    if isinstance(options.split, splits.ListRule):
        paths += [folder / options.split.train, folder / options.split.test]
    return paths


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If a file is missing or does not match its partner.
    """
    folder = folder_discovery.locate_dataset(
        root, options.folder, title=TITLE, trees=FOLDER_TREES, alternative=""
    )
    index = tree_index.index_tree(
        "pairs", folder, options, options.classes, options.split, options.infrared_scaling
    )
    return replace(index, notes=(("folder", folder.name), *index.notes))
