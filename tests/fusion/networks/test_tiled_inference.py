"""Inference on whole images: padding, noise and tiles, with toy networks of known output."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from fusebench.errors import UserError
from fusion.networks import tiled_inference
from fusion.networks.tiled_inference import TilingOptions

RNG = np.random.default_rng(0)


class MeanNetwork:
    """Fuses by averaging; records the sizes of its inputs."""

    def __init__(self):
        self.input_sizes = []

    def sample_noise(self, infrared, visible):
        return []

    def fuse(self, infrared, visible, noise):
        assert infrared.shape == visible.shape
        self.input_sizes.append(tuple(infrared.shape[2:]))
        return (infrared + visible) / 2


class NoiseNetwork(MeanNetwork):
    """Returns its noise."""

    def sample_noise(self, infrared, visible):
        return [torch.rand(infrared.shape, generator=torch.Generator().manual_seed(1))]

    def fuse(self, infrared, visible, noise):
        return super().fuse(infrared, visible, noise) * 0 + noise[0]


class LocalNetwork(MeanNetwork):
    """Blurs, and adds the mean of its input, as networks with normalization layers do."""

    def fuse(self, infrared, visible, noise):
        mixed = super().fuse(infrared, visible, noise)
        blurred = torch.nn.functional.avg_pool2d(mixed, 9, 1, 4, count_include_pad=False)
        return blurred + 0.2 * mixed.mean()


def make_pair(height, width):
    return RNG.integers(0, 256, (2, height, width), dtype=np.uint8)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (32, 48), (45, 70), (33, 200)])
@pytest.mark.parametrize("padding", ["reflect", "white"])
def test_any_size_is_padded_and_cropped(size, padding):
    network, (infrared, visible) = MeanNetwork(), make_pair(*size)
    fused = tiled_inference.fuse_images(
        network, infrared, visible, TilingOptions(padding=padding), "cpu"
    )
    expected = (infrared.astype(float) + visible) / 2
    assert np.abs(fused - expected).max() <= 0.501  # no more than rounding
    multiple = {"reflect": 16, "white": 32}[padding]
    assert network.input_sizes[0] == tuple(
        max(32, multiple * math.ceil(side / multiple)) for side in size
    )


def test_padding_reflects_at_the_right_and_lower_border():
    image = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    padded = tiled_inference.pad_image(image)[0, 0] * 255
    assert padded.shape == (32, 32)
    np.testing.assert_allclose(padded[:20, :30], image, atol=1e-4)
    np.testing.assert_allclose(padded[:20, 30], image[:, 28], atol=1e-4)
    np.testing.assert_allclose(padded[20, :30], image[18], atol=1e-4)
    white = tiled_inference.pad_image(RNG.integers(0, 9, (33, 48), dtype=np.uint8), "white")[0, 0]
    assert white.shape == (64, 64)  # multiples of 32, as in DMFuse's released code
    assert (white[33:] == 1).all()
    assert (white[:, 48:] == 1).all()


@pytest.mark.parametrize("size", [(15, 40), (40, 1)])
def test_a_too_small_image_is_an_error(size):
    with pytest.raises(UserError, match=rf"{size[1]} x {size[0]} pixels .* at least 16"):
        tiled_inference.fuse_images(MeanNetwork(), *make_pair(*size), TilingOptions(), "cpu")


def test_values_outside_black_and_white_are_clipped():
    class BrightNetwork(MeanNetwork):
        def fuse(self, infrared, visible, noise):
            return infrared * 4 - 1

    infrared, visible = make_pair(32, 32)
    fused = tiled_inference.fuse_images(BrightNetwork(), infrared, visible, TilingOptions(), "cpu")
    expected = np.clip(infrared.astype(float) * 4 - 255, 0, 255)
    assert np.abs(fused - expected).max() <= 1


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(64, 64, 16), (65, 64, 16), (500, 96, 32), (640, 128, 64)]
)
def test_tiles_cover_a_side_and_overlap(length, tile, overlap):
    starts = tiled_inference.compute_tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] + tile >= length
    assert all(b - a <= tile - overlap for a, b in pairwise(starts))


def test_a_pixelwise_network_gives_the_same_image_in_tiles():
    infrared, visible = make_pair(150, 210)
    whole = tiled_inference.fuse_images(MeanNetwork(), infrared, visible, TilingOptions(), "cpu")
    network = MeanNetwork()
    tiled = tiled_inference.fuse_images(
        network, infrared, visible, TilingOptions(tile=64, overlap=16), "cpu"
    )
    assert len(network.input_sizes) == 3 * 5
    assert set(network.input_sizes) == {(64, 64)}
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_tiles_use_the_noise_of_the_whole_image():
    infrared, visible = make_pair(96, 128)
    whole = tiled_inference.fuse_images(NoiseNetwork(), infrared, visible, TilingOptions(), "cpu")
    tiled = tiled_inference.fuse_images(
        NoiseNetwork(), infrared, visible, TilingOptions(tile=64, overlap=32), "cpu"
    )
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_tiles_are_blended_without_a_seam():
    """Tiles of different brightness: steps between pixels are at most 2 gray levels."""
    ramp = np.linspace(0, 200, 320)
    infrared = visible = np.tile(ramp, (128, 1)).astype(np.uint8)
    whole = tiled_inference.fuse_images(
        LocalNetwork(), infrared, visible, TilingOptions(), "cpu"
    ).astype(int)
    tiled = tiled_inference.fuse_images(
        LocalNetwork(), infrared, visible, TilingOptions(tile=128, overlap=64), "cpu"
    )
    difference = tiled.astype(int) - whole
    assert np.abs(difference).max() > 5  # tiles do differ from the whole image
    assert np.abs(np.diff(difference, axis=1)).max() <= 2


def test_halves_without_blending_have_a_seam():
    """Control of the test above: without blending its criterion finds the seam."""
    ramp = np.linspace(0, 200, 320)
    image = np.tile(ramp, (128, 1)).astype(np.uint8)
    halves = [
        tiled_inference.fuse_images(LocalNetwork(), half, half, TilingOptions(), "cpu")
        for half in np.split(image, 2, axis=1)
    ]
    whole = tiled_inference.fuse_images(
        LocalNetwork(), image, image, TilingOptions(), "cpu"
    ).astype(int)
    difference = np.hstack(halves).astype(int) - whole
    assert np.abs(np.diff(difference, axis=1)).max() > 2


def test_bfloat16_computes_in_bfloat16():
    class ConvolutionNetwork(MeanNetwork):
        def fuse(self, infrared, visible, noise):
            output = torch.nn.functional.conv2d(infrared, torch.ones(1, 1, 1, 1))
            self.dtype = output.dtype
            return output

    network, images = ConvolutionNetwork(), make_pair(32, 32)
    tiled_inference.fuse_images(network, *images, TilingOptions(precision="bfloat16"), "cpu")
    assert network.dtype == torch.bfloat16
    tiled_inference.fuse_images(network, *images, TilingOptions(), "cpu")
    assert network.dtype == torch.float32
