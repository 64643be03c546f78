"""Group normalization of channels-last tensors on the CPU: that of torch, more accurate."""

import pytest
import torch
from torch.nn import functional

from fusion.networks.blocks.normalization import AccurateGroupNorm

CHANNELS_LAST = torch.channels_last


def build_layer(groups, channels):
    torch.manual_seed(0)
    layer = AccurateGroupNorm(groups, channels)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    return layer


def normalize_in_float64(layer, x):
    """Group normalization of torch in float64."""
    parameters = (layer.weight.double(), layer.bias.double())
    return functional.group_norm(x.double(), layer.num_groups, *parameters, layer.eps)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("mean", [0, 1000])
@pytest.mark.parametrize("chunk_size", [1, 100, 1 << 17])
def test_group_normalization_agrees_with_torch_in_float64(groups, mean, chunk_size, monkeypatch):
    monkeypatch.setattr("fusion.networks.blocks.normalization.CHUNK_SIZE", chunk_size)
    layer = build_layer(groups, 8)
    x = (torch.randn(3, 8, 7, 9) + mean).contiguous(memory_format=CHANNELS_LAST)
    with torch.no_grad():
        normalized = layer(x)
    assert normalized.is_contiguous(memory_format=CHANNELS_LAST)
    # At a mean of 1000, float32 has only four decimal places.
    tolerance = 1e-3 if mean else 1e-5
    torch.testing.assert_close(
        normalized.double(), normalize_in_float64(layer, x), atol=tolerance, rtol=0
    )


def test_a_large_image_has_an_error_below_1e_5():
    layer = build_layer(8, 8)
    x = (torch.randn(1, 8, 512, 512) + 3).contiguous(memory_format=CHANNELS_LAST)
    with torch.no_grad():
        error = (layer(x).double() - normalize_in_float64(layer, x)).abs().max()
    assert error < 1e-5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_normalized_by_torch(dtype):
    layer = build_layer(2, 4).to(dtype)
    x = torch.randn(1, 4, 6, 6, dtype=dtype).contiguous(memory_format=CHANNELS_LAST)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), torch.nn.GroupNorm.forward(layer, x), atol=0, rtol=0)


def test_values_are_the_same_with_and_without_gradients():
    layer = build_layer(2, 4)
    x = torch.randn(2, 4, 6, 6).contiguous(memory_format=CHANNELS_LAST)
    with torch.no_grad():
        without_gradients = layer(x)
    torch.testing.assert_close(layer(x).detach(), without_gradients)
