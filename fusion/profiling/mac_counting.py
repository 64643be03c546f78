"""Counts of parameters and multiply-accumulates: the true ones, and those of DMFuse's tables.

Networks are counted on torch's meta device, where tensors have shapes and no values: nothing is
computed, whatever the size.

The true multiply-accumulates are those of convolutions, linear layers and matrix products (all
attentions), by the operators that really run. Normalizations, activations, softmaxes and
enlargements are left out.

DMFuse prints smaller numbers (Tables 5 and 7). Its way of counting, found by reproducing them:
thop 0.1.1 on the denoising network with one channel (the experiments have three), one pass for
each modality (the features take three), plus thop on the fusion network, each part rounded to
three decimals. thop knows modules, not operators: it passes over group normalizations, products
of matrices and the scale of CAIM, but counts softmaxes and enlargements. Seven of its eight
numbers come out exactly; the uncompressed network comes to 1469.929 G, where 1516.136 is printed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fusion.checkpoints.load_network import NoiseOptions, TrainedDMFuse, TrainedDMNet
from fusion.diffusion.features import FEATURE_STEPS
from fusion.networks.caim import CrossAttentionInteraction
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from fusion.networks.dmnet_architecture import DMNetArchitecture
from fusion.networks.tiled_inference import TrainedNetwork

DMFUSE_PAPER_COUNTS = {  # inner width: millions of parameters, billions of FLOPs, as printed in Table 5
    128: (392.724, 1516.136),
    64: (98.680, 382.052),
    32: (24.967, 106.584),
    16: (6.433, 35.967),
}
DMNET_PAPER_PARAMETERS = (
    386.358  # millions of parameters of the full network, as printed in Table VIII
)


@dataclass(frozen=True)
class MacCounts:
    """What one call of a network takes.

    Attributes:
        convolutions: Multiply-accumulates, without biases.
        linear: Of linear layers, without biases.
        products: Of matrix products, two for each attention.
        enlarged: Values made by repeating pixels; no multiply-accumulates.
    """

    convolutions: int
    linear: int
    matrix_products: int
    upsampled_values: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates in all."""
        return self.convolutions + self.linear + self.matrix_products


@dataclass(frozen=True)
class PaperCounts:
    """Counts as DMFuse's tables have them, to three decimals.

    Attributes:
        parameters: Millions.
        macs: Billions of multiply-accumulates, there called FLOPs.
    """

    parameters: float | None
    macs: float | None


def count_parameters(network: nn.Module) -> int:
    """Every value that a training may change, shared ones once."""
    return sum(p.numel() for p in network.parameters())


def count_macs(call: Callable[[], object]) -> MacCounts:
    """Count what a call does, on any device; its result is dropped."""
    with torch.no_grad(), _OperatorCounter() as counter:
        call()
    return MacCounts(**counter.counts)


def count_pair_macs(network: TrainedNetwork, height: int, width: int) -> MacCounts:
    """Count the fusion of one pair of images.

    Args:
        network: On the meta device.
        height: In pixels, as the network sees it, after padding.
        width: Likewise.
    """
    small = torch.zeros(1, 1, 32, 32)  # the noise of another pair differs in its sides alone
    shapes = [(*drawn.shape[:2], height, width) for drawn in network.sample_noise(small, small)]
    with torch.device("meta"):
        image = torch.empty(1, 1, height, width)
        noise = [torch.empty(shape) for shape in shapes]
    return count_macs(lambda: network.fuse(image, image, noise))


def build_paper_dmfuse(inner: int) -> TrainedDMFuse:
    """DMFuse as in its paper's experiments, on the meta device."""
    denoising = {"inner": inner, "channels": 3, "schedule": "cosine", "timesteps": 2000}
    head = {"encoder": "diffusion", "interaction": "caim", "affinity": "paper", "scaled": False}
    told = {"denoising": denoising, "head": {**head, "features_at": FEATURE_STEPS}}
    with torch.device("meta"):
        return TrainedDMFuse(told, NoiseOptions())


def build_paper_dmnet(inner: int) -> TrainedDMNet:
    """DMNet in this project's reading of its paper, on the meta device."""
    told = {"network": asdict(DMNetArchitecture(inner=inner)), "timesteps": 2000}
    with torch.device("meta"):
        return TrainedDMNet(told, NoiseOptions())


def count_as_in_paper(network: nn.Module, height: int, width: int) -> PaperCounts:
    """A network as the tables of its paper count it; Nones where they do not.

    DMNet's Table VIII tells parameters alone, and all of them.

    Args:
        network: A `fusion.checkpoints.load_network.TrainedDMFuse` or `TrainedDMNet` on the meta device.
        height: In pixels, a multiple of 16.
        width: Likewise.
    """
    if isinstance(network, TrainedDMNet):
        return PaperCounts(round(count_parameters(network) / 1e6, 3), None)
    if not isinstance(network, TrainedDMFuse) or not hasattr(network, "denoising"):
        return PaperCounts(None, None)
    with torch.device("meta"):
        denoising = DenoisingNetwork(channels=1, inner=network.denoising.inner)
    fusion = network.fusion
    known, known_fusion = _count_thop_parameters(denoising), _count_thop_parameters(fusion)
    if known_fusion < 1e6:  # printed in thousands, and those made millions by 1024
        millions = round(round(known_fusion / 1e3, 3) / 1024, 3)
    else:
        millions = round(known_fusion / 1e6, 3)
    macs = (
        2 * count_denoising_macs(denoising, height, width),
        count_fusion_macs(fusion, height, width),
    )
    return PaperCounts(
        parameters=round(round(known / 1e6, 3) + millions, 3),
        macs=round(sum(round(part / 1e9, 3) for part in macs), 3),
    )


def count_denoising_macs(network: DenoisingNetwork, height: int, width: int) -> int:
    """One whole pass for one image in thop's way.

    Args:
        network: On the meta device.
        height: In pixels, a multiple of 16.
        width: Likewise.
    """
    noisy = torch.empty(1, network.channels, height, width, device="meta")
    found = count_macs(lambda: network(noisy, torch.empty(1, device="meta")))
    return found.convolutions + found.linear + found.upsampled_values


def count_fusion_macs(network: FusionNetwork, height: int, width: int) -> int:
    """Fusing one pair of stacked features in thop's way.

    The released CAIM has one softmax over the H + W affinities of every position, which thop
    takes for n exponentials, n - 1 sums and n divisions. `fusion.networks.caim` merges two
    softmaxes instead, so this part is counted by its formula.

    Args:
        network: On the meta device.
        height: In pixels, a multiple of 16.
        width: Likewise.
    """
    levels = range(len(FEATURE_BLOCKS))
    heads = [*network.heads, network.heads[-1]]
    sizes = [(height >> level, width >> level) for level in levels]
    features = [
        torch.empty(1, head.conv.in_channels, *size, device="meta")
        for head, size in zip(heads, sizes, strict=True)
    ]
    found = count_macs(lambda: network(features, features))
    softmaxes = sum(2 * h * w * (3 * (h + w) - 1) for h, w in sizes)
    whole = isinstance(network.interaction, CrossAttentionInteraction)
    return found.convolutions + found.linear + found.upsampled_values + (softmaxes if whole else 0)


def _count_thop_parameters(network: nn.Module) -> int:
    """Parameters of the modules that thop has a rule for, among those used here."""
    known = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(count_parameters(module) for module in known)


class _OperatorCounter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Sees every operator below it, after torch has taken composite ones apart."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.counts = dict.fromkeys(("convolutions", "linear", "matrix_products", "enlarged"), 0)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name == "convolution":
            _, weight, *_, transposed, _, _ = args
            self.counts["convolutions"] += (args[0] if transposed else made).numel() * (
                weight[0].numel()
            )
        elif name in ("mm", "addmm"):
            self.counts["linear"] += made.numel() * int(args[-1].shape[0])
        elif name in ("bmm", "baddbmm"):
            self.counts["products"] += made.numel() * int(args[-1].shape[1])
        elif name.startswith("_scaled_dot_product"):
            query, key, value = args[:3]
            lines = query.shape[:-1].numel() * int(key.shape[-2])
            self.counts["products"] += lines * int(query.shape[-1] + value.shape[-1])
        elif name.startswith("upsample_nearest2d"):
            self.counts["enlarged"] += made.numel()
        return made
