"""Parameters and multiply-accumulates: the papers' printed numbers, and counts by hand."""

import pytest
import torch
from torch import nn

from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FusionNetwork
from fusion.profiling import mac_counting

# Integers counted with thop 0.1.1 on the released networks at 256 x 256.
DENOISING = {
    128: (391_048_067, 716_403_032_064),
    64: (97_805_763, 179_221_606_400),
    32: (24_473_315, 44_865_825_792),
    16: (6_129_267, 11_246_668_544),
}
FUSION = {
    128: (1_775_534, 37_726_748_160),
    64: (946_094, 23_910_710_784),
    32: (531_374, 17_002_692_096),
    16: (324_014, 13_548_682_752),
}


def build_on_meta(network_class, **options):
    with torch.device("meta"):
        return network_class(**options)


@pytest.mark.parametrize("inner", DENOISING)
@pytest.mark.parametrize("channels", [1, 3])
def test_denoising_network_has_the_counts_of_the_released_one(inner, channels):
    parameters, macs = DENOISING[inner]
    if channels == 1:
        parameters, macs = parameters - 36 * inner - 2, macs - 36 * inner * 65536
    network = build_on_meta(DenoisingNetwork, channels=channels, inner=inner)
    assert mac_counting.count_parameters(network) == parameters
    assert mac_counting.count_denoising_macs(network, 256, 256) == macs


@pytest.mark.parametrize("inner", FUSION)
def test_fusion_network_has_the_counts_of_the_released_one(inner):
    network = build_on_meta(FusionNetwork, inner=inner, affinity="code", scaled=True)
    assert mac_counting.count_parameters(network) == FUSION[inner][0]
    assert mac_counting.count_fusion_macs(network, 256, 256) == FUSION[inner][1]


@pytest.mark.parametrize(
    ("inner", "parameters", "macs"),
    [(64, 98.680, 382.052), (32, 24.967, 106.584), (16, 6.433, 35.967)],
)
def test_table_5_is_reproduced_to_the_last_digit(inner, parameters, macs):
    counts = mac_counting.count_as_in_paper(mac_counting.build_paper_dmfuse(inner), 256, 256)
    assert (counts.parameters, counts.macs) == (parameters, macs)


def test_printed_macs_of_the_full_network_are_not_reproduced():
    """392.724 M is; instead of the printed 1516.136 G the same counting gives 1469.929 G."""
    counts = mac_counting.count_as_in_paper(mac_counting.build_paper_dmfuse(128), 256, 256)
    assert (counts.parameters, counts.macs) == (392.724, 1469.929)


def test_dmnets_table_counts_every_parameter():
    network = mac_counting.build_paper_dmnet(128)
    assert mac_counting.count_parameters(network) == 391_674_666
    counts = mac_counting.count_as_in_paper(network, 256, 256)
    assert (counts.parameters, counts.macs) == (391.675, None)
    assert counts.parameters == pytest.approx(386.358, rel=0.02)


def test_one_fusion_takes_six_passes_that_stop_early():
    """By hand: the last layers, which no feature needs, are 8.80 % of a pass's convolutions."""
    network = mac_counting.build_paper_dmfuse(32)
    pair = mac_counting.count_pair_macs(network, 256, 256)
    full_pass = 44_858_081_280
    fusion = mac_counting.count_macs(
        lambda: network.fusion(
            *([torch.empty(1, 3 * c, s, s, device="meta") for c, s in LEVELS] for _ in range(2))
        )
    )
    denoising_convolutions = pair.convolutions - fusion.convolutions
    assert denoising_convolutions / (6 * full_pass) == pytest.approx(0.912, abs=1e-4)
    # Six attentions over 16 x 16 positions, 256 wide, all of them before the stop.
    assert pair.matrix_products - fusion.matrix_products == 6 * 6 * 2 * 256**2 * 256


LEVELS = [(32, 256), (64, 128), (128, 64), (256, 32), (256, 16)]


def test_matrix_products_of_caim_are_counted():
    """By hand: affinities of 4 channels and values of 32, along H + W positions, twice."""
    network = build_on_meta(FusionNetwork, inner=2)
    sizes = [(64 >> level, 32 >> level) for level in range(5)]
    features = [
        torch.empty(1, head.conv.in_channels, *size, device="meta")
        for head, size in zip([*network.heads, network.heads[-1]], sizes, strict=True)
    ]
    counts = mac_counting.count_macs(lambda: network(features, features))
    assert counts.matrix_products == sum(2 * h * w * (h + w) * (4 + 32) for h, w in sizes)


def test_layers_have_the_counts_derived_by_hand():
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),  # to 8 x 8: 64 * 8 * 27
        nn.Conv2d(8, 8, 3, padding=1, groups=8),  # 64 * 8 * 9
        nn.ConvTranspose2d(8, 4, 2, stride=2, bias=False),  # 64 * 8 * 4 * 4
        nn.Upsample(scale_factor=2),  # 4 * 32 * 32 values
        nn.GroupNorm(2, 4),
        nn.Flatten(2),
        nn.Linear(1024, 5),  # 4 * 1024 * 5
    ).to("meta")
    counts = mac_counting.count_macs(lambda: layers(torch.empty(1, 3, 16, 16, device="meta")))
    assert counts.convolutions == 64 * 8 * 27 + 64 * 8 * 9 + 64 * 8 * 16
    assert (counts.linear, counts.matrix_products, counts.upsampled_values) == (20480, 0, 4096)
    assert counts.macs == counts.convolutions + 20480


@pytest.mark.parametrize(
    "build_network", [mac_counting.build_paper_dmfuse, mac_counting.build_paper_dmnet]
)
def test_counts_on_the_meta_device_equal_those_on_the_cpu(build_network):
    network = build_network(16).to_empty(device="cpu").eval()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    image = torch.zeros(1, 1, 32, 48)
    counts = mac_counting.count_macs(
        lambda: network.fuse(image, image, network.sample_noise(image, image))
    )
    assert counts == mac_counting.count_pair_macs(build_network(16), 32, 48)
