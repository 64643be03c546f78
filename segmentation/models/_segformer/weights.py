"""Weights in and out of files, without unpickling objects."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from bench import checkpoint
from bench.errors import BenchError
from segmentation.models._segformer import naming, quiet
from segmentation.models._segformer import network as networks
from segmentation.models.segformer import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

BACKBONE = "backbone."
HEAD = "decode_head."
CLASSIFIER = "decode_head.conv_seg."
HEADS = re.compile(r"(.+\.)?(head|classifier|decode_head|decoder|auxiliary_head)\..+")


class Model(BaseModel):
    """``model.json``: what the weights beside it are weights of.

    Attributes:
        classes: Names of all classes of the data set.
        first: Class id of the network's first output: 1 where class 0 was left out of training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    options: Options
    classes: tuple[str, ...]
    first: int


def finished(folder: Path) -> bool:
    """Whether a trained model lies in ``folder``."""
    return (folder / "model.json").exists()


def write(folder: Path, network: "nn.Module", model: Model) -> None:
    """Leave ``model.safetensors`` and ``model.json``, the latter when all is there."""
    from safetensors.torch import save_file

    partial = folder / f".model.{os.getpid()}"
    state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    save_file(state, partial)
    partial.replace(folder / "model.safetensors")
    partial.write_text(model.model_dump_json(indent=2))
    partial.replace(folder / "model.json")


def read(folder: Path) -> tuple[Any, Model]:
    """The trained network of a folder, and what it is."""
    from safetensors.torch import load_file

    model = Model.model_validate_json((folder / "model.json").read_text())
    network: Any = networks.build(model.options, len(model.classes) - model.first)
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network, model


def check(options: Options, path: Path, folder: Path) -> None:
    """Try a file as the start of a network of any classes.

    Raises:
        BenchError: As `start_from`.
    """
    import torch

    with quiet.into(folder / "log.txt"), torch.random.fork_rng(devices=[]):
        start_from(networks.build(options, 1), path, ())


def start_from(network: "nn.Module", path: Path, classes: Sequence[str]) -> None:
    """Put a file's weights into an untrained network.

    The file holds a MiT encoder with the names of mmseg, NVlabs or Hugging Face, alone or with a
    head. The encoder is filled completely. mmseg's head is taken too if it is of our kind; its
    last layer only if the file says that it was trained on the same classes.

    Raises:
        BenchError: If it is not such a file, is made for another size, lacks a tensor or has one
            that there is no place for.
    """
    found, trained_on = _load(path)
    wanted = dict(network.state_dict())
    encoder = _encoder(found, path)
    theirs = {f"{BACKBONE}{name}": tensor for name, tensor in encoder.tensors.items()}
    _refuse_another_size(encoder.tensors, wanted, path)
    _refuse_misfits(theirs, {n: v for n, v in wanted.items() if n.startswith(BACKBONE)}, path)
    head = {name for name in wanted if name.startswith(HEAD)}
    if trained_on != list(classes):
        head = {name for name in head if not name.startswith(CLASSIFIER)}
    if head <= found.keys():
        theirs |= {name: found[name] for name in head}
    for name, tensor in theirs.items():
        if tensor.shape != wanted[name].shape:
            raise BenchError(
                f"{path}: {name} is {tuple(tensor.shape)}, but the options ask for "
                f"{tuple(wanted[name].shape)}; change backbone or embedding, or the file"
            )
    network.load_state_dict(wanted | theirs)


def _encoder(found: "Mapping[str, Tensor]", path: Path) -> naming.Encoder:
    """The one encoder of a file, beside which there may be heads only."""
    there = naming.encoders(found)
    if len(there) != 1:
        firsts = " or ".join(first for first, _ in naming.FORMS.values())
        what = f"{len(there)} MiT encoders" if there else f"no MiT encoder (no {firsts})"
        raise BenchError(
            f"{path}: {what} among its {len(found)} tensors; expected one, with the names of "
            "mmseg, NVlabs or Hugging Face"
        )
    encoder = naming.read(found, *there[0])
    strange = [name for name in encoder.others if not HEADS.fullmatch(name)]
    if strange:
        raise BenchError(
            f"{path}: {len(strange)} tensors beside a MiT encoder (names of {encoder.form}) are "
            f"of no head (first: {strange[0]}); expected an encoder, alone or with a head"
        )
    return encoder


def _refuse_another_size(
    theirs: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", path: Path
) -> None:
    """Say which of the published sizes the file is of, where it is another one."""
    ours = {n.removeprefix(BACKBONE): v for n, v in wanted.items() if n.startswith(BACKBONE)}
    have, need = (_size(encoder) for encoder in (theirs, ours))
    if have != need:
        known = have.startswith("mit_")
        instead = f"set backbone: {have}, or name" if known else "name"
        raise BenchError(
            f"{path}: {have}, but the options ask for {need}; {instead} a file of {need}"
        )


def _size(encoder: "Mapping[str, Tensor]") -> str:
    """The published name of an encoder's size, else its size in words."""
    depths = naming.depths(encoder)
    width = len(encoder["layers.0.0.projection.weight"])
    for name, layers in networks.LAYERS.items():
        if (depths, width) == (layers, networks.WIDTH.get(name, 64)):
            return name
    return f"an encoder of {'-'.join(map(str, depths))} blocks, {width} channels wide"


def _refuse_misfits(
    theirs: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", path: Path
) -> None:
    for names, what in (
        ([name for name in wanted if name not in theirs], "are lacking"),
        ([name for name in theirs if name not in wanted], "have no place in it"),
    ):
        if names:
            raise BenchError(
                f"{path}: {len(names)} tensors of the encoder {what} (first, as mmseg calls it: "
                f"{names[0]}); expected the {len(wanted)} of a whole MiT encoder"
            )


def _load(path: Path) -> tuple[dict[str, "Tensor"], list[str] | None]:
    """The tensors of a file by name, and the classes it says it was trained on."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                classes = (file.metadata() or {}).get("classes")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, classes.split(",") if classes else None
        loaded = checkpoint.load(path, "cpu")
    except (*checkpoint.DAMAGED, SafetensorError, OSError) as fault:
        raise BenchError(
            f"{path}: cannot be read as weights ({checkpoint.said(fault)}); expected a safetensors "
            "file, or a torch file that holds nothing but tensors"
        ) from None
    state = loaded if isinstance(loaded, Mapping) else {}
    for inner in ("state_dict", "model"):
        state = state[inner] if isinstance(state.get(inner), Mapping) else state
    tensors = {name: v for name, v in state.items() if isinstance(v, torch.Tensor)}
    return tensors, None
