"""Names of MiT weights: those of NVlabs' files and of Hugging Face's, as mmseg calls them.

    NVlabs                Hugging Face                              mmseg
    patch_embed1.proj     encoder.patch_embeddings.0.proj           layers.0.0.projection
    block1.0.attn.q, kv   encoder.block.0.0.attention.self.query …  layers.0.1.0.attn.attn.in_proj
    block1.0.mlp.fc1      encoder.block.0.0.mlp.dense1              layers.0.1.0.ffn.layers.0
    norm1                 encoder.layer_norm.0                      layers.0.2

mmseg keeps query, key and value in one tensor, and writes the linear layers of the feed-forward
part as 1 x 1 convolutions.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NVLABS = re.compile(r"(?:backbone\.|encoder\.)?(patch_embed|block|norm)([1-4])\.(.+)")
HUGGING_FACE = re.compile(
    r"(?:segformer\.)?encoder\.(patch_embeddings|block|layer_norm)\.([0-3])\.(.+)"
)
PLACE = {  # within a stage of mmseg
    "patch_embed": "0",
    "patch_embeddings": "0",
    "block": "1",
    "norm": "2",
    "layer_norm": "2",
}
PARTS = (  # of a name after its place, first match only
    ("attention.self.query.", "attn.q."),
    ("attention.self.key.", "attn.k."),
    ("attention.self.value.", "attn.v."),
    ("attention.self.sr.", "attn.sr."),
    ("attention.self.layer_norm.", "attn.norm."),
    ("attention.output.dense.", "attn.attn.out_proj."),
    ("attn.proj.", "attn.attn.out_proj."),
    ("mlp.fc1.", "ffn.layers.0."),
    ("mlp.dense1.", "ffn.layers.0."),
    ("mlp.dwconv.dwconv.", "ffn.layers.1."),
    ("mlp.fc2.", "ffn.layers.4."),
    ("mlp.dense2.", "ffn.layers.4."),
    ("layer_norm_1.", "norm1."),
    ("layer_norm_2.", "norm2."),
    ("layer_norm.", "norm."),
    ("proj.", "projection."),
)
JOINED = re.compile(r"(.+\.attn\.)(q|kv|k|v)\.(weight|bias)")


def as_mmseg(found: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The encoder's tensors under mmseg's names; unchanged if they are in neither other form."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in found.items():
        other = _renamed(name)
        if other is not None:
            renamed[other] = _convolution(other, tensor)
    return _joined(renamed) if renamed else dict(found)


def _renamed(name: str) -> str | None:
    """One name, except that query, key and value are still apart; None if it is in no form."""
    for form, first in ((HUGGING_FACE, 0), (NVLABS, 1)):
        match = form.fullmatch(name)
        if match:
            kind, stage, rest = match.groups()
            for theirs, ours in PARTS:
                if theirs in rest:
                    rest = rest.replace(theirs, ours)
                    break
            return f"layers.{int(stage) - first}.{PLACE[kind]}.{rest}"
    return None


def _convolution(name: str, tensor: "Tensor") -> "Tensor":
    linear = tensor.ndim == 2 and name.endswith(("ffn.layers.0.weight", "ffn.layers.4.weight"))
    return tensor[..., None, None] if linear else tensor


def _joined(renamed: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Query, key and value in one tensor, in this order."""
    import torch

    done: dict[str, Tensor] = {}
    for name, tensor in renamed.items():
        match = JOINED.fullmatch(name)
        if match is None:
            done[name] = tensor
        elif match[2] == "q":
            parts = [renamed.get(f"{match[1]}{part}.{match[3]}") for part in ("q", "kv", "k", "v")]
            there = [part for part in parts if part is not None]
            done[f"{match[1]}attn.in_proj_{match[3]}"] = torch.cat(there)
    return done
