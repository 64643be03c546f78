"""Methods refuse an image that cannot fit into memory; the estimates are those of their arrays."""

from importlib import import_module

import numpy as np
import pytest

from fusebench import plugins
from fusebench.errors import UserError
from fusebench.runtime.memory import array_bytes, available
from fusebench.runtime.memory.available import AvailableMemory
from fusion.networks import inference_memory
from fusion.networks.tiled_inference import TilingOptions

PLAIN_METHODS = ("average", "maximum", "laplacian")
PLAIN_METHODS += ("low_pass_ratio", "guided_filter", "hybrid_multiscale")
NETWORKS = ("dmfuse", "dmnet")


def load(name, **options):
    method = plugins.load_fusion_method(name)
    return method, method.Options(**options)


def set_available(monkeypatch, size):
    monkeypatch.setattr(
        available, "read_available_memory", lambda: AvailableMemory(size, "ulimit -v")
    )


@pytest.mark.parametrize("name", PLAIN_METHODS)
def test_the_bytes_per_pixel_of_a_plain_method_are_those_of_its_arrays(name):
    method, options = load(name)
    fuse = method.load(options, "cpu")

    def call(images):
        fuse(images[0], np.stack(images[1:], axis=-1))

    measured = array_bytes.measure_bytes_per_pixel(call, 4)
    module = import_module(f"fusion.methods.{name}")
    assert 0.9 * measured <= module.BYTES_PER_PIXEL <= measured


@pytest.mark.parametrize("name", [*PLAIN_METHODS, *NETWORKS, "student"])
def test_an_image_that_cannot_fit_is_one_error_and_a_smaller_one_is_fused(name, monkeypatch):
    method, options = load(name)
    fuse = method.load(options, "cpu")
    large = np.zeros((1400, 1600), np.uint8)
    set_available(monkeypatch, 40 * 2**20)
    with pytest.raises(UserError, match=r"image of 1600 x 1400 pixels needs about .* \(ulimit -v"):
        fuse(large, np.stack([large] * 3, axis=-1))
    small = large[:48, :64]
    assert fuse(small, np.stack([small] * 3, axis=-1)).shape == (48, 64, 3)


def test_the_advice_is_a_tile_or_a_smaller_one(monkeypatch):
    set_available(monkeypatch, 2**20)
    method, options = load("dmnet")
    network = method.load_network(options, "meta")
    with pytest.raises(UserError, match=r"set the option tile, e\.g\. tile: 512"):
        inference_memory.check_memory(network, 640, 640, TilingOptions(), "cpu")
    with pytest.raises(UserError, match="set the option tile to less than 512"):
        inference_memory.check_memory(network, 640, 640, TilingOptions(512), "cpu")
    inference_memory.check_memory(network, 640, 640, TilingOptions(), "cuda")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_estimate_grows_with_the_pixels_and_falls_with_tiles_and_precision(name):
    method, options = load(name)
    network = method.load_network(options, "meta")

    def estimate(height, width, **tiling):
        return inference_memory.estimate_bytes(network, height, width, TilingOptions(**tiling))

    whole = estimate(6000, 8000)
    assert whole == pytest.approx(25 * estimate(1200, 1600), rel=0.01)
    assert whole > 48e6 * 800
    assert estimate(6000, 8000, tile=512) < whole / 20
    assert estimate(6000, 8000, precision="bfloat16") < 0.6 * whole
