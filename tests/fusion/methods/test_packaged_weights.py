"""The packaged weights: small, what their cards say, and good enough to look at."""

import re

import numpy as np
import pytest

from fusebench import plugins
from fusebench.data import images
from fusebench.datasets import scenes
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned

METHODS = ("dmfuse", "dmnet")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    drawn = scenes.load(tmp_path_factory.mktemp("data"), "test", scenes.Options(train=1, test=1))
    first = drawn.pairs[0]
    return images.read_gray(first.infrared), images.read_color(first.visible)


@pytest.fixture(scope="module", params=METHODS)
def fused(request, pair):
    return fusing(request.param)(*pair)


def fusing(name, **options):
    method = plugins.load_plugin("fusion.methods", name)
    return method.load(method.Options(**options), "cpu")


@pytest.mark.parametrize("name", METHODS)
def test_the_file_is_small_and_the_one_its_card_describes(name):
    path = _learned.WEIGHTS_FOLDER / f"{name}-small.safetensors"
    assert path.stat().st_size < 15e6
    card = path.with_suffix(".md").read_text()
    assert re.search(r"sha256 `(\w{64})`", card).group(1) == hashing.compute_file_sha256(path)
    tensors, facts = weights_file.read_weights(path)
    assert f"{sum(t.numel() for t in tensors.values()):,} values in {len(tensors)} tensors" in card
    assert facts.method == name
    assert not re.search(r"/(home|root|tmp|work)/", card)


def test_what_one_sensor_sees_alone_is_in_the_fused_image(pair, fused):
    """The warmest pixels stay bright though they are dark to the eye; so do lamps."""
    infrared, visible = pair[0], images.luminance(pair[1])
    gray = images.luminance(fused).astype(int)
    for own, other in ((infrared, visible), (visible, infrared)):
        alone = (own > np.quantile(own, 0.9)) & (other < np.quantile(other, 0.5))
        assert alone.sum() > 30
        assert gray[alone].mean() > other[alone].mean() + 10


def test_detail_is_kept(pair, fused):
    """As much gradient as the source that has more, to a quarter."""

    def amount(x):
        return np.abs(np.diff(x.astype(float), axis=1)).mean()

    richer = max(amount(pair[0]), amount(images.luminance(pair[1])))
    assert 0.75 * richer < amount(images.luminance(fused)) < 1.5 * richer


def test_colors_are_those_of_the_visible_image(pair, fused):
    """No tint: Cb and Cr differ by no more than rounding where nothing is clipped."""
    inside = ((fused > 0) & (fused < 255)).all(axis=2)
    before = pair[1].astype(int) - images.luminance(pair[1])[..., None]
    after = fused.astype(int) - images.luminance(fused)[..., None]
    assert np.abs(before - after)[inside].max() <= 2


@pytest.mark.parametrize("name", METHODS)
def test_tiles_leave_no_seam(name, pair):
    """Where tiles meet, the image departs from the whole one no more abruptly than elsewhere."""
    whole = images.luminance(fusing(name)(*pair)).astype(float)
    tiled = images.luminance(fusing(name, tile=160, overlap=64)(*pair)).astype(float)
    off = tiled - whole
    steps = np.abs(np.diff(off, axis=1)).mean(axis=0)  # per column
    starts = (96, 160)  # of the second and third tile of a width of 320
    edges = [x for start in starts for x in (start - 1, start + 63)]
    assert steps[edges].max() < 3 * np.median(steps) + 0.5
    assert np.abs(off).mean() < 6  # gray levels
