"""Whole images through a network: padding, noise, tiles. Toy networks whose answer is known."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from fusebench.errors import UserError
from fusion.networks import tiled_inference
from fusion.networks.tiled_inference import TilingOptions

RNG = np.random.default_rng(0)


class Mean:
    """Fuses by averaging; remembers the sizes that it was shown."""

    def __init__(self):
        self.shown = []

    def sample_noise(self, infrared, visible):
        return []

    def fuse(self, infrared, visible, noise):
        assert infrared.shape == visible.shape
        self.shown.append(tuple(infrared.shape[2:]))
        return (infrared + visible) / 2


class Noisy(Mean):
    """Adds the noise that it drew."""

    def sample_noise(self, infrared, visible):
        return [torch.rand(infrared.shape, generator=torch.Generator().manual_seed(1))]

    def fuse(self, infrared, visible, noise):
        return super().fuse(infrared, visible, noise) * 0 + noise[0]


class Local(Mean):
    """Blurs, and shifts by the mean of what it sees, as networks with normalizations do."""

    def fuse(self, infrared, visible, noise):
        mixed = super().fuse(infrared, visible, noise)
        blurred = torch.nn.functional.avg_pool2d(mixed, 9, 1, 4, count_include_pad=False)
        return blurred + 0.2 * mixed.mean()


def pair(height, width):
    return RNG.integers(0, 256, (2, height, width), dtype=np.uint8)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (32, 48), (45, 70), (33, 200)])
@pytest.mark.parametrize("padding", ["reflect", "white"])
def test_any_size_is_padded_and_cropped_back(size, padding):
    network, (infrared, visible) = Mean(), pair(*size)
    fused = tiled_inference.fuse_images(
        network, infrared, visible, TilingOptions(padding=padding), "cpu"
    )
    expected = (infrared.astype(float) + visible) / 2
    assert np.abs(fused - expected).max() <= 0.501  # no more than rounding
    step = {"reflect": 16, "white": 32}[padding]
    assert network.shown[0] == tuple(max(32, step * math.ceil(side / step)) for side in size)


def test_padding_reflects_at_the_right_and_lower_border():
    image = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    grown = tiled_inference.pad_image(image)[0, 0] * 255
    assert grown.shape == (32, 32)
    np.testing.assert_allclose(grown[:20, :30], image, atol=1e-4)
    np.testing.assert_allclose(grown[:20, 30], image[:, 28], atol=1e-4)
    np.testing.assert_allclose(grown[20, :30], image[18], atol=1e-4)
    white = tiled_inference.pad_image(RNG.integers(0, 9, (33, 48), dtype=np.uint8), "white")[0, 0]
    assert white.shape == (64, 64)  # multiples of 32, as DMFuse's released code has it
    assert (white[33:] == 1).all()
    assert (white[:, 48:] == 1).all()


@pytest.mark.parametrize("size", [(15, 40), (40, 1)])
def test_an_image_that_is_too_small_is_refused(size):
    with pytest.raises(UserError, match=rf"{size[1]} x {size[0]} pixels .* at least 16"):
        tiled_inference.fuse_images(Mean(), *pair(*size), TilingOptions(), "cpu")


def test_values_beyond_black_and_white_are_clipped():
    class Bright(Mean):
        def fuse(self, infrared, visible, noise):
            return infrared * 4 - 1

    infrared, visible = pair(32, 32)
    fused = tiled_inference.fuse_images(Bright(), infrared, visible, TilingOptions(), "cpu")
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


def test_what_does_not_depend_on_its_surroundings_is_the_same_in_tiles():
    infrared, visible = pair(150, 210)
    whole = tiled_inference.fuse_images(Mean(), infrared, visible, TilingOptions(), "cpu")
    tiled = Mean()
    pieces = tiled_inference.fuse_images(
        tiled, infrared, visible, TilingOptions(tile=64, overlap=16), "cpu"
    )
    assert len(tiled.shown) == 3 * 5
    assert set(tiled.shown) == {(64, 64)}
    assert np.abs(pieces.astype(int) - whole).max() <= 1


def test_tiles_are_cut_from_the_noise_of_the_whole_image():
    infrared, visible = pair(96, 128)
    whole = tiled_inference.fuse_images(Noisy(), infrared, visible, TilingOptions(), "cpu")
    pieces = tiled_inference.fuse_images(
        Noisy(), infrared, visible, TilingOptions(tile=64, overlap=32), "cpu"
    )
    assert np.abs(pieces.astype(int) - whole).max() <= 1


def test_tiles_fade_into_each_other_without_a_seam():
    """Tiles of different brightness: no step where they meet, larger than one between pixels."""
    x = np.linspace(0, 200, 320)
    infrared = visible = np.tile(x, (128, 1)).astype(np.uint8)
    whole = tiled_inference.fuse_images(Local(), infrared, visible, TilingOptions(), "cpu").astype(
        int
    )
    tiled = tiled_inference.fuse_images(
        Local(), infrared, visible, TilingOptions(tile=128, overlap=64), "cpu"
    )
    off = tiled.astype(int) - whole
    assert np.abs(off).max() > 5  # the tiles do differ from the whole
    assert np.abs(np.diff(off, axis=1)).max() <= 2


def test_a_seam_would_be_seen():
    """The same without fading: what the test above looks for is there."""
    x = np.linspace(0, 200, 320)
    image = np.tile(x, (128, 1)).astype(np.uint8)
    halves = [
        tiled_inference.fuse_images(Local(), h, h, TilingOptions(), "cpu")
        for h in np.split(image, 2, axis=1)
    ]
    whole = tiled_inference.fuse_images(Local(), image, image, TilingOptions(), "cpu").astype(int)
    off = np.hstack(halves).astype(int) - whole
    assert np.abs(np.diff(off, axis=1)).max() > 2


def test_bfloat16_computes_in_bfloat16():
    class Convolved(Mean):
        def fuse(self, infrared, visible, noise):
            made = torch.nn.functional.conv2d(infrared, torch.ones(1, 1, 1, 1))
            self.dtype = made.dtype
            return made

    network, images = Convolved(), pair(32, 32)
    tiled_inference.fuse_images(network, *images, TilingOptions(precision="bfloat16"), "cpu")
    assert network.dtype == torch.bfloat16
    tiled_inference.fuse_images(network, *images, TilingOptions(), "cpu")
    assert network.dtype == torch.float32
