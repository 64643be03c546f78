"""Label maps that were made elsewhere: a folder of gray images of class ids, matched by file stem.

Nothing is trained. It scores other people's predictions under the same rules as everybody's.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench import digest, masks
from bench.errors import BenchError
from bench.examples import Examples
from bench.images import Labels
from bench.pairs import images_by_stem
from bench.records import Scalar

VERSION = 1
TITLE = "Label maps from a folder"
PROTOCOL = "made elsewhere"


class Options(BaseModel):
    """What decides the label maps.

    Attributes:
        folder: Where they lie, ``<key>.png`` or any other image extension, class ids as they are
            in the data set's own masks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("label_maps")


class Predict(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def pins(options: Options) -> dict[str, str | None]:
    """One digest of all files in the folder.

    Raises:
        BenchError: If there is no such folder.
    """
    found = images_by_stem(options.folder)
    return {"files": digest.digest({key: digest.sha256(path) for key, path in found.items()})}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Where the label maps come from."""
    return {"model": f"label maps from {options.folder.name}"}


def train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    """Do nothing: what made the label maps was trained elsewhere."""


def predict(
    folder: Path, test: Examples, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, Labels]]:
    """Key and label map, uint8 (H, W), of each example.

    Raises:
        BenchError: If one is missing, has another size than its pair, or an id no class has.
    """
    found = images_by_stem(options.folder)
    missing = [key for key in test.split.keys if key not in found]
    if missing:
        raise BenchError(
            f"{options.folder}: {len(missing)} of the {len(test.split.keys)} label maps are "
            f"missing (first: {missing[0]}); put them there, named like the pair's key"
        )
    for pair in test.split.pairs:
        path = found[pair.key]
        labels = masks.read_mask(path, test.split.classes)
        if labels.shape != pair.size[::-1]:
            raise BenchError(
                f"{path}: {labels.shape[1]} x {labels.shape[0]} pixels, but the pair {pair.key} "
                f"has {pair.size[0]} x {pair.size[1]}; save label maps at full size"
            )
        yield pair.key, labels
