"""Inference of one image takes faster paths than training and gives the same values."""

import pytest
import torch

from fusion.networks.blocks import transformer
from fusion.networks.caim import criss_cross_attention


@pytest.mark.parametrize("shape", [(5, 32), (33, 8), (1, 32), (13, 64)])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_strips_give_the_values_of_the_whole_image(monkeypatch, shape, rows):
    torch.manual_seed(0)
    block = transformer.TransformerBlock(16, 4)
    torch.nn.init.normal_(block.attention.temperature)
    x = torch.randn(1, 16, *shape)
    whole = block(x).detach()
    monkeypatch.setattr(transformer, "STRIP_PIXELS", rows * shape[1])
    with torch.inference_mode():
        strips = block(x)
    torch.testing.assert_close(strips, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 12)])
def test_attention_in_one_buffer_is_the_softmax_over_the_path(shape):
    """Compares with a dense softmax over all pixels, masked to row and column."""
    height, width = shape
    generator = torch.Generator().manual_seed(3)
    pixel, path = (3 * torch.randn(1, 4, *shape, generator=generator) for _ in range(2))
    values = torch.randn(1, 6, *shape, generator=generator)
    y, x = (grid.flatten() for grid in torch.meshgrid(*map(torch.arange, shape), indexing="ij"))
    on_path = (y[:, None] == y) | (x[:, None] == x)
    affinity = pixel.flatten(2)[0].T.double() @ path.flatten(2)[0].double()
    attention = affinity.masked_fill(~on_path, -torch.inf).softmax(1)
    expected = (values.flatten(2)[0].double() @ attention.T).view(1, 6, height, width)
    with torch.inference_mode():
        attended = criss_cross_attention(pixel, path, values)
    torch.testing.assert_close(attended.double(), expected, rtol=1e-4, atol=1e-5)
