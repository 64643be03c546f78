"""Names of MiT weights: renames tensors of NVlabs' and Hugging Face's files to mmseg's names.

    NVlabs                Hugging Face                              mmseg
    patch_embed1.proj     encoder.patch_embeddings.0.proj           layers.0.0.projection
    block1.0.attn.q, kv   encoder.block.0.0.attention.self.query …  layers.0.1.0.attn.attn.in_proj
    block1.0.mlp.fc1      encoder.block.0.0.mlp.dense1              layers.0.1.0.ffn.layers.0
    norm1                 encoder.layer_norm.0                      layers.0.2

transformers 5 has other names again in memory (``stages.0.blocks.0.attention.q_proj``), which are
those that ``torch.save`` of its models writes. mmseg has query, key and value in one tensor, and
the linear layers of the feed-forward part as 1 x 1 convolutions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MMSEG = "mmseg"
NAMING_SCHEMES = {  # name of an encoder's first tensor, and a pattern of all its names
    MMSEG: (
        "layers.0.0.projection.weight",
        r"layers\.(?P<stage>\d)\.(?P<kind>[012])\.(?P<rest>.+)",
    ),
    "NVlabs": (
        "patch_embed1.proj.weight",
        r"(?P<kind>patch_embed|block|norm)(?P<stage>\d)\.(?P<rest>.+)",
    ),
    "Hugging Face": (
        "encoder.patch_embeddings.0.proj.weight",
        r"encoder\.(?P<kind>patch_embeddings|block|layer_norm)\.(?P<stage>\d)\.(?P<rest>.+)",
    ),
    "transformers 5": (
        "stages.0.patch_embeddings.proj.weight",
        r"stages\.(?P<stage>\d)\.(?P<kind>patch_embeddings|blocks|layer_norm)\.(?P<rest>.+)",
    ),
}
LAYER_KINDS = {  # mmseg's number of a kind of layer within a stage: the other schemes' names
    "0": ("patch_embed", "patch_embeddings"),
    "1": ("block", "blocks"),
    "2": ("norm", "layer_norm"),
}
PART_NAMES = {  # mmseg's name of a part of an embedding or block: the other schemes' names
    "projection": ("proj",),
    "norm": ("layer_norm",),
    "norm1": ("layer_norm_1", "layernorm_before"),
    "norm2": ("layer_norm_2", "layernorm_after"),
    "attn.q": ("attention.self.query", "attention.q_proj"),
    "attn.k": ("attention.self.key", "attention.k_proj"),
    "attn.v": ("attention.self.value", "attention.v_proj"),
    "attn.sr": ("attention.self.sr", "attention.sequence_reduction.sequence_reduction"),
    "attn.norm": ("attention.self.layer_norm", "attention.sequence_reduction.layer_norm"),
    "attn.attn.out_proj": ("attn.proj", "attention.output.dense", "attention.o_proj"),
    "ffn.layers.0": ("mlp.fc1", "mlp.dense1"),
    "ffn.layers.1": ("mlp.dwconv.dwconv",),
    "ffn.layers.4": ("mlp.fc2", "mlp.dense2"),
}
MMSEG_LAYER_KIND = {name: mmseg for mmseg, names in LAYER_KINDS.items() for name in names}
MMSEG_PART_NAME = {name: mmseg for mmseg, names in PART_NAMES.items() for name in names}
QUERY_PATTERN = re.compile(r"(.+\.attn\.)q\.(weight|bias)")


@dataclass(frozen=True)
class EncoderWeights:
    """The MiT encoder of a file.

    Attributes:
        naming_scheme: Of its names in the file, one of `NAMING_SCHEMES`.
        tensors: By mmseg's name, without a prefix.
        other_names: Names in the file that are not of the encoder.
    """

    naming_scheme: str
    tensors: "Mapping[str, Tensor]"
    other_names: tuple[str, ...]


def find_encoders(names: Iterable[str]) -> list[tuple[str, str]]:
    """Find the encoders of a file by their first tensor.

    Args:
        names: Names of all tensors of the file.

    Returns:
        Naming scheme and prefix (``segformer.``, say) of each.
    """
    return [
        (scheme, name.removesuffix(first))
        for name in names
        for scheme, (first, _) in NAMING_SCHEMES.items()
        if name == first or name.endswith(f".{first}")
    ]


def read_encoder(tensors: "Mapping[str, Tensor]", scheme: str, prefix: str) -> EncoderWeights:
    """Rename the tensors of an encoder to mmseg's names.

    Args:
        tensors: All tensors of a file.
        scheme: One of `NAMING_SCHEMES`.
        prefix: Prefix of the encoder's names.
    """
    renamed: dict[str, Tensor] = {}
    other_names = []
    for name, tensor in tensors.items():
        mmseg_name = (
            _rename_to_mmseg(name.removeprefix(prefix), scheme) if name.startswith(prefix) else None
        )
        if mmseg_name is None:
            other_names.append(name)
        else:
            renamed[mmseg_name] = _convert_linear_to_convolution(mmseg_name, tensor)
    return EncoderWeights(scheme, _join_query_key_value(renamed), tuple(other_names))


def count_blocks(names: Iterable[str]) -> tuple[int, ...]:
    """Count the blocks in each of the four stages, from mmseg's names."""
    blocks = {name.rsplit(".norm1.")[0] for name in names if name.endswith(".norm1.weight")}
    return tuple(
        sum(block.startswith(f"layers.{stage}.1.") for block in blocks) for stage in range(4)
    )


def _rename_to_mmseg(name: str, scheme: str) -> str | None:
    """Return mmseg's name, query, key and value still separate; None if the name is unknown."""
    match = re.fullmatch(NAMING_SCHEMES[scheme][1], name)
    if match is None or scheme == MMSEG:
        return name if match else None
    kind, rest = MMSEG_LAYER_KIND[match["kind"]], match["rest"]
    stage = int(match["stage"]) - (scheme == "NVlabs")  # NVlabs counts stages from 1
    if kind == "2":
        return f"layers.{stage}.2.{rest}"
    within = re.fullmatch(r"(?P<block>\d+\.)?(?P<part>.+)\.(?P<last>\w+)", rest)
    if within is None:
        return None
    part = MMSEG_PART_NAME.get(within["part"], within["part"])
    return f"layers.{stage}.{kind}.{within['block'] or ''}{part}.{within['last']}"


def _convert_linear_to_convolution(name: str, tensor: "Tensor") -> "Tensor":
    is_linear = tensor.ndim == 2 and name.endswith(("ffn.layers.0.weight", "ffn.layers.4.weight"))
    return tensor[..., None, None] if is_linear else tensor


def _join_query_key_value(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Concatenate query, key and value in this order, wherever all three are present."""
    import torch

    joined = dict(tensors)
    for match in filter(None, map(QUERY_PATTERN.fullmatch, tensors)):
        block, last = match.groups()
        parts = ("q", "kv") if f"{block}kv.{last}" in tensors else ("q", "k", "v")
        names = [f"{block}{part}.{last}" for part in parts]
        # one distinct shape beyond the first axis: all parts are present and fit together
        if len({tensors[n].shape[1:] if n in tensors else n for n in names}) == 1:
            joined[f"{block}attn.in_proj_{last}"] = torch.cat([joined.pop(name) for name in names])
    return joined
