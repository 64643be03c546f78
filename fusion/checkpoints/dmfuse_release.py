"""DMFuse's released checkpoints: read without running what is in them, renamed, recognized.

Two files: the fusion head (``model.model``, 57 tensors, of which 12 belong to convolutions that
the released network builds and never calls) and the denoising network (``*_gen.pth``, in SR3's
naming, each name behind ``denoise_fn.``; the buffers of the noise schedule lie beside it).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fusebench.errors import UserError
from fusebench.storage import checkpoint
from fusion.checkpoints import weights_file
from fusion.checkpoints.weights_file import WeightsMetadata

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

FEATURE_STEPS = (5, 50, 100)  # whose features the released head takes

UNUSED_PREFIXES = ("conv_in2.", "conv_in3.", "conv_in4.", "conv_in5.", "conv_t2.", "conv_t3.")
HEAD_NAMES = {
    "conv_in1.conv2d": "decoder.enlarged",
    "conv_t4.conv2d": "decoder.merged",
    "conv_t1.conv1.conv2d": "decoder.last",
    "crossatten.gamma": "interaction.gamma",
    "crossatten.query_conv": "interaction.query",
    "crossatten.key_conv": "interaction.key",
    "crossatten.value_conv": "interaction.value",
} | {
    f"en{level}.{theirs}": f"heads.{level}.{ours}"
    for level in range(4)
    for theirs, ours in {
        "conv1.conv2d": "conv",
        "ChannelSpatialSELayer.cSE.fc1": "squeeze",
        "ChannelSpatialSELayer.cSE.fc2": "excite",
        "ChannelSpatialSELayer.sSE.conv": "spatial",
    }.items()
}
DENOISING_NAME_RULES = (
    (r"^(.*\.)?denoise_fn\.", ""),
    (r"^noise_level_mlp\.1\.", "level.0."),
    (r"^noise_level_mlp\.3\.", "level.2."),
    (r"^init_conv\.", "entry."),
    (r"^downs\.", "down."),
    (r"^mid\.", "middle."),
    (r"^ups\.(\d+)\.conv\.", r"up.\1.conv."),
    (r"^ups\.", "up."),
    (r"^(down\.\d+)\.conv\.", r"\1."),
    (r"^final_conv\.block\.0\.", "leave.0."),
    (r"^final_conv\.block\.3\.", "leave.2."),
    (r"\.res_block\.noise_func\.noise_func\.0\.", ".level."),
    (r"\.res_block\.block1\.block\.0\.", ".norm1."),
    (r"\.res_block\.block1\.block\.3\.", ".conv1."),
    (r"\.res_block\.block2\.block\.0\.", ".norm2."),
    (r"\.res_block\.block2\.block\.3\.", ".conv2."),
    (r"\.res_block\.res_conv\.", ".shortcut."),
    (r"\.attn\.", ".attention."),
)


def read_dmfuse_weights(
    path: Path, beside: Path | None
) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """DMFuse's weights: one file of this project, or the two released ones.

    Args:
        path: Weights of this project, or the released fusion head.
        beside: The released denoising network, where ``path`` is the head.

    Returns:
        Tensors under the names of `fusion.checkpoints.load_network.TrainedDMFuse`, and the architecture they are of.

    Raises:
        UserError: If a file is damaged, holds code, is neither, or the two do not fit.
    """
    if path.suffix == ".safetensors":
        if beside is not None:
            raise UserError(f"{path} holds both networks; leave the option denoising out")
        return weights_file.read_weights(path)
    tensors = _load_tensors(path)
    if not is_fusion_head(tensors):
        kind = (
            "a denoising network"
            if is_denoising_network(tensors)
            else "neither of DMFuse's networks"
        )
        raise UserError(
            f"{path}: {kind}; expected a .safetensors file of python -m fusion.train, or DMFuse's "
            "released fusion head (model.model), whose denoising network goes into the option "
            "denoising"
        )
    if beside is None:
        raise UserError(
            f"{path}: a fusion head alone; name the denoising network it was trained on (the "
            "released *_gen.pth) in the option denoising"
        )
    top = weights_file.convert_to_float32(rename_head_tensors(tensors), path)
    below = weights_file.convert_to_float32(rename_denoising_tensors(_load_tensors(beside)), beside)
    return _join_networks(path, top, beside, below)


def _load_tensors(path: Path) -> dict[str, Any]:
    """The named tensors of a file written by torch.save.

    Raises:
        UserError: If it cannot be read, or holds anything else.
    """
    import torch

    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    content = checkpoint.read_checkpoint(path, "cpu", "copy or download it again")
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(t, torch.Tensor) for name, t in content.items()
    ):
        raise UserError(f"{path}: expected tensors by name, as torch.save(network.state_dict())")
    return content


def _join_networks(
    path: Path, top: dict[str, "Tensor"], beside: Path, below: dict[str, "Tensor"]
) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Both networks as one, if they fit."""
    if "entry.weight" not in below:
        raise UserError(f"{beside}: not a denoising network in SR3's naming (no init_conv.weight)")
    shape = _get_kernel_shape(below["entry.weight"], f"{beside}: init_conv.weight")
    inner, channels = shape[:2]
    found = _get_kernel_shape(top["heads.0.conv.weight"], f"{path}: en0.conv1.conv2d.weight")[1]
    wanted = len(FEATURE_STEPS) * inner
    if found != wanted:
        raise UserError(
            f"{path} and {beside} do not fit: en0.conv1.conv2d.weight takes {found} channels, but "
            f"{len(FEATURE_STEPS)} steps of a network with init_conv.weight {shape} give {wanted}"
        )
    told = {
        "denoising": {
            "inner": inner,
            "channels": channels,
            "schedule": "cosine",
            "timesteps": 2000,
        },
        "head": {
            "encoder": "diffusion",
            "interaction": "caim",
            "affinity": "code",
            "scaled": True,
            "features_at": FEATURE_STEPS,
        },
    }
    tensors = {f"fusion.{name}": t for name, t in top.items()}
    tensors |= {f"denoising.{name}": t for name, t in below.items()}
    return tensors, WeightsMetadata("dmfuse", "fusion", told)


def _get_kernel_shape(kernel: "Tensor", what: str) -> tuple[int, ...]:
    """The four sides of a convolution's weights.

    Raises:
        UserError: If there are not four.
    """
    if kernel.ndim != 4:
        raise UserError(
            f"{what} has shape {tuple(kernel.shape)}, expected the four sides of a convolution; "
            "copy or download it again"
        )
    return tuple(kernel.shape)


def is_fusion_head(names: Mapping[str, object]) -> bool:
    """Whether these are the names of the released fusion head."""
    return "conv_in1.conv2d.weight" in names and "en0.conv1.conv2d.weight" in names


def is_denoising_network(names: Mapping[str, object]) -> bool:
    """Whether these are the names of an SR3-style denoising network."""
    return any(name.endswith("noise_level_mlp.1.weight") for name in names)


def rename_head_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """The released head's tensors under the names of `fusion.networks.dmfuse.FusionNetwork`."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith(UNUSED_PREFIXES):
            continue
        stem, dot, part = name.rpartition(".")
        renamed[HEAD_NAMES.get(name) or f"{HEAD_NAMES.get(stem, stem)}{dot}{part}"] = tensor
    return renamed


def rename_denoising_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """The released tensors under the names of `fusion.networks.denoising.DenoisingNetwork`.

    Whatever lies outside the network in the file (the buffers of its noise schedule) is left out.
    """
    inside = [name for name in tensors if re.match(r"^(.*\.)?denoise_fn\.", name)]
    return {_rename_denoising_tensor(name): tensors[name] for name in inside or tensors}


def _rename_denoising_tensor(name: str) -> str:
    for theirs, ours in DENOISING_NAME_RULES:
        name = re.sub(theirs, ours, name)
    return name
