"""Two folders of registered pairs without labels, to fuse and score any images.

Files with the same name, whatever their extension, are a pair. Every pair is for testing: the
splits ``test`` and ``all`` are the same and there is no ``train``.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.matching.image_files import match_pairs_by_stem, split_template
from fusebench.errors import DatasetNotFoundError

VERSION = 1
TITLE = "Folder of pairs"
CLASSES: tuple[str, ...] = ()


class Options(BaseModel):
    """Options of this data set in tasks.yaml.

    Attributes:
        infrared: Folder of the infrared images, below the data folder or absolute; or a template,
            e.g. ``FLIR/{key}_PreviewData`` (see `fusebench.data.matching.image_files`).
        visible: Folder or template of the visible images, likewise.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    infrared: Path = Path("folder/ir")
    visible: Path = Path("folder/vi")
    infrared_scaling: InfraredScaling | None = None


DEFAULT_OPTIONS = Options()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders that decide what `load` returns."""
    if options.infrared_scaling is not None:
        return []  # the scaled images lie elsewhere
    return [split_template(root / path)[0] for path in (options.infrared, options.visible)]


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs of the two folders.

    Raises:
        DatasetNotFoundError: If a folder does not exist.
        UserError: If a partner is missing.
    """
    infrared, visible = root / options.infrared, root / options.visible
    for path in (infrared, visible):
        if not split_template(path)[0].is_dir():
            raise DatasetNotFoundError(
                f"{path}: no such folder. Set data.infrared and data.visible of the task to two "
                "folders of images with the same names. Without them: python -m fusion.run --scenes"
            )
    files = match_pairs_by_stem(infrared, visible)
    return DatasetIndex(
        "folder", root, CLASSES, files, None, infrared_scaling=options.infrared_scaling
    )
