"""Weights in and out of files, without unpickling objects."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from bench.errors import BenchError
from segmentation.models._segformer import naming
from segmentation.models._segformer import network as networks
from segmentation.models.segformer import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

CLASSIFIER = "decode_head.conv_seg."


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


def start_from(network: "nn.Module", path: Path, classes: Sequence[str]) -> None:
    """Put a file's weights into an untrained network.

    The file holds a whole SegFormer or an encoder alone with mmseg's names, or an encoder with
    those of NVlabs or Hugging Face. The last layer of a whole one is taken only if the file says
    that it was trained on the same classes.

    Raises:
        BenchError: If it is not such a file, or made for another size.
    """
    found, trained_on = _load(path)
    found = naming.as_mmseg(found)
    if any(name.startswith("layers.") for name in found):
        found = {f"backbone.{name}": value for name, value in found.items()}
    wanted = dict(network.state_dict())
    found = {name: value for name, value in found.items() if name in wanted}
    if trained_on != list(classes):
        found = {name: v for name, v in found.items() if not name.startswith(CLASSIFIER)}
    lacking = [name for name in wanted if name.startswith("backbone.") and name not in found]
    if lacking:
        raise BenchError(
            f"{path}: no weights called {lacking[0]}; expected a MiT encoder or SegFormer of "
            "this size, with the names of mmseg, NVlabs or Hugging Face"
        )
    for name, value in found.items():
        if value.shape != wanted[name].shape:
            raise BenchError(
                f"{path}: {name} is {tuple(value.shape)}, but the options ask for "
                f"{tuple(wanted[name].shape)}; change backbone or embedding, or the file"
            )
    network.load_state_dict(wanted | found)


def _load(path: Path) -> tuple[dict[str, "Tensor"], list[str] | None]:
    """The tensors of a file by name, and the classes it says it was trained on."""
    import pickle

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                classes = (file.metadata() or {}).get("classes")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, classes.split(",") if classes else None
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (
        SafetensorError,
        pickle.UnpicklingError,
        RuntimeError,
        LookupError,
        EOFError,
        OSError,
    ) as fault:
        first = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise BenchError(
            f"{path}: cannot be read as weights ({first}); expected a safetensors file, or a "
            "torch file that holds nothing but tensors"
        ) from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else {}
    tensors = {name: v for name, v in state.items() if isinstance(v, torch.Tensor)}
    return tensors, None
