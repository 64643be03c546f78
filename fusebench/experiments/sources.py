"""Where the images of one source lie for one split, and the spec that made them.

This is how the stages meet: whichever asks first for the images of a spec has them made in the
store, the others find them there. No stage imports another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from fusebench import plugins
from fusebench.config import path_templates, schema
from fusebench.data import images
from fusebench.data.pairs import Pair, Split, find_images_by_stem
from fusebench.errors import UserError
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.store import Store


@dataclass(frozen=True)
class SourceImages:
    """One image per pair of a split: ``paths[pair.key]``.

    Attributes:
        spec: Everything that decides what the images look like.
    """

    paths: Mapping[str, Path]
    spec: Mapping[str, Any]


def load_method(source: schema.FusionMethodSource) -> tuple[ModuleType, BaseModel]:
    """The file of a fusion method and its checked options.

    Raises:
        UserError: If there is no such file, or an option is wrong.
    """
    module = plugins.load_plugin("fusion.methods", source.method)
    return module, plugins.validate_options(
        module, source.options, f"options of method {source.method}"
    )


def build_folder_label(source: schema.Source, split: Split) -> str:
    """The readable half of a fused folder's name."""
    made_by = source.method if isinstance(source, schema.FusionMethodSource) else "recolored"
    return f"{split.dataset}-{split.name}-{made_by}"


def describe_color(source: schema.Source, split: Split, folder: Path) -> str:
    """How color is handled, in words for the protocol line."""
    if isinstance(source, schema.SensorSource):
        return "gray" if source.kind == "infrared" else "RGB"
    if isinstance(source, schema.FusionMethodSource):
        return str(plugins.load_plugin("fusion.methods", source.method).COLOR)
    if source.color == "visible":
        return "luminance of the folder, Cb Cr of the visible image (BT.601)"
    modes = {
        images.read_color_mode(path) for path in find_external_files(source, split, folder).values()
    }
    return f"{' and '.join(sorted(modes))} as saved"


def build_source_spec(source: schema.Source, split: Split, folder: Path) -> dict[str, Any]:
    """Everything that decides what this source's images look like.

    Args:
        source: What the task file says.
        split: The pairs wanted.
        folder: What relative folders of the task file are relative to.

    Raises:
        UserError: If the method or its options are unknown, or a folder lacks images.
    """
    made_from: dict[str, Any] = {
        "kind": source.kind,
        "dataset": split.dataset,
        "pairs": hashing.hash_images(split),
    }
    if isinstance(source, schema.FusionMethodSource):
        module, options = load_method(source)
        made_from |= {
            "method": source.method,
            "version": module.VERSION,
            "options": options.model_dump(mode="json"),
            "pins": module.dependency_hashes(options),
        }
    elif isinstance(source, schema.ExternalImagesSource):
        files = find_external_files(source, split, folder)
        made_from["color"] = source.color
        made_from["files"] = hashing.hash_files(files)
    return made_from


def get_images(
    source: schema.Source, split: Split, store: Store, folder: Path, device: str
) -> SourceImages:
    """The images of a source; those that this project fuses are fused now if they are not yet.

    Image by image, so that a killed run goes on where it stopped.
    """
    wanted = build_source_spec(source, split, folder)
    if isinstance(source, schema.SensorSource):
        return SourceImages({pair.key: getattr(pair, source.kind) for pair in split.pairs}, wanted)
    if isinstance(source, schema.ExternalImagesSource) and source.color == "saved":
        return SourceImages(find_external_files(source, split, folder), wanted)

    def work(partial: Path) -> None:
        todo = [pair for pair in split.pairs if not (partial / f"{pair.key}.png").exists()]
        if not todo:
            return
        make = _build_image_function(source, split, folder, device)
        for pair in progress.track_progress(todo, f"fuse {build_folder_label(source, split)}"):
            images.write_png(partial / f"{pair.key}.png", make(pair))

    made = store.get_or_create("fused", build_folder_label(source, split), wanted, work)
    return SourceImages({key: made.path / f"{key}.png" for key in split.keys}, wanted)


def find_external_files(
    source: schema.ExternalImagesSource, split: Split, folder: Path
) -> dict[str, Path]:
    """The files of a folder source by key.

    Raises:
        UserError: If the folder or some of its images are missing, or its name cannot be
            filled in.
    """
    known = {"dataset": split.dataset, "split": split.name}
    place = folder / path_templates.fill_template(source.folder, known, "folder of a source")
    found = find_images_by_stem(place)
    missing = [key for key in split.keys if key not in found]
    if missing:
        raise UserError(
            f"{place}: {len(missing)} of the {len(split.keys)} images of "
            f"{split.dataset}/{split.name} are missing (first: {missing[0]}); put them there, "
            f"named like the pair's key, or take the source out of the task"
        )
    return {key: found[key] for key in split.keys}


def _build_image_function(
    source: schema.FusionMethodSource | schema.ExternalImagesSource,
    split: Split,
    folder: Path,
    device: str,
) -> Callable[[Pair], images.Color]:
    """What turns one pair into the source's image."""
    if isinstance(source, schema.FusionMethodSource):
        module, options = load_method(source)
        fuse = module.load(options, device)

        def fused(pair: Pair) -> images.Color:
            infrared, visible = images.read_gray(pair.infrared), images.read_color(pair.visible)
            try:
                made: images.Color = fuse(infrared, visible)
            except UserError as fault:
                raise UserError(f"{split.dataset}/{split.name}, pair {pair.key}: {fault}") from None
            return made

        return fused
    files = find_external_files(source, split, folder)

    def recolored(pair: Pair) -> images.Color:
        return images.replace_luminance(
            images.read_color(pair.visible), images.read_gray(files[pair.key])
        )

    return recolored
