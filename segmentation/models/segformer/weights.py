"""Weights in and out of files, without unpickling objects."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fusebench.errors import UserError
from fusebench.runtime import library_log
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.storage import checkpoint
from segmentation.models.segformer import Options, mit_weight_names
from segmentation.models.segformer import network as networks

if TYPE_CHECKING:
    from torch import Tensor, nn

BACKBONE_PREFIX = "backbone."
HEAD_PREFIX = "decode_head."
CLASSIFIER_PREFIX = "decode_head.conv_seg."
HEAD_NAME_PATTERN = re.compile(r"(.+\.)?(head|classifier|decode_head|decoder|auxiliary_head)\..+")


class ModelInfo(BaseModel):
    """``model.json``: what the weights beside it are weights of.

    Attributes:
        classes: Names of all classes of the data set.
        first: Class id of the network's first output: 1 where class 0 was left out of training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    options: Options
    classes: tuple[str, ...]
    first_class_id: int


def is_finished(folder: Path) -> bool:
    """Whether a trained model lies in ``folder``."""
    return (folder / "model.json").exists()


def save_network(folder: Path, network: "nn.Module", model: ModelInfo) -> None:
    """Leave ``model.safetensors`` and ``model.json``, the latter when all is there."""
    from safetensors.torch import save_file

    state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    with replace_atomically(folder / "model.safetensors") as temporary:
        save_file(state, temporary)
    with replace_atomically(folder / "model.json") as temporary:
        temporary.write_text(model.model_dump_json(indent=2))


def load_network(folder: Path) -> tuple[Any, ModelInfo]:
    """The trained network of a folder, and what it is."""
    from safetensors.torch import load_file

    model = ModelInfo.model_validate_json((folder / "model.json").read_text())
    network: Any = networks.build_network(model.options, len(model.classes) - model.first_class_id)
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network, model


def check_initial_weights(options: Options, path: Path, folder: Path) -> None:
    """Try a file as the start of a network of any classes.

    Raises:
        UserError: As `load_initial_weights`.
    """
    import torch

    with library_log.redirect_library_output(folder / "log.txt"), torch.random.fork_rng(devices=[]):
        load_initial_weights(networks.build_network(options, 1), path, ())


def load_initial_weights(network: "nn.Module", path: Path, classes: Sequence[str]) -> None:
    """Put a file's weights into an untrained network.

    The file holds a MiT encoder with the names of mmseg, NVlabs or Hugging Face, alone or with a
    head. The encoder is filled completely. mmseg's head is taken too if it is of our kind; its
    last layer only if the file says that it was trained on the same classes.

    Raises:
        UserError: If it is not such a file, is made for another size, lacks a tensor or has one
            that there is no place for.
    """
    found, trained_on = _read_weights_file(path)
    wanted = dict(network.state_dict())
    encoder = _read_encoder(found, path)
    theirs = {f"{BACKBONE_PREFIX}{name}": tensor for name, tensor in encoder.tensors.items()}
    _check_encoder_size(encoder.tensors, wanted, path)
    _check_tensor_names(
        theirs, {n: v for n, v in wanted.items() if n.startswith(BACKBONE_PREFIX)}, path
    )
    head = {name for name in wanted if name.startswith(HEAD_PREFIX)}
    if trained_on != list(classes):
        head = {name for name in head if not name.startswith(CLASSIFIER_PREFIX)}
    if head <= found.keys():
        theirs |= {name: found[name] for name in head}
    for name, tensor in theirs.items():
        if tensor.shape != wanted[name].shape:
            raise UserError(
                f"{path}: {name} is {tuple(tensor.shape)}, but the options ask for "
                f"{tuple(wanted[name].shape)}; change backbone or embedding, or the file"
            )
    network.load_state_dict(wanted | theirs)


def _read_encoder(found: "Mapping[str, Tensor]", path: Path) -> mit_weight_names.EncoderWeights:
    """The one encoder of a file, beside which there may be heads only."""
    there = mit_weight_names.find_encoders(found)
    if len(there) != 1:
        firsts = " or ".join(first for first, _ in mit_weight_names.NAMING_SCHEMES.values())
        what = f"{len(there)} MiT encoders" if there else f"no MiT encoder (no {firsts})"
        raise UserError(
            f"{path}: {what} among its {len(found)} tensors; expected one, with the names of "
            "mmseg, NVlabs or Hugging Face"
        )
    encoder = mit_weight_names.read_encoder(found, *there[0])
    strange = [name for name in encoder.other_names if not HEAD_NAME_PATTERN.fullmatch(name)]
    if strange:
        raise UserError(
            f"{path}: {len(strange)} tensors beside a MiT encoder (names of {encoder.naming_scheme}) are "
            f"of no head (first: {strange[0]}); expected an encoder, alone or with a head"
        )
    return encoder


def _check_encoder_size(
    theirs: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", path: Path
) -> None:
    """Say which of the published sizes the file is of, where it is another one."""
    ours = {
        n.removeprefix(BACKBONE_PREFIX): v
        for n, v in wanted.items()
        if n.startswith(BACKBONE_PREFIX)
    }
    have, need = (_describe_encoder_size(encoder) for encoder in (theirs, ours))
    if have != need:
        known = have.startswith("mit_")
        instead = f"set backbone: {have}, or name" if known else "name"
        raise UserError(
            f"{path}: {have}, but the options ask for {need}; {instead} a file of {need}"
        )


def _describe_encoder_size(encoder: "Mapping[str, Tensor]") -> str:
    """The published name of an encoder's size, else its size in words."""
    depths = mit_weight_names.count_blocks(encoder)
    width = len(encoder["layers.0.0.projection.weight"])
    for name, layers in networks.BLOCKS_PER_STAGE.items():
        if (depths, width) == (layers, networks.FIRST_STAGE_CHANNELS.get(name, 64)):
            return name
    return f"an encoder of {'-'.join(map(str, depths))} blocks, {width} channels wide"


def _check_tensor_names(
    theirs: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", path: Path
) -> None:
    for names, what in (
        ([name for name in wanted if name not in theirs], "are lacking"),
        ([name for name in theirs if name not in wanted], "have no place in it"),
    ):
        if names:
            raise UserError(
                f"{path}: {len(names)} tensors of the encoder {what} (first, as mmseg calls it: "
                f"{names[0]}); expected the {len(wanted)} of a whole MiT encoder"
            )


def _read_weights_file(path: Path) -> tuple[dict[str, "Tensor"], list[str] | None]:
    """The tensors of a file by name, and the classes it says it was trained on."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                classes = (file.metadata() or {}).get("classes")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, classes.split(",") if classes else None
        loaded = checkpoint.load_torch_file(path, "cpu")
    except (*checkpoint.DAMAGED_FILE_ERRORS, SafetensorError, OSError) as fault:
        raise UserError(
            f"{path}: cannot be read as weights ({checkpoint.describe_error(fault)}); expected a safetensors "
            "file, or a torch file that holds nothing but tensors"
        ) from None
    state = loaded if isinstance(loaded, Mapping) else {}
    for inner in ("state_dict", "model"):
        state = state[inner] if isinstance(state.get(inner), Mapping) else state
    tensors = {name: v for name, v in state.items() if isinstance(v, torch.Tensor)}
    return tensors, None
