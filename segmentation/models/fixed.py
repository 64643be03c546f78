"""Label maps that were made elsewhere: a folder of images of class ids, matched by file stem.

With ``{source}`` in its name there is a folder per source.

Nothing is trained. It scores other people's predictions under the same rules as everybody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from bench import digest, images, masks, palette, placeholders, progress
from bench.errors import BenchError
from bench.examples import Examples
from bench.images import Color, Labels
from bench.pairs import Pair, Split, images_by_stem
from bench.plugins import Nothing as Predict
from bench.records import Scalar
from segmentation.averages import UNLABELLED

Id = Annotated[int, Field(ge=0, le=255)]

VERSION = 1
TITLE = "Label maps from a folder"
PROTOCOL = "made elsewhere"
FILES = "folder of label maps"


class Options(BaseModel):
    """What decides the label maps.

    Attributes:
        folder: Where they lie, ``<key>.png`` or any other image extension, class ids as they are
            in the data set's own masks. ``{source}``, ``{dataset}``, ``{split}`` are filled in.
        palette: Read pictures in these colours instead of ids: ``fmb``, the authors' dictionary,
            or ``fmb_swapped``, the same with red and blue swapped, as some programs save it.
        ids: What the ids in the files mean, where they are not the data set's: id to class name.
            An id that is not named is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("label_maps")
    palette: Literal["fmb", "fmb_swapped"] | None = None
    ids: dict[Id, str] | None = None

    @model_serializer(mode="wrap")
    def _as_ever(self, said: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the younger words where they change nothing: scores from before stay valid."""
        words: dict[str, Any] = said(self)
        return {name: value for name, value in words.items() if value is not None}


def filled(options: Options, known: Mapping[str, str], where: str) -> Options:
    """The options with the name of the folder for one source."""
    name = placeholders.fill(str(options.folder), known, f"{where}.folder")
    return options.model_copy(update={"folder": Path(name)})


def pins(options: Options) -> dict[str, str | None]:
    """One digest of all files in the folder.

    Raises:
        BenchError: If there is no such folder.
    """
    found = images_by_stem(options.folder)
    return {"files": digest.digest({key: digest.sha256(path) for key, path in found.items()})}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Where the label maps come from, and how they were read."""
    facts: dict[str, Scalar] = {"model": "label maps", "predictions": options.folder.name}
    if options.palette is not None:
        facts["colours"] = options.palette
    if options.ids is not None:
        facts["ids"] = ", ".join(f"{i} {name}" for i, name in sorted(options.ids.items()))
    return facts


def unfitting(options: Options, known: Sequence[str], where: str) -> list[str]:
    """What is wrong with the meaning of the ids, in words.

    Args:
        options: See `Options`.
        known: The data set's classes.
        where: Where in the task file.
    """
    return [
        f"{where}.ids.{number}: {name!r} is none of the classes {', '.join(known)}"
        for number, name in (options.ids or {}).items()
        if name not in known
    ]


def train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    """Do nothing: what made the label maps was trained elsewhere."""


def fits(options: Options, test: Split) -> None:
    """Read every label map once before anything is computed from them.

    Raises:
        BenchError: As `predict`.
    """
    maps = _read(options, test)
    for _ in progress.each(test.pairs, f"check {options.folder.name}"):
        next(maps)


def predict(
    folder: Path, test: Examples, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, Labels]]:
    """Key and label map, uint8 (H, W), of each example.

    Raises:
        BenchError: If one is missing, has another size than its pair, an id or colour that no
            class has, or is a picture where ids are meant.
    """
    return _read(options, test.split)


def _read(options: Options, split: Split) -> Iterator[tuple[str, Labels]]:
    faults = unfitting(options, split.classes, "options")
    if faults:
        raise BenchError("\n".join(faults))
    meaning = _meaning(options.ids, split.classes)
    found = images_by_stem(options.folder)
    missing = [key for key in split.keys if key not in found]
    if missing:
        raise BenchError(
            f"{options.folder}: {len(missing)} of the {len(split.keys)} label maps are "
            f"missing (first: {missing[0]}); put them there, named like the pair's key"
        )
    for pair in split.pairs:
        path = found[pair.key]
        _refuse_another_size(path, pair)
        if options.palette is None:
            yield pair.key, _mapped(_ids(path), path, meaning, split.classes)
        else:
            yield pair.key, _from_colours(path, options.palette, split.classes)


def _ids(path: Path) -> Labels:
    try:
        return images.read_labels(path)
    except BenchError as fault:
        hint = "; is it a picture in FMB's colours? Then set palette: fmb"
        raise BenchError(f"{fault}{hint if 'one channel' in str(fault) else ''}") from None


def _meaning(ids: Mapping[int, str] | None, classes: Sequence[str]) -> dict[int, int] | None:
    """Id in the files to class id; None where they are the same."""
    if ids is None:
        return None
    return {number: classes.index(name) for number, name in ids.items()}


def _refuse_another_size(path: Path, pair: Pair) -> None:
    width, height = images.size(path)
    if (width, height) != pair.size:
        raise BenchError(
            f"{path}: {width} x {height} pixels, but the pair {pair.key} "
            f"has {pair.size[0]} x {pair.size[1]}; save label maps at full size"
        )


def _mapped(
    labels: Labels, path: Path, meaning: Mapping[int, int] | None, classes: Sequence[str]
) -> Labels:
    """Ids of the data set for those of a file."""
    if meaning is None:
        meaning = {number: number for number in range(len(classes))}
        if classes[0].lower() in UNLABELLED:
            meaning[masks.VOID] = 0
    present, counts = np.unique(labels, return_counts=True)
    for number, pixels in zip(present, counts, strict=True):
        if int(number) not in meaning:
            known = ", ".join(map(str, sorted(meaning)))
            raise BenchError(
                f"{path}: id {number} ({pixels} pixels) has no class; known are {known}. "
                "If the ids are numbered in another way, say in ids: which class each one is"
            )
    table = np.zeros(256, np.uint8)
    table[list(meaning)] = list(meaning.values())
    mapped: Labels = table[labels]
    return mapped


def _from_colours(path: Path, name: str, classes: Sequence[str]) -> Labels:
    """Class ids of a picture in FMB's colours."""
    lacking = [each for each in classes if each.lower() not in palette.FMB]
    if lacking:
        raise BenchError(
            f"palette {name}: has no colour for {', '.join(lacking)}; it is for FMB's classes"
        )
    step = 1 if name == "fmb" else -1
    colours = np.array([palette.FMB[each.lower()] for each in classes], np.uint8)[:, ::step]
    wanted = {int(colour): i for i, colour in enumerate(_packed(colours))}
    shown = _packed(images.read_color(path))
    present, where, counts = np.unique(shown, return_inverse=True, return_counts=True)
    unknown = [i for i, colour in enumerate(present) if int(colour) not in wanted]
    if unknown:
        first = max(unknown, key=lambda i: counts[i])
        colour = tuple(int(present[first]) >> shift & 255 for shift in (16, 8, 0))
        raise BenchError(
            f"{path}: {sum(counts[unknown])} pixels in {len(unknown)} colours of no class (most "
            f"often RGB {colour}); save it without loss, or set palette to fmb or fmb_swapped "
            "for the other order of channels"
        )
    table = np.array([wanted[int(colour)] for colour in present], np.uint8)
    labels: Labels = table[where.reshape(shown.shape)]
    return labels


def _packed(colours: Color) -> NDArray[np.int64]:
    """RGB (..., 3) as one number each."""
    packed: NDArray[np.int64] = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return packed
