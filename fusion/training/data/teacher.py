"""Images of the student's teacher: a fusion method, or a folder of fused images.

A method's images are those that `fusion.run` would make, in the same place of the store: they are
made once, before the training, and an interrupted run resumes.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusebench import plugins
from fusebench.config import schema
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.experiments import preflight, resolution, sources
from fusebench.experiments.sources import SourceImages
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage.store import Store
from fusion.training.data.dataset import TrainingData
from fusion.training.recipe.schema import TeacherOptions


def parse_teacher(text: str, base_folder: Path) -> dict[str, Any]:
    """Parse the value of ``--teacher`` to options of the recipe.

    Args:
        text: Name of a fusion method, or a folder of fused images.
        base_folder: Folder that a relative path is relative to.

    Raises:
        UserError: If it is the name of neither.
    """
    methods = plugins.list_plugins(plugins.METHODS)
    if text in methods:
        return {"method": text}
    folder = base_folder / expand_home(Path(text))
    if folder.exists() or "/" in text or os.sep in text:
        return {"folder": str(folder)}
    if "." not in text:
        raise UserError(
            f"teacher {text}: no fusion method and no folder is called so"
            f"{suggest_names(text, methods)}"
        )
    return {"method": text}


def select_teacher_images(options: TeacherOptions, data: TrainingData) -> list[SourceImages]:
    """Select the teacher's images for every part of the data, whether they exist yet or not.

    Args:
        options: The teacher.
        data: Pairs to train on.

    Raises:
        UserError: If there is no such method, or an option is wrong.
    """
    config: schema.Source
    if options.folder is None:
        config = schema.FusionMethodSource(
            kind="method", method=options.method, options=options.options
        )
    else:
        config = schema.ExternalImagesSource(kind="folder", folder=options.folder)
    source = resolution.resolve_source("teacher", config, Path.cwd())
    return [SourceImages(source, split) for split in data.splits]


def make_teacher_images(
    teacher_images: Sequence[SourceImages], store: Store, device: str
) -> list[Path]:
    """Make the images of a method that are missing; return the files of all pairs in order.

    Every image of a folder is read once, so that a damaged one is found before the training.

    Raises:
        UserError: If an image of a folder is missing, cannot be read, or has another size than its
            pair; or if the method fails.
    """
    files: list[Path] = []
    for required in teacher_images:
        if isinstance(required.source.config, schema.ExternalImagesSource):
            preflight.check_external_images(required, store)
        paths = sources.get_images(required, store, device)
        files += [paths[key] for key in required.split.keys]
    return files


def attach_teacher_images(data: TrainingData, files: Sequence[Path]) -> TrainingData:
    """Add the teacher's image to the files of every pair.

    Args:
        data: Pairs to train on, (visible, infrared).
        files: The teacher's image of every pair, in the same order.
    """
    training_images = tuple(
        replace(image, files=(*image.files, file))
        for image, file in zip(data.images, files, strict=True)
    )
    return replace(data, images=training_images)
