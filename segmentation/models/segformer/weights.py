"""Weights files of SegFormer, read and written without unpickling objects."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fusebench.errors import UserError
from fusebench.runtime import atomic_write
from fusebench.storage.weights import foreign_weights
from fusebench.storage.weights.input_channels import grow_input_channels
from segmentation.models.segformer import mit_weight_names
from segmentation.models.segformer import network as networks
from segmentation.models.segformer.options import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

BACKBONE_PREFIX = "backbone."
HEAD_PREFIX = "decode_head."
CLASSIFIER_PREFIX = "decode_head.conv_seg."
HEAD_NAME_PATTERN = re.compile(r"(.+\.)?(\w*head|classifier|decoder|criterion|loss\w*)\..+")


class ModelInfo(BaseModel):
    """Content of ``model.json``: architecture and classes of the weights beside it.

    Attributes:
        options: Options of the training.
        classes: Names of all classes of the data set.
        first_class_id: Class id of the network's first output: 1 if class 0 was not trained.
        channels: Of the images: 3, or 4 with infrared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    options: Options
    classes: tuple[str, ...]
    first_class_id: int
    channels: int = 3


def is_finished(folder: Path) -> bool:
    """Whether ``folder`` has a trained network."""
    return (folder / "model.json").exists()


def save_network(folder: Path, network: "nn.Module", model_info: ModelInfo) -> None:
    """Write ``model.safetensors``, then ``model.json``, which marks the training as finished."""
    from safetensors.torch import save_file

    state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    with atomic_write.replace_atomically(folder / "model.safetensors") as temporary:
        save_file(state, temporary)
    atomic_write.sync_files(folder)
    atomic_write.write_text_atomically(folder / "model.json", model_info.model_dump_json(indent=2))


def load_network(folder: Path) -> tuple[Any, ModelInfo]:
    """Load the trained network of a folder and its description."""
    from safetensors.torch import load_file

    model_info = ModelInfo.model_validate_json((folder / "model.json").read_text())
    outputs = len(model_info.classes) - model_info.first_class_id
    network: Any = networks.build_network(model_info.options, outputs, model_info.channels)
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network, model_info


def check_initial_weights(options: Options, path: Path, folder: Path) -> None:
    """Load a file into a network of any classes, to check it.

    Raises:
        UserError: As `load_initial_weights`.
    """
    import torch

    with networks.redirect_library_output(folder / "log.txt"), torch.random.fork_rng(devices=[]):
        load_initial_weights(networks.build_network(options, 1), path, ())


def load_initial_weights(network: "nn.Module", path: Path, classes: Sequence[str]) -> None:
    """Load the weights of a file into an untrained network.

    The file holds a MiT encoder with the names of mmseg, NVlabs or Hugging Face, alone or with a
    head. The encoder is loaded completely. mmseg's head is loaded too if it has the same layers;
    its last layer only if the file states that it was trained on the same classes. If the network
    reads more channels, the weight of its first layer grows; see `grow_input_channels`.

    Args:
        network: Changed in place.
        path: safetensors or torch file.
        classes: Class names of the network's outputs.

    Raises:
        UserError: If it is not such a file, is for another size, or lacks a tensor or has an
            unknown one.
    """
    tensors, trained_classes = _read_weights_file(path)
    expected = dict(network.state_dict())
    encoder = read_only_encoder(tensors, path)
    _check_encoder_size(encoder.tensors, expected, path)
    loaded = {f"{BACKBONE_PREFIX}{name}": tensor for name, tensor in encoder.tensors.items()}
    first = loaded.get(networks.FIRST_LAYER_WEIGHT)
    if first is not None and first.ndim == 4 and first.shape[1] == 3:
        channels = expected[networks.FIRST_LAYER_WEIGHT].shape[1]
        loaded[networks.FIRST_LAYER_WEIGHT] = grow_input_channels(first, channels)
    _check_tensor_names(
        loaded, {n: v for n, v in expected.items() if n.startswith(BACKBONE_PREFIX)}, path
    )
    head = {name for name in expected if name.startswith(HEAD_PREFIX)}
    if trained_classes != list(classes):
        head = {name for name in head if not name.startswith(CLASSIFIER_PREFIX)}
    if head <= tensors.keys():
        loaded |= {name: tensors[name] for name in head}
    for name, tensor in loaded.items():
        if tensor.shape != expected[name].shape:
            raise UserError(
                f"{path}: {name} is {tuple(tensor.shape)}, but the options ask for "
                f"{tuple(expected[name].shape)}; change backbone or embedding, or the file"
            )
    dtypes = {name: expected[name].dtype for name in loaded}
    network.load_state_dict(expected | foreign_weights.convert_values(loaded, dtypes, str(path)))


def read_only_encoder(
    tensors: "Mapping[str, Tensor]", path: Path
) -> mit_weight_names.EncoderWeights:
    """Return the only encoder of a file; apart from it the file may hold heads only."""
    encoders = mit_weight_names.find_encoders(tensors)
    if len(encoders) != 1:
        firsts = " or ".join(first for first, _ in mit_weight_names.NAMING_SCHEMES.values())
        count = f"{len(encoders)} MiT encoders" if encoders else f"no MiT encoder (no {firsts})"
        raise UserError(
            f"{path}: {count} among its {len(tensors)} tensors; expected one, with the names of "
            "mmseg, NVlabs or Hugging Face"
        )
    encoder = mit_weight_names.read_encoder(tensors, *encoders[0])
    unknown = [name for name in encoder.other_names if not HEAD_NAME_PATTERN.fullmatch(name)]
    if unknown:
        raise UserError(
            f"{path}: {len(unknown)} tensors beside a MiT encoder (names of "
            f"{encoder.naming_scheme}) are of no head (first: {unknown[0]}); expected an encoder, "
            "alone or with a head"
        )
    return encoder


def _check_encoder_size(
    encoder: "Mapping[str, Tensor]", expected: "Mapping[str, Tensor]", path: Path
) -> None:
    """Raise if the encoder is of another size; name the published size that it has."""
    expected_encoder = {
        name.removeprefix(BACKBONE_PREFIX): value
        for name, value in expected.items()
        if name.startswith(BACKBONE_PREFIX)
    }
    size, expected_size = map(describe_encoder_size, (encoder, expected_encoder))
    if size != expected_size:
        is_published = size.startswith("mit_")
        hint = f"set backbone: {size}, or name" if is_published else "name"
        raise UserError(
            f"{path}: {size}, but the options ask for {expected_size}; {hint} a file of "
            f"{expected_size}"
        )


def describe_encoder_size(encoder: "Mapping[str, Tensor]") -> str:
    """Return the published name of an encoder's size, or a description of another size."""
    depths = mit_weight_names.count_blocks(encoder)
    width = len(encoder["layers.0.0.projection.weight"])
    for name, blocks in networks.BLOCKS_PER_STAGE.items():
        if (depths, width) == (blocks, networks.FIRST_STAGE_CHANNELS.get(name, 64)):
            return name
    return f"an encoder of {'-'.join(map(str, depths))} blocks, {width} channels wide"


def _check_tensor_names(
    encoder: "Mapping[str, Tensor]", expected: "Mapping[str, Tensor]", path: Path
) -> None:
    for names, problem in (
        ([name for name in expected if name not in encoder], "are missing"),
        ([name for name in encoder if name not in expected], "are unknown"),
    ):
        if names:
            raise UserError(
                f"{path}: {len(names)} tensors of the encoder {problem} (first, by mmseg's name: "
                f"{names[0]}); expected the {len(expected)} of a whole MiT encoder"
            )


def _read_weights_file(path: Path) -> tuple[dict[str, "Tensor"], list[str] | None]:
    """Return the tensors of a file by name, and the classes in its metadata, if any."""
    file = foreign_weights.read_file(path)
    classes = file.metadata.get("classes")
    return file.select_tensors(), classes.split(",") if classes else None
