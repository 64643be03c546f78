"""Group normalization of channels-last images on the CPU: as torch's own, with more digits."""

import pytest
import torch
from torch.nn import functional

from fusion.networks.blocks.normalization import AccurateGroupNorm

LAST = torch.channels_last


def made(groups, channels):
    torch.manual_seed(0)
    layer = AccurateGroupNorm(groups, channels)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    return layer


def exact(layer, x):
    """torch's own in float64."""
    parts = (layer.weight.double(), layer.bias.double())
    return functional.group_norm(x.double(), layer.num_groups, *parts, layer.eps)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("mean", [0, 1000])
@pytest.mark.parametrize("piece", [1, 100, 1 << 17])
def test_it_is_group_normalization(groups, mean, piece, monkeypatch):
    monkeypatch.setattr("fusion.networks.blocks.normalization.CHUNK_SIZE", piece)
    layer = made(groups, 8)
    x = (torch.randn(3, 8, 7, 9) + mean).contiguous(memory_format=LAST)
    with torch.no_grad():
        found = layer(x)
    assert found.is_contiguous(memory_format=LAST)
    # 1000 leaves float32 four digits behind the point, whoever computes.
    tolerance = 1e-3 if mean else 1e-5
    torch.testing.assert_close(found.double(), exact(layer, x), atol=tolerance, rtol=0)


def test_a_large_image_keeps_the_digits_that_torch_loses():
    layer = made(8, 8)
    x = (torch.randn(1, 8, 512, 512) + 3).contiguous(memory_format=LAST)
    with torch.no_grad():
        off = (layer(x).double() - exact(layer, x)).abs().max()
    assert off < 1e-5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs_own(dtype):
    layer = made(2, 4).to(dtype)
    x = torch.randn(1, 4, 6, 6, dtype=dtype).contiguous(memory_format=LAST)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), torch.nn.GroupNorm.forward(layer, x), atol=0, rtol=0)


def test_training_sees_the_same_values():
    layer = made(2, 4)
    x = torch.randn(2, 4, 6, 6).contiguous(memory_format=LAST)
    with torch.no_grad():
        quick = layer(x)
    torch.testing.assert_close(layer(x).detach(), quick)
