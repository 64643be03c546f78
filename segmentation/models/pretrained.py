"""Pretrained SegFormer of mmseg, e.g. trained on Cityscapes, evaluated without training: zero-shot.

The segmenter's classes are mapped by name to the data set's. Its other classes are left out before
the class with the highest logit is chosen, so that every pixel gets a class of the data set.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fusebench.config.paths import PathOrName
from fusebench.contracts import NoOptions as Predict
from fusebench.data import label_maps
from fusebench.data.images import LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.storage import hashing
from fusebench.storage.records import Scalar
from segmentation.models.segformer import cityscapes_classes, pretrained_network

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
TITLE = "pretrained SegFormer"
PROTOCOL = "zero-shot"
NonEmptyText = Annotated[str, Field(min_length=1)]


class Options(BaseModel):
    """Options of a pretrained segmenter.

    Attributes:
        weights: Path of a .pth or .safetensors file of a whole SegFormer that mmseg trained, or
            ``packaged`` (trained on simulated scenes). The sizes of the network follow from it.
        classes: The segmenter's classes in the order of its outputs; ``cityscapes`` are the 19 of
            Cityscapes.
        class_map: Class of the segmenter to class of the data set; several may be mapped to one.
            Classes that are null or not named are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Annotated[NonEmptyText, PathOrName(("packaged",))]
    classes: Literal["cityscapes"] | Annotated[tuple[NonEmptyText, ...], Field(min_length=2)] = (
        "cityscapes"
    )
    class_map: Annotated[dict[NonEmptyText, NonEmptyText | None], Field(min_length=1)]


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return the sha256 of the weights file, for the spec.

    Raises:
        UserError: If the file does not exist.
    """
    file = pretrained_network.find_weights_file(options.weights)
    return {"weights": hashing.compute_file_sha256(file)}


def config_errors(options: Options, classes: Sequence[str], where: str) -> list[str]:
    """List the errors of the class map, as messages.

    Args:
        options: See `Options`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    own_classes, errors = _list_own_classes(options), []
    where = f"{where}.class_map"
    for name, target in options.class_map.items():
        if name not in own_classes:
            errors.append(
                f"{where}: {name!r} is none of the segmenter's {len(own_classes)} classes"
                f"{_suggest_class(name, own_classes)}"
            )
        if target is not None and target not in classes:
            errors.append(f"{where}.{name}: {target!r} is none of {', '.join(classes)}")
    if not any(options.class_map.values()):
        errors.append(f"{where}: maps every class to null; map at least one to a class")
    return errors


def mapped_classes(options: Options, classes: Sequence[str]) -> set[str]:
    """Return the data set's classes that need no further class; unlabeled pixels need none."""
    unlabeled = set(classes[:1]) if label_maps.has_unlabeled_class(classes) else set()
    return set(classes) & set(options.class_map.values()) | unlabeled


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs to reproduce the scores.

    `download` adds those that only the weights file holds.
    """
    class_map, own_classes = _drop_unmapped_classes(options), _list_own_classes(options)
    mapped = ", ".join(f"{name} to {target}" for name, target in class_map.items())
    left_out = len(own_classes) - len(class_map)
    return {
        "model": pretrained_network.describe_segmenter(own_classes),
        "weights": Path(options.weights).name,
        "class map": f"{mapped}; {left_out} other classes left out: of the mapped ones the one "
        "with the highest logit is predicted",
        "prediction": "whole image, full resolution",
    }


def check(options: Options, folder: Path) -> None:
    """Read and check the weights file before the run starts.

    Raises:
        UserError: If it is not the segmenter that the options describe.
    """
    file = pretrained_network.find_weights_file(options.weights)
    pretrained_network.load_network(file, _list_own_classes(options))


def download_options(options: Options) -> dict[str, Any]:
    """Return the options that decide what `download` writes, for the spec."""
    return options.model_dump(mode="json", include={"weights", "classes"})


def download(options: Options, *, folder: Path) -> None:
    """Write ``model.safetensors``, ``model.json`` and ``protocol.json`` into ``folder``.

    Raises:
        UserError: If the weights are not what the options describe.
    """
    own_classes = _list_own_classes(options)
    pretrained_network.write_model_folder(options.weights, own_classes, folder)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Raise: a pretrained segmenter is not trained.

    Raises:
        TypeError: Always.
    """
    raise TypeError("a pretrained segmenter is read from its weights file, not trained")


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W) of the data set's classes, of every test image."""
    for key, logits in _iterate_mapped_logits(folder, test, options, device=device):
        yield key, logits.argmax(0).byte().cpu().numpy()


def predict_probabilities(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and class probabilities, float32 (classes, H, W), of every test image.

    They are those of the mapped classes alone; their sum is 1.
    """
    for key, logits in _iterate_mapped_logits(folder, test, options, device=device):
        yield key, logits.softmax(0).cpu().numpy()


def _iterate_mapped_logits(
    folder: Path, test: LabeledImages, options: Options, *, device: str
) -> "Iterator[tuple[str, Tensor]]":
    """Yield key and logits, (classes of the data set, H, W), of every test image."""
    from segmentation.models.segformer import inference

    own_classes, class_map = _list_own_classes(options), _drop_unmapped_classes(options)
    outputs = [
        [own_classes.index(name) for name, target in class_map.items() if target == each]
        for each in test.split.classes
    ]
    for key, logits, _ in inference.iterate_logits(folder, test, device=device):
        yield key, pretrained_network.map_logits(logits, outputs)


def _list_own_classes(options: Options) -> tuple[str, ...]:
    return cityscapes_classes.CLASSES if options.classes == "cityscapes" else options.classes


def _drop_unmapped_classes(options: Options) -> dict[str, str]:
    return {name: target for name, target in options.class_map.items() if target is not None}


def _suggest_class(name: str, classes: Sequence[str]) -> str:
    close = get_close_matches(name, classes, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" ({', '.join(classes)})"
