"""Reader of DMFuse's released checkpoints; code in them is not executed.

There are two files: the fusion head (``model.model``, 57 tensors, of which 12 belong to
convolutions that the released network builds but never calls) and the denoising network
(``*_gen.pth``, tensors named as in SR3 with the prefix ``denoise_fn.``, and the buffers of the
noise schedule). The tensors are renamed to those of this project's networks.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fusebench.errors import UserError
from fusebench.storage.weights import foreign_weights
from fusion.checkpoints import weights_file
from fusion.checkpoints.weights_file import WeightsMetadata

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

FEATURE_STEPS = (5, 50, 100)  # time steps whose features the released head takes

FIRST_HEAD_NAME = "conv_in1.conv2d.weight"
FIRST_DENOISING_NAMES = ("denoise_fn.init_conv.weight", "init_conv.weight")
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
    f"en{level}.{released}": f"heads.{level}.{name}"
    for level in range(4)
    for released, name in {
        "conv1.conv2d": "conv",
        "ChannelSpatialSELayer.cSE.fc1": "squeeze",
        "ChannelSpatialSELayer.cSE.fc2": "excite",
        "ChannelSpatialSELayer.sSE.conv": "spatial",
    }.items()
}
DENOISING_NAME_RULES = (  # regular expression and its replacement, applied in this order
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
    path: Path, denoising_path: Path | None
) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Read DMFuse's weights: one file of this project, or the two released files.

    Args:
        path: Weights of this project, or the released fusion head.
        denoising_path: The released denoising network if ``path`` is the head, else None.

    Returns:
        Tensors named as in `fusion.checkpoints.load_network.TrainedDMFuse`, and the metadata with
        their architecture.

    Raises:
        UserError: If a file is damaged, contains code or other networks, or the two do not fit.
    """
    file = foreign_weights.read_file(path)
    if weights_file.METADATA_KEY in file.metadata:
        if denoising_path is not None:
            raise UserError(f"{path} contains both networks; leave the option denoising out")
        return weights_file.parse_weights(file)
    tensors = foreign_weights.select_network(file.select_tensors(), (FIRST_HEAD_NAME,), path)
    if not is_fusion_head(tensors):
        content = (
            "a denoising network"
            if is_denoising_network(tensors)
            else "neither of DMFuse's networks"
        )
        raise UserError(
            f"{path}: {content}; expected a .safetensors file of python -m fusion.train, or "
            "DMFuse's released fusion head (model.model) with its denoising network in the option "
            "denoising"
        )
    if denoising_path is None:
        raise UserError(
            f"{path}: a fusion head without its denoising network; name the one it was trained on "
            "(the released *_gen.pth) in the option denoising"
        )
    head = weights_file.convert_to_float32(rename_head_tensors(tensors), path)
    denoising = weights_file.convert_to_float32(
        rename_denoising_tensors(
            foreign_weights.select_network(
                foreign_weights.read_file(denoising_path).select_tensors(),
                FIRST_DENOISING_NAMES,
                denoising_path,
            )
        ),
        denoising_path,
    )
    return _join_networks(path, head, denoising_path, denoising)


def _join_networks(
    head_path: Path,
    head: dict[str, "Tensor"],
    denoising_path: Path,
    denoising: dict[str, "Tensor"],
) -> tuple[dict[str, "Tensor"], WeightsMetadata]:
    """Combine both networks; their sizes determine the architecture.

    Raises:
        UserError: If the two networks do not fit.
    """
    if "entry.weight" not in denoising:
        raise UserError(
            f"{denoising_path}: not a denoising network with SR3's names (no init_conv.weight)"
        )
    shape = _get_kernel_shape(denoising["entry.weight"], f"{denoising_path}: init_conv.weight")
    inner, channels = shape[:2]
    head_shape = _get_kernel_shape(
        head["heads.0.conv.weight"], f"{head_path}: en0.conv1.conv2d.weight"
    )
    expected = len(FEATURE_STEPS) * inner
    if head_shape[1] != expected:
        raise UserError(
            f"{head_path} and {denoising_path} do not fit: en0.conv1.conv2d.weight takes "
            f"{head_shape[1]} channels, but {len(FEATURE_STEPS)} steps of a network with "
            f"init_conv.weight {shape} give {expected}"
        )
    architecture = {
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
    tensors = {f"fusion.{name}": t for name, t in head.items()}
    tensors |= {f"denoising.{name}": t for name, t in denoising.items()}
    return tensors, WeightsMetadata("dmfuse", "fusion", architecture)


def _get_kernel_shape(kernel: "Tensor", location: str) -> tuple[int, ...]:
    """Get the shape (out, in, kH, kW) of a convolution's weights.

    Raises:
        UserError: If the tensor does not have four dimensions.
    """
    if kernel.ndim != 4:
        raise UserError(
            f"{location} has shape {tuple(kernel.shape)}, expected the four dimensions of a "
            "convolution; copy or download it again"
        )
    return tuple(kernel.shape)


def is_fusion_head(names: Mapping[str, object]) -> bool:
    """Return whether these are the tensors of the released fusion head."""
    return FIRST_HEAD_NAME in names and "en0.conv1.conv2d.weight" in names


def is_denoising_network(names: Mapping[str, object]) -> bool:
    """Return whether these are the tensors of a denoising network with SR3's names."""
    return any(name.endswith("noise_level_mlp.1.weight") for name in names)


def rename_head_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """Rename the released head's tensors to those of `fusion.networks.dmfuse.FusionNetwork`."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith(UNUSED_PREFIXES):
            continue
        stem, dot, part = name.rpartition(".")
        renamed[HEAD_NAMES.get(name) or f"{HEAD_NAMES.get(stem, stem)}{dot}{part}"] = tensor
    return renamed


def rename_denoising_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """Rename the released tensors to those of `fusion.networks.denoising.DenoisingNetwork`.

    Tensors outside the network (the buffers of the noise schedule) are left out.
    """
    names = [name for name in tensors if re.match(r"^(.*\.)?denoise_fn\.", name)]
    return {_rename_denoising_tensor(name): tensors[name] for name in names or tensors}


def _rename_denoising_tensor(name: str) -> str:
    for pattern, replacement in DENOISING_NAME_RULES:
        name = re.sub(pattern, replacement, name)
    return name
