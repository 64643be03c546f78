"""Names of MiT weights: those of NVlabs' files and of Hugging Face's, as mmseg calls them.

    NVlabs                Hugging Face                              mmseg
    patch_embed1.proj     encoder.patch_embeddings.0.proj           layers.0.0.projection
    block1.0.attn.q, kv   encoder.block.0.0.attention.self.query …  layers.0.1.0.attn.attn.in_proj
    block1.0.mlp.fc1      encoder.block.0.0.mlp.dense1              layers.0.1.0.ffn.layers.0
    norm1                 encoder.layer_norm.0                      layers.0.2

transformers 5 calls them otherwise again in memory (``stages.0.blocks.0.attention.q_proj``), which
is what ``torch.save`` of its models writes. mmseg keeps query, key and value in one tensor, and
writes the linear layers of the feed-forward part as 1 x 1 convolutions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MMSEG = "mmseg"
NAMING_SCHEMES = {  # name of the first tensor of an encoder; what the others are like
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
LAYER_KINDS = {  # of a kind of layer within a stage of mmseg
    "0": ("patch_embed", "patch_embeddings"),
    "1": ("block", "blocks"),
    "2": ("norm", "layer_norm"),
}
PART_NAMES = {  # of an embedding or a block: mmseg's name to those of the others
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
MMSEG_LAYER_KIND = {theirs: ours for ours, names in LAYER_KINDS.items() for theirs in names}
MMSEG_PART_NAME = {theirs: ours for ours, names in PART_NAMES.items() for theirs in names}
QUERY_PATTERN = re.compile(r"(.+\.attn\.)q\.(weight|bias)")


@dataclass(frozen=True)
class EncoderWeights:
    """The MiT encoder of a file.

    Attributes:
        form: Whose names it has, one of `NAMING_SCHEMES`.
        tensors: By mmseg's name, without a prefix.
        others: Names in the file of what is not in the encoder.
    """

    naming_scheme: str
    tensors: "Mapping[str, Tensor]"
    other_names: tuple[str, ...]


def find_encoders(names: Iterable[str]) -> list[tuple[str, str]]:
    """Form and prefix (``segformer.``, say) of every encoder whose first tensor is there."""
    return [
        (form, name.removesuffix(first))
        for name in names
        for form, (first, _) in NAMING_SCHEMES.items()
        if name == first or name.endswith(f".{first}")
    ]


def read_encoder(found: "Mapping[str, Tensor]", form: str, prefix: str) -> EncoderWeights:
    """The encoder of that form behind that prefix.

    Args:
        found: All tensors of a file.
        form: One of `NAMING_SCHEMES`.
        prefix: What stands before its names.
    """
    renamed: dict[str, Tensor] = {}
    others = []
    for name, tensor in found.items():
        known = (
            _rename_to_mmseg(name.removeprefix(prefix), form) if name.startswith(prefix) else None
        )
        if known is None:
            others.append(name)
        else:
            renamed[known] = _convert_linear_to_convolution(known, tensor)
    return EncoderWeights(form, _join_query_key_value(renamed), tuple(others))


def count_blocks(names: Iterable[str]) -> tuple[int, ...]:
    """Blocks in each of the four stages, from mmseg's names."""
    seen = {name.rsplit(".norm1.")[0] for name in names if name.endswith(".norm1.weight")}
    return tuple(
        sum(block.startswith(f"layers.{stage}.1.") for block in seen) for stage in range(4)
    )


def _rename_to_mmseg(name: str, form: str) -> str | None:
    """A name as mmseg has it, but that query, key and value are still apart; None if unknown."""
    match = re.fullmatch(NAMING_SCHEMES[form][1], name)
    if match is None or form == MMSEG:
        return name if match else None
    kind, rest = MMSEG_LAYER_KIND[match["kind"]], match["rest"]
    stage = int(match["stage"]) - (form == "NVlabs")
    if kind == "2":
        return f"layers.{stage}.2.{rest}"
    within = re.fullmatch(r"(?P<block>\d+\.)?(?P<part>.+)\.(?P<last>\w+)", rest)
    if within is None:
        return None
    part = MMSEG_PART_NAME.get(within["part"], within["part"])
    return f"layers.{stage}.{kind}.{within['block'] or ''}{part}.{within['last']}"


def _convert_linear_to_convolution(name: str, tensor: "Tensor") -> "Tensor":
    linear = tensor.ndim == 2 and name.endswith(("ffn.layers.0.weight", "ffn.layers.4.weight"))
    return tensor[..., None, None] if linear else tensor


def _join_query_key_value(renamed: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Query, key and value in one tensor, in this order, wherever all three are there."""
    import torch

    done = dict(renamed)
    for match in filter(None, map(QUERY_PATTERN.fullmatch, renamed)):
        block, last = match.groups()
        apart = ("q", "kv") if f"{block}kv.{last}" in renamed else ("q", "k", "v")
        names = [f"{block}{part}.{last}" for part in apart]
        if len({renamed[n].shape[1:] if n in renamed else n for n in names}) == 1:
            done[f"{block}attn.in_proj_{last}"] = torch.cat([done.pop(name) for name in names])
    return done
