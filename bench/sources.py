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

from bench import digest, images, placeholders, plugins, progress, tasks
from bench.errors import BenchError
from bench.pairs import Pair, Split, images_by_stem
from bench.store import Store


@dataclass(frozen=True)
class Images:
    """One image per pair of a split: ``paths[pair.key]``.

    Attributes:
        spec: Everything that decides what the images look like.
    """

    paths: Mapping[str, Path]
    spec: Mapping[str, Any]


def method(source: tasks.Method) -> tuple[ModuleType, BaseModel]:
    """The file of a fusion method and its checked options.

    Raises:
        BenchError: If there is no such file, or an option is wrong.
    """
    module = plugins.find("fusion.methods", source.method)
    return module, plugins.options(module, source.options, f"options of method {source.method}")


def label(source: tasks.Source, split: Split) -> str:
    """The readable half of a fused folder's name."""
    made_by = source.method if isinstance(source, tasks.Method) else "recoloured"
    return f"{split.dataset}-{split.name}-{made_by}"


def colour(source: tasks.Source, split: Split, folder: Path) -> str:
    """How colour is handled, in words for the protocol line."""
    if isinstance(source, tasks.Raw):
        return "gray" if source.kind == "infrared" else "RGB"
    if isinstance(source, tasks.Method):
        return str(plugins.find("fusion.methods", source.method).COLOUR)
    if source.colour == "visible":
        return "luminance of the folder, Cb Cr of the visible image (BT.601)"
    modes = {images.mode(path) for path in elsewhere(source, split, folder).values()}
    return f"{' and '.join(sorted(modes))} as saved"


def spec(source: tasks.Source, split: Split, folder: Path) -> dict[str, Any]:
    """Everything that decides what this source's images look like.

    Args:
        source: What the task file says.
        split: The pairs wanted.
        folder: What relative folders of the task file are relative to.

    Raises:
        BenchError: If the method or its options are unknown, or a folder lacks images.
    """
    made_from: dict[str, Any] = {
        "kind": source.kind,
        "dataset": split.dataset,
        "pairs": digest.images(split),
    }
    if isinstance(source, tasks.Method):
        module, options = method(source)
        made_from |= {
            "method": source.method,
            "version": module.VERSION,
            "options": options.model_dump(mode="json"),
            "pins": module.pins(options),
        }
    elif isinstance(source, tasks.Elsewhere):
        files = elsewhere(source, split, folder)
        made_from["colour"] = source.colour
        made_from["files"] = digest.files(files)
    return made_from


def find(source: tasks.Source, split: Split, store: Store, folder: Path, device: str) -> Images:
    """The images of a source; those that this project fuses are fused now if they are not yet.

    Image by image, so that a killed run goes on where it stopped.
    """
    wanted = spec(source, split, folder)
    if isinstance(source, tasks.Raw):
        return Images({pair.key: getattr(pair, source.kind) for pair in split.pairs}, wanted)
    if isinstance(source, tasks.Elsewhere) and source.colour == "saved":
        return Images(elsewhere(source, split, folder), wanted)

    def work(partial: Path) -> None:
        todo = [pair for pair in split.pairs if not (partial / f"{pair.key}.png").exists()]
        if not todo:
            return
        make = _maker(source, split, folder, device)
        for pair in progress.each(todo, f"fuse {label(source, split)}"):
            images.write(partial / f"{pair.key}.png", make(pair))

    made = store.fill("fused", label(source, split), wanted, work)
    return Images({key: made.path / f"{key}.png" for key in split.keys}, wanted)


def elsewhere(source: tasks.Elsewhere, split: Split, folder: Path) -> dict[str, Path]:
    """The files of a folder source by key.

    Raises:
        BenchError: If the folder or some of its images are missing, or its name cannot be
            filled in.
    """
    known = {"dataset": split.dataset, "split": split.name}
    place = folder / placeholders.fill(source.folder, known, "folder of a source")
    found = images_by_stem(place)
    missing = [key for key in split.keys if key not in found]
    if missing:
        raise BenchError(
            f"{place}: {len(missing)} of the {len(split.keys)} images of "
            f"{split.dataset}/{split.name} are missing (first: {missing[0]}); put them there, "
            f"named like the pair's key, or take the source out of the task"
        )
    return {key: found[key] for key in split.keys}


def _maker(
    source: tasks.Method | tasks.Elsewhere, split: Split, folder: Path, device: str
) -> Callable[[Pair], images.Color]:
    """What turns one pair into the source's image."""
    if isinstance(source, tasks.Method):
        module, options = method(source)
        fuse = module.load(options, device)

        def fused(pair: Pair) -> images.Color:
            infrared, visible = images.read_gray(pair.infrared), images.read_color(pair.visible)
            try:
                made: images.Color = fuse(infrared, visible)
            except BenchError as fault:
                raise BenchError(
                    f"{split.dataset}/{split.name}, pair {pair.key}: {fault}"
                ) from None
            return made

        return fused
    files = elsewhere(source, split, folder)

    def recoloured(pair: Pair) -> images.Color:
        return images.with_luminance(
            images.read_color(pair.visible), images.read_gray(files[pair.key])
        )

    return recoloured
