"""Segmenters that others trained: a SegFormer of mmseg, read from a weights file alone.

The sizes of the encoder and the head follow from the tensors, so that no configuration file is
read: those of mmseg are programs.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.runtime import atomic_write
from fusebench.storage import hashing, integrity
from fusebench.storage.weights import foreign_weights, weights_content
from segmentation.models.segformer import cityscapes_classes, weights
from segmentation.models.segformer import network as networks
from segmentation.models.segformer.options import PACKAGED_WEIGHTS, Options

if TYPE_CHECKING:
    from torch import Tensor

CLASSIFIER = "decode_head.conv_seg.weight"  # (classes, embedding, 1, 1)
FIRST_NORM = "decode_head.convs.0.bn.weight"  # is not in a linear head
BATCH_COUNTER = "num_batches_tracked"  # of a batch norm; only training reads it


def find_weights_file(name: str) -> Path:
    """Return the file of the option ``weights``.

    Raises:
        UserError: If there is no such file.
    """
    if name == "packaged":
        return integrity.check_weights(PACKAGED_WEIGHTS)
    path = weights_content.find_weights_in_folder(Path(name))
    if not path.is_file():
        raise UserError(
            f"weights: {path}: no such file; give the .pth or .safetensors file of a SegFormer "
            "that mmseg trained"
        )
    return integrity.check_weights(path)


def describe_segmenter(classes: Sequence[str], architecture: Options | None = None) -> str:
    """Describe the segmenter for the protocol; its size is in the weights file only."""
    on = "Cityscapes' 19" if tuple(classes) == cityscapes_classes.CLASSES else str(len(classes))
    size = ""
    if architecture is not None:
        head = ", linear head" if architecture.head == "linear" else ", head"
        size = f" {architecture.backbone}{head} {architecture.embedding}"
    return f"SegFormer{size} (mmseg) pretrained on {on} classes"


def write_model_folder(name: str, classes: Sequence[str], folder: Path) -> None:
    """Write the weights, ``model.json``, and the facts for the protocol into ``folder``.

    Args:
        name: The option ``weights``.
        classes: The segmenter's classes in the order of its outputs.
        folder: Result folder.

    Raises:
        UserError: As `load_network`.
    """
    path = find_weights_file(name)
    network, architecture = load_network(path, classes)
    sha256 = hashing.compute_file_sha256(path)
    protocol = {
        "model": describe_segmenter(classes, architecture),
        "weights": f"{path.name} (sha256 {sha256[:12]})",
    }
    atomic_write.write_text_atomically(folder / PROTOCOL_FILE, json.dumps(protocol))
    model_info = weights.ModelInfo(options=architecture, classes=tuple(classes), first_class_id=0)
    weights.save_network(folder, network, model_info)


def load_network(path: Path, classes: Sequence[str]) -> tuple[Any, Options]:
    """Load a pretrained network.

    Args:
        path: A checkpoint of mmseg, or its tensors alone.
        classes: The expected classes in the order of the outputs.

    Returns:
        The network on the CPU, and its architecture: backbone, embedding and head.

    Raises:
        UserError: If the file is not a SegFormer with mmseg's head, has other classes, or holds
            values that are not finite.
    """
    import torch

    file = foreign_weights.read_file(path)
    tensors = _select_network(file.select_tensors(), path)
    architecture = _infer_architecture(tensors, path)
    _check_classes(path, len(tensors[CLASSIFIER]), _read_class_names(file), classes)
    with networks.redirect_library_output(Path(os.devnull)), torch.random.fork_rng(devices=[]):
        network: Any = networks.build_network(architecture, len(classes))
    expected = network.state_dict()
    _check_tensors(tensors, expected, path)
    dtypes = {name: value.dtype for name, value in expected.items()}
    network.load_state_dict(
        expected | foreign_weights.convert_values(tensors, dtypes, str(path)), strict=True
    )
    return network.eval(), architecture


def map_logits(logits: "Tensor", outputs: Sequence[Sequence[int]]) -> "Tensor":
    """Map the logits of a network's classes to the classes of a data set.

    Args:
        logits: (outputs, H, W).
        outputs: For each class of the data set, the outputs that are mapped to it.

    Returns:
        (classes, H, W): the highest logit of the outputs of each class, minus infinity for a class
        without any. Outputs of no class have no influence.
    """
    import torch

    return torch.stack(
        [
            logits[list(indices)].amax(0) if indices else torch.full_like(logits[0], -torch.inf)
            for indices in outputs
        ]
    )


def _select_network(tensors: "Mapping[str, Tensor]", path: Path) -> "dict[str, Tensor]":
    """Return encoder and head by mmseg's names; auxiliary heads, for training, are left out."""
    encoder = weights.read_only_encoder(tensors, path).tensors
    named = foreign_weights.select_network(tensors, (CLASSIFIER,), path)
    head = {n: tensor for n, tensor in named.items() if n.startswith(weights.HEAD_PREFIX)}
    if head.get(CLASSIFIER) is None or head[CLASSIFIER].ndim != 4:
        raise UserError(
            f"{path}: has a MiT encoder, but not the head of mmseg's SegFormer (no {CLASSIFIER} of "
            "four axes); give the checkpoint of a whole segmenter that mmseg trained"
        )
    return {f"{weights.BACKBONE_PREFIX}{n}": tensor for n, tensor in encoder.items()} | head


def _infer_architecture(tensors: "Mapping[str, Tensor]", path: Path) -> Options:
    encoder = {
        name.removeprefix(weights.BACKBONE_PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(weights.BACKBONE_PREFIX)
    }
    size = weights.describe_encoder_size(encoder)
    if size not in networks.BLOCKS_PER_STAGE:
        raise UserError(
            f"{path}: {size}; expected one of {', '.join(networks.BLOCKS_PER_STAGE)}, whose sizes "
            "are published"
        )
    head = "mmseg" if FIRST_NORM in tensors else "linear"
    values = {"backbone": size, "embedding": tensors[CLASSIFIER].shape[1], "head": head}
    return Options.model_validate(values)


def _read_class_names(file: foreign_weights.ForeignWeights) -> tuple[str, ...] | None:
    """Return the class names that a file states, in its header or as mmseg does; or None."""
    if file.metadata.get("classes"):
        return tuple(file.metadata["classes"].split(","))
    meta = file.content.get("meta") if isinstance(file.content, Mapping) else None
    if not isinstance(meta, Mapping):
        return None
    dataset_meta = meta.get("dataset_meta")  # mmseg 0 has CLASSES in its place
    names = (
        dataset_meta.get("classes") if isinstance(dataset_meta, Mapping) else meta.get("CLASSES")
    )
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def _check_classes(
    path: Path, count: int, names: Sequence[str] | None, classes: Sequence[str]
) -> None:
    if count != len(classes):
        raise UserError(
            f"{path}: the segmenter has {count} classes, but options.classes has {len(classes)}; "
            "set options.classes to cityscapes for the 19 of Cityscapes, or to the names in the "
            "order of the outputs"
        )
    for class_id, (name, expected) in enumerate(zip(names or (), classes, strict=False)):
        if name != expected:
            raise UserError(
                f"{path}: class {class_id} is {name!r}, but {expected!r} in options.classes; list "
                "the names in the order of the outputs"
            )


def _check_tensors(
    tensors: "Mapping[str, Tensor]", expected: "Mapping[str, Tensor]", path: Path
) -> None:
    for name in [*expected, *tensors]:
        if name not in tensors and name.endswith(BATCH_COUNTER):
            continue
        shapes = [
            tuple(values[name].shape) if name in values else "none"
            for values in (tensors, expected)
        ]
        if shapes[0] != shapes[1]:
            raise UserError(
                f"{path}: does not fit mmseg's SegFormer: {name} is {shapes[0]}, expected "
                f"{shapes[1]}; the file is damaged or of another network"
            )
