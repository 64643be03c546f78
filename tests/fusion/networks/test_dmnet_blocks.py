"""Blocks of DMNet: parameter counts by hand; DTB, DIB, CSAB and stage fusion by definition."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fusion.networks.autoencoder import DMNetDecoder, DMNetEncoder
from fusion.networks.blocks.attention import ChannelSpatialAttention
from fusion.networks.blocks.invertible import CouplingNode, DenseInvertibleBlock
from fusion.networks.blocks.latent_fusion import StageFusion
from fusion.networks.blocks.transformer import (
    ChannelAttention,
    DenseTransformerBlock,
    TransformerBlock,
)


def count_parameters(module):
    return sum(p.numel() for p in module.parameters())


# Restormer block, 64 channels, 8 heads: two norms 2 * 128, qkv 64 * 192, its depthwise 192 * 9,
# 8 temperatures, projection 64 * 64; feed-forward 64 * 256, depthwise 256 * 9, 128 * 64.
BLOCK_PARAMETERS = 256 + 12288 + 1728 + 8 + 4096 + 16384 + 2304 + 8192
# Coupling node: 64 * 64 + 64, and three bottlenecks 32 * 64, 64 * 9, 64 * 32.
NODE_PARAMETERS = 4160 + 3 * (2048 + 576 + 2048)
# CSAB: 64 * 16 twice, a 7 x 7 kernel on two maps and its bias.
CSAB_PARAMETERS = 2 * 1024 + 98 + 1


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (TransformerBlock(64, 8), 45_256),
        (TransformerBlock(64, 8), BLOCK_PARAMETERS),
        (DenseTransformerBlock(64, 8), 5 * BLOCK_PARAMETERS),
        (DenseTransformerBlock(64, 8, "parallel"), 15 * BLOCK_PARAMETERS),
        (CouplingNode(64), 18_176),
        (CouplingNode(64), NODE_PARAMETERS),
        (DenseInvertibleBlock(64), 54_528),
        (ChannelSpatialAttention(64), 2_147),
        (ChannelSpatialAttention(64), CSAB_PARAMETERS),
        (StageFusion((128, 256, 512, 1024, 1024), 64), 2944 * 64 + 64),
        (
            DMNetEncoder(64, 8, wiring="cascade", details=True),
            576 + 5 * BLOCK_PARAMETERS + 3 * NODE_PARAMETERS,
        ),
        (DMNetDecoder(64, 8, 3), 3 * BLOCK_PARAMETERS + 64 * 32 * 9 + 32 * 9),
    ],
)
def test_parameter_counts_are_those_computed_by_hand(module, expected):
    assert count_parameters(module) == expected


def test_channel_attention_is_a_softmax_over_cosines_between_channels():
    torch.manual_seed(0)
    attention = ChannelAttention(8, 2).double()
    attention.temperature.data.uniform_(0.5, 2)
    x = torch.randn(1, 8, 4, 5, dtype=torch.float64)
    q, k, v = attention.mix(attention.expand(x))[0].detach().numpy().reshape(3, 2, 4, 20)
    expected = np.zeros((2, 4, 20))
    for head in range(2):
        for i in range(4):
            cosines = [
                q[head, i] @ k[head, j] / np.linalg.norm(q[head, i]) / np.linalg.norm(k[head, j])
                for j in range(4)
            ]
            scores = np.exp(np.array(cosines) * attention.temperature[head].item())
            expected[head, i] = scores / scores.sum() @ v[head]
    projected = attention.project(torch.from_numpy(expected.reshape(1, 8, 4, 5)))
    torch.testing.assert_close(attention(x), projected, rtol=1e-10, atol=1e-12)


class AddOne(nn.Module):
    def forward(self, x):
        return x + 1


@pytest.mark.parametrize("wiring", ["cascade", "parallel"])
def test_the_dense_transformer_averages_depths_one_to_five(wiring):
    block = DenseTransformerBlock(16, 8, wiring)
    for layer in block.layers:
        for i in range(len(layer)):
            layer[i] = AddOne()
    torch.testing.assert_close(block(torch.zeros(1, 16, 2, 2)), torch.full((1, 16, 2, 2), 3.0))


def test_the_inverse_of_the_cascade_restores_the_input():
    torch.manual_seed(0)
    block = DenseInvertibleBlock(64)
    for layer in block.layers:  # larger than initialized, as after training
        layer.rho[4].weight.data.mul_(3)
    x = torch.randn(2, 64, 24, 40)
    last = block.compute_layer_outputs(x)[-1]
    assert (last - x).abs().max() > 1
    torch.testing.assert_close(block.inverse(last), x, rtol=0, atol=1e-5)


def test_a_coupling_node_with_zero_functions_only_rotates_the_channels():
    node = CouplingNode(16)
    for function in (node.phi, node.rho, node.eta):
        function[4].weight.data.zero_()
    nn.init.zeros_(node.shuffle.bias)
    x = torch.randn(1, 16, 3, 3)
    torch.testing.assert_close(node(x).norm(dim=1), x.norm(dim=1))


def test_the_dense_invertible_block_averages_its_three_layer_outputs():
    block = DenseInvertibleBlock(16)
    x = torch.randn(1, 16, 4, 4)
    a, b, c = (y.double() for y in block.compute_layer_outputs(x))
    torch.testing.assert_close(block(x).double(), (a + b + c) / 3, rtol=1e-5, atol=1e-6)


def test_attention_with_zero_weights_divides_by_four():
    attention = ChannelSpatialAttention(16)
    for parameter in attention.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 16, 5, 4)
    torch.testing.assert_close(attention(x), x / 4)  # sigmoid(0) for channels, and for pixels


def test_attention_pools_by_maximum_and_by_half_mean_half_maximum():
    torch.manual_seed(0)
    attention = ChannelSpatialAttention(16).double()
    x = torch.randn(1, 16, 7, 6, dtype=torch.float64)
    features = x[0].numpy()
    first_layer, second_layer = (
        attention.channel[i].weight[..., 0, 0].detach().numpy() for i in (0, 2)
    )
    kernel, bias = attention.spatial.weight[0].detach().numpy(), attention.spatial.bias.item()

    def mlp(pooled):
        return second_layer @ np.maximum(first_layer @ pooled, 0)

    maximum = features.max((1, 2))
    features = (
        features
        / (1 + np.exp(-mlp(maximum) - mlp((features.mean((1, 2)) + maximum) / 2)))[:, None, None]
    )
    maps = np.stack((features.max(0), (features.mean(0) + features.max(0)) / 2))
    padded = np.pad(maps, ((0, 0), (3, 3), (3, 3)))
    logits = np.array(
        [
            [(padded[:, i : i + 7, j : j + 7] * kernel).sum() + bias for j in range(6)]
            for i in range(7)
        ]
    )
    expected = features / (1 + np.exp(-logits))
    np.testing.assert_allclose(attention(x)[0].detach().numpy(), expected, rtol=1e-10)


def test_stage_fusion_is_one_convolution_of_the_concatenated_stages():
    torch.manual_seed(0)
    widths = (2, 4, 8, 16, 16)
    fusion = StageFusion(widths, 6).double()
    stages = [
        torch.randn(1, width, 32 >> i, 48 >> i, dtype=torch.float64)
        for i, width in enumerate(widths)
    ]
    concatenated = torch.cat(
        [functional.interpolate(stage, (32, 48), mode="bilinear") for stage in stages], dim=1
    )
    weight = torch.cat([convolution.weight for convolution in fusion.shares], dim=1)
    expected = functional.conv2d(concatenated, weight, fusion.shares[0].bias)
    torch.testing.assert_close(fusion(stages), expected, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="got 4 stages, expected 5"):
        fusion(stages[:4])
