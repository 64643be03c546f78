"""Parameters and multiply-accumulates (MACs): exact counts, and counts as in DMFuse's tables.

Networks are counted on torch's meta device, where tensors have shapes and no values: nothing is
computed, whatever the size.

The exact MACs are those of convolutions, linear layers and matrix products (all attentions),
counted from the operators that are actually called. Normalizations, activations, softmaxes and
upsampling are left out.

DMFuse prints smaller numbers (Tables 5 and 7). Its counting was inferred by reproducing them:
thop 0.1.1 on the denoising network with one channel (the experiments have three), one pass for
each modality (the features take three), plus thop on the fusion network, each part rounded to
three decimals. thop knows modules, not operators: it ignores group normalizations, matrix products
and the scale of CAIM, but counts softmaxes and upsampling. Seven of the eight numbers are
reproduced exactly; the uncompressed network gives 1469.929 G, where 1516.136 is printed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fusion.checkpoints.load_network import NoiseOptions, TrainedDMFuse, TrainedDMNet
from fusion.diffusion.features import FEATURE_STEPS
from fusion.networks import inference_memory
from fusion.networks.caim import CrossAttentionInteraction
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from fusion.networks.dmnet_architecture import DMNetArchitecture
from fusion.networks.tiled_inference import TrainedNetwork

# Inner width: millions of parameters, billions of FLOPs, as printed in Table 5.
DMFUSE_PAPER_COUNTS = {
    128: (392.724, 1516.136),
    64: (98.680, 382.052),
    32: (24.967, 106.584),
    16: (6.433, 35.967),
}
# Millions of parameters of the full network, as printed in Table VIII.
DMNET_PAPER_PARAMETERS = 386.358


@dataclass(frozen=True)
class MacCounts:
    """Operations of one call of a network.

    Attributes:
        convolutions: Multiply-accumulates of convolutions, without biases.
        linear: Multiply-accumulates of linear layers, without biases.
        matrix_products: Multiply-accumulates of matrix products, two for each attention.
        upsampled_values: Output values of nearest-neighbor upsampling (not multiply-accumulates).
    """

    convolutions: int
    linear: int
    matrix_products: int
    upsampled_values: int

    @property
    def macs(self) -> int:
        """Total multiply-accumulates."""
        return self.convolutions + self.linear + self.matrix_products

    @property
    def thop_macs(self) -> int:
        """Total as thop counts it: with upsampling, without matrix products."""
        return self.convolutions + self.linear + self.upsampled_values


@dataclass(frozen=True)
class PaperCounts:
    """Counts as in DMFuse's tables, to three decimals; None where the paper prints none.

    Attributes:
        parameters: Millions.
        macs: Billions of multiply-accumulates, called FLOPs there.
    """

    parameters: float | None
    macs: float | None


def count_parameters(network: nn.Module) -> int:
    """Count the trainable values; shared ones count once."""
    return sum(p.numel() for p in network.parameters())


def count_macs(call: Callable[[], object]) -> MacCounts:
    """Count the operations of a call, on any device; its result is discarded."""
    with torch.no_grad(), _OperatorCounter() as counter:
        call()
    return MacCounts(**counter.counts)


def count_pair_macs(network: TrainedNetwork, height: int, width: int) -> MacCounts:
    """Count the operations of fusing one pair.

    Args:
        network: On the meta device.
        height: In pixels, after padding.
        width: The same.
    """
    image, noise = inference_memory.build_meta_inputs(network, height, width)
    return count_macs(lambda: network.fuse(image, image, noise))


def build_paper_dmfuse(inner: int) -> TrainedDMFuse:
    """Build DMFuse as in its paper's experiments, on the meta device."""
    denoising = {"inner": inner, "channels": 3, "schedule": "cosine", "timesteps": 2000}
    head = {"encoder": "diffusion", "interaction": "caim", "affinity": "paper", "scaled": False}
    architecture = {"denoising": denoising, "head": {**head, "features_at": FEATURE_STEPS}}
    with torch.device("meta"):
        return TrainedDMFuse(architecture, NoiseOptions())


def build_paper_dmnet(inner: int) -> TrainedDMNet:
    """Build DMNet as this project reads its paper, on the meta device."""
    architecture = {"network": asdict(DMNetArchitecture(inner=inner)), "timesteps": 2000}
    with torch.device("meta"):
        return TrainedDMNet(architecture, NoiseOptions())


def count_as_in_paper(network: nn.Module, height: int, width: int) -> PaperCounts:
    """Count a network as the tables of its paper do.

    DMNet's Table VIII has only parameters, and counts all of them.

    Args:
        network: A `TrainedDMFuse` or `TrainedDMNet` of `fusion.checkpoints.load_network`, on the
            meta device. Other networks have no paper counts.
        height: In pixels, a multiple of 16.
        width: The same.
    """
    if isinstance(network, TrainedDMNet):
        return PaperCounts(round(count_parameters(network) / 1e6, 3), None)
    if not isinstance(network, TrainedDMFuse) or network.denoising is None:
        return PaperCounts(None, None)
    with torch.device("meta"):
        denoising = DenoisingNetwork(channels=1, inner=network.denoising.inner)
    fusion = network.fusion
    parameters = _count_thop_parameters(denoising)
    fusion_parameters = _count_thop_parameters(fusion)
    if fusion_parameters < 1e6:  # printed in thousands, and converted to millions by 1024
        fusion_millions = round(round(fusion_parameters / 1e3, 3) / 1024, 3)
    else:
        fusion_millions = round(fusion_parameters / 1e6, 3)
    macs = (
        2 * count_denoising_macs(denoising, height, width),
        count_fusion_macs(fusion, height, width),
    )
    return PaperCounts(
        parameters=round(round(parameters / 1e6, 3) + fusion_millions, 3),
        macs=round(sum(round(part / 1e9, 3) for part in macs), 3),
    )


def count_denoising_macs(network: DenoisingNetwork, height: int, width: int) -> int:
    """Count one full pass of the denoising network for one image, as thop does.

    Args:
        network: On the meta device.
        height: In pixels, a multiple of 16.
        width: The same.
    """
    noisy = torch.empty(1, network.channels, height, width, device="meta")
    return count_macs(lambda: network(noisy, torch.empty(1, device="meta"))).thop_macs


def count_fusion_macs(network: FusionNetwork, height: int, width: int) -> int:
    """Count the fusion of one pair of stacked features, as thop does.

    The released CAIM has one softmax over the H + W affinities of every position, which thop
    counts as n exponentials, n - 1 sums and n divisions. `fusion.networks.caim` merges two
    softmaxes instead, so this part is counted by its formula.

    Args:
        network: On the meta device.
        height: In pixels, a multiple of 16.
        width: The same.
    """
    levels = range(len(FEATURE_BLOCKS))
    heads = [*network.heads, network.heads[-1]]
    sizes = [(height >> level, width >> level) for level in levels]
    features = [
        torch.empty(1, head.conv.in_channels, *size, device="meta")
        for head, size in zip(heads, sizes, strict=True)
    ]
    counts = count_macs(lambda: network(features, features))
    if not isinstance(network.interaction, CrossAttentionInteraction):
        return counts.thop_macs
    return counts.thop_macs + sum(2 * h * w * (3 * (h + w) - 1) for h, w in sizes)


def _count_thop_parameters(network: nn.Module) -> int:
    """Count the parameters of the modules that thop supports, among those used here."""
    modules = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(count_parameters(module) for module in modules)


class _OperatorCounter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Count every operator that is called, after torch has decomposed composite ones."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.counts = dict.fromkeys(
            ("convolutions", "linear", "matrix_products", "upsampled_values"), 0
        )

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name == "convolution":
            # One kernel per output value; transposed, one per input value.
            _, weight, *_, transposed, _, _ = args
            values = (args[0] if transposed else result).numel()
            self.counts["convolutions"] += values * weight[0].numel()
        elif name in ("mm", "addmm"):
            self.counts["linear"] += result.numel() * int(args[-1].shape[0])
        elif name in ("bmm", "baddbmm"):
            self.counts["matrix_products"] += result.numel() * int(args[-1].shape[1])
        elif name.startswith("_scaled_dot_product"):
            query, key, value = args[:3]
            affinities = query.shape[:-1].numel() * int(key.shape[-2])
            self.counts["matrix_products"] += affinities * int(query.shape[-1] + value.shape[-1])
        elif name.startswith("upsample_nearest2d"):
            self.counts["upsampled_values"] += result.numel()
        return result
