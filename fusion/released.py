"""Names in DMFuse's released checkpoints, and what they are called here.

Two files: the fusion head (``model.model``, 57 tensors, of which 12 belong to convolutions that
the released network builds and never calls) and the denoising network (``*_gen.pth``, in SR3's
naming, each name behind ``denoise_fn.``; the buffers of the noise schedule lie beside it).
"""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

UNUSED = ("conv_in2.", "conv_in3.", "conv_in4.", "conv_in5.", "conv_t2.", "conv_t3.")
HEAD = {
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
DENOISING = (
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


def is_head(names: Mapping[str, object]) -> bool:
    """Whether these are the names of the released fusion head."""
    return "conv_in1.conv2d.weight" in names and "en0.conv1.conv2d.weight" in names


def is_denoising(names: Mapping[str, object]) -> bool:
    """Whether these are the names of an SR3-style denoising network."""
    return any(name.endswith("noise_level_mlp.1.weight") for name in names)


def head(tensors: Mapping[str, T]) -> dict[str, T]:
    """The released head's tensors under the names of `fusion.networks.dmfuse.FusionNetwork`."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith(UNUSED):
            continue
        stem, dot, part = name.rpartition(".")
        renamed[HEAD.get(name) or f"{HEAD.get(stem, stem)}{dot}{part}"] = tensor
    return renamed


def denoising(tensors: Mapping[str, T]) -> dict[str, T]:
    """The released tensors under the names of `fusion.networks.denoising.DenoisingNetwork`.

    Whatever lies outside the network in the file (the buffers of its noise schedule) is left out.
    """
    inside = [name for name in tensors if re.match(r"^(.*\.)?denoise_fn\.", name)]
    return {_denoising(name): tensors[name] for name in inside or tensors}


def _denoising(name: str) -> str:
    for theirs, ours in DENOISING:
        name = re.sub(theirs, ours, name)
    return name
