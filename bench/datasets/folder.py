"""Two folders of registered pairs without labels, for fusing and scoring images of any origin.

The same file name (whatever its ending) means the same scene. Everything is for testing: the
splits ``test`` and ``all`` are the same pairs and there is no ``train``.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench.assembly import Found, assemble, check_name
from bench.errors import BenchError, DataAbsent
from bench.pairs import Split, match_by_stem

VERSION = 1
TITLE = "Folder of pairs"
CLASSES: tuple[str, ...] = ()


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        infrared: The infrared images, below the data folder or absolute.
        visible: The visible images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    infrared: Path = Path("folder/ir")
    visible: Path = Path("folder/vi")


OPTIONS = Options()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """Every pair of the two folders, as ``test`` or ``all``.

    Raises:
        DataAbsent: If a folder is not there.
        BenchError: If a partner is missing, a file is no image, or ``train`` is asked for.
    """
    check_name(split)
    if split == "train":
        raise BenchError("a folder of pairs has no split 'train'; use test or all")
    infrared, visible = root / options.infrared, root / options.visible
    for path in (infrared, visible):
        if not path.is_dir():
            raise DataAbsent(
                f"{path}: no such folder. Set data.infrared and data.visible of the task to two "
                "folders of images with the same names. Without them: python -m fusion.run --scenes"
            )
    files = match_by_stem(infrared, visible)
    if not files:
        raise BenchError(f"{infrared} and {visible}: no images")
    return assemble(Found("folder", root, CLASSES, files), split)
