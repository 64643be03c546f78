"""Packaged weights: file size, agreement with the model card, quality of fused images."""

import re

import numpy as np
import pytest

from fusebench import plugins
from fusebench.data import images
from fusebench.data.split_builder import load_split
from fusebench.datasets import scenes
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned

METHODS = ("dmfuse", "dmnet", "student")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    options = scenes.Options(train=1, test=1)
    first = load_split(scenes.load, tmp_path_factory.mktemp("data"), "test", options).pairs[0]
    return images.read_gray(first.infrared), images.read_color(first.visible)


@pytest.fixture(scope="module", params=METHODS)
def fused(request, pair):
    return load_method(request.param)(*pair)


def load_method(name, **options):
    method = plugins.load_plugin("fusion.methods", name)
    return method.load(method.Options(**options), "cpu")


@pytest.mark.parametrize("name", METHODS)
def test_weights_file_is_small_and_agrees_with_its_model_card(name):
    path = _learned.WEIGHTS_FOLDER / f"{name}-small.safetensors"
    assert path.stat().st_size < 15e6
    card = path.with_suffix(".md").read_text()
    assert re.search(r"sha256 `(\w{64})`", card).group(1) == hashing.compute_file_sha256(path)
    tensors, metadata = weights_file.read_weights(path)
    assert f"{sum(t.numel() for t in tensors.values()):,} values in {len(tensors)} tensors" in card
    assert metadata.method == name
    assert not re.search(r"/(home|root|tmp|work)/", card)


def test_objects_that_one_sensor_alone_sees_are_in_the_fused_image(pair, fused):
    """Warm pixels that are dark in the visible image stay bright; so do lamps."""
    infrared, visible = pair[0], images.luminance(pair[1])
    gray = images.luminance(fused).astype(int)
    for bright, dark in ((infrared, visible), (visible, infrared)):
        selected = (bright > np.quantile(bright, 0.9)) & (dark < np.quantile(dark, 0.5))
        assert selected.sum() > 30
        assert gray[selected].mean() > dark[selected].mean() + 10


def test_fused_images_keep_detail(pair, fused):
    """The mean gradient is 0.75 to 1.5 times that of the source with more."""

    def mean_gradient(image):
        return np.abs(np.diff(image.astype(float), axis=1)).mean()

    larger = max(mean_gradient(pair[0]), mean_gradient(images.luminance(pair[1])))
    assert 0.75 * larger < mean_gradient(images.luminance(fused)) < 1.5 * larger


def test_colors_are_those_of_the_visible_image(pair, fused):
    """No tint: Cb and Cr differ by no more than rounding where nothing is clipped."""
    is_unclipped = ((fused > 0) & (fused < 255)).all(axis=2)
    before = pair[1].astype(int) - images.luminance(pair[1])[..., None]
    after = fused.astype(int) - images.luminance(fused)[..., None]
    assert np.abs(before - after)[is_unclipped].max() <= 2


@pytest.mark.parametrize("name", METHODS)
def test_tiles_leave_no_seam(name, pair):
    """The difference to the untiled image changes no more at tile borders than elsewhere."""
    untiled = images.luminance(load_method(name)(*pair)).astype(float)
    tiled = images.luminance(load_method(name, tile=160, overlap=64)(*pair)).astype(float)
    difference = tiled - untiled
    steps = np.abs(np.diff(difference, axis=1)).mean(axis=0)  # per column
    starts = (96, 160)  # of the second and third tile of a width of 320
    borders = [x for start in starts for x in (start - 1, start + 63)]
    assert steps[borders].max() < 3 * np.median(steps) + 0.5
    assert np.abs(difference).mean() < 6  # gray levels
