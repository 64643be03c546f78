"""Two folders of registered pairs without labels, to fuse and score any images.

Files with the same stem, whatever their extension, are a pair. Every pair is for testing: the
splits ``test`` and ``all`` are the same and there is no ``train``.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data.pairs import Split, match_pairs_by_stem
from fusebench.data.split_builder import (
    DatasetIndex,
    PairReadings,
    build_split,
    check_split_name,
)
from fusebench.errors import DatasetNotFoundError, UserError

VERSION = 1
TITLE = "Folder of pairs"
CLASSES: tuple[str, ...] = ()


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        infrared: Folder of the infrared images, below the data folder or absolute.
        visible: Folder of the visible images, likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    infrared: Path = Path("folder/ir")
    visible: Path = Path("folder/vi")


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders that decide what `load` returns."""
    return [root / options.infrared, root / options.visible]


def load(
    root: Path,
    split: str,
    options: Options = DEFAULT_OPTIONS,
    readings: PairReadings | None = None,
) -> Split:
    """Load every pair of the two folders, as split ``test`` or ``all``.

    Raises:
        DatasetNotFoundError: If a folder does not exist.
        UserError: If a partner is missing, a file is no image, or ``split`` is ``train``.
    """
    check_split_name(split)
    if split == "train":
        raise UserError("a folder of pairs has no split 'train'; use test or all")
    infrared, visible = root / options.infrared, root / options.visible
    for path in (infrared, visible):
        if not path.is_dir():
            raise DatasetNotFoundError(
                f"{path}: no such folder. Set data.infrared and data.visible of the task to two "
                "folders of images with the same names. Without them: python -m fusion.run --scenes"
            )
    files = match_pairs_by_stem(infrared, visible)
    if not files:
        raise UserError(f"{infrared} and {visible}: no images")
    index = DatasetIndex("folder", root, CLASSES, files)
    return build_split(index, split, readings=readings)
