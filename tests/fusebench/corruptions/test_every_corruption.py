"""Every corruption: its contract, what it changes and leaves, and where its random numbers come
from. A new file in fusebench/corruptions is tested the moment it exists."""

import inspect
import pickle
from importlib import import_module

import numpy as np
import pytest

from fusebench import plugins
from fusebench.corruption_parts.pair_images import PairImages
from fusebench.experiments.robustness.corrupted_pairs import build_generator

NAMES = plugins.list_plugins(plugins.CORRUPTIONS)
SENSORS = ("infrared", "visible")


def make_pair(seed=0, size=(60, 400)):
    """A smooth scene with texture, neither black nor saturated."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(40, 180, size[1])[None, :] + np.zeros(size)
    infrared = (ramp + rng.integers(-20, 20, size)).astype(np.uint8)
    visible = (ramp[:, ::-1, None] + rng.integers(-30, 30, (*size, 3))).astype(np.uint8)
    return PairImages(infrared, visible)


def corrupt(name, severity, key="pair", **options):
    plugin = plugins.load_corruption(name)
    clean = make_pair()
    images = PairImages(clean.infrared, clean.visible, make_pair(1))
    generator = build_generator(key, name, severity)
    return images, plugin.corrupt(images, severity, plugin.Options(**options), generator)


def test_there_are_corruptions_of_each_sensor_and_of_the_pair():
    changed = {
        name: plugin.changed_sensors(plugin.Options())
        for name in NAMES
        if (plugin := plugins.load_corruption(name))
    }
    assert len(NAMES) >= 16
    assert sum(sensors == ("visible",) for sensors in changed.values()) >= 6
    assert sum(sensors == ("infrared",) for sensors in changed.values()) >= 5


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_only_the_named_sensors_change_and_the_inputs_do_not(name, severity):
    plugin = plugins.load_corruption(name)
    options = {"share": (1, 1, 1)} if name.startswith("missing") else {}
    images, corrupted = corrupt(name, severity, **options)
    again = make_pair()
    for sensor in SENSORS:
        before, after = images.get(sensor), corrupted.get(sensor)
        assert after.shape == before.shape
        assert after.dtype == np.uint8
        np.testing.assert_array_equal(before, again.get(sensor))  # the input is as it was
        is_changed = not np.array_equal(before, after)
        assert is_changed == (sensor in plugin.changed_sensors(plugin.Options()))


@pytest.mark.parametrize("name", NAMES)
def test_a_key_decides_the_random_numbers(name):
    _, first = corrupt(name, 2)
    _, second = corrupt(name, 2)
    for sensor in SENSORS:
        np.testing.assert_array_equal(first.get(sensor), second.get(sensor))


@pytest.mark.parametrize(
    "name", ["darkness", "rain", "motion_blur", "infrared_noise", "infrared_stripes", "dead_pixels"]
)
def test_another_key_or_severity_has_other_random_numbers(name):
    _, first = corrupt(name, 2, "a")
    _, other = corrupt(name, 2, "b")
    assert any(not np.array_equal(first.get(s), other.get(s)) for s in SENSORS)
    numbers = {
        tuple(build_generator(*case).integers(0, 2**32, 4).tolist())
        for case in (("a", name, 1), ("a", name, 2), ("b", name, 1), ("a", "other", 1))
    }
    assert len(numbers) == 4


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("missing")])
def test_a_higher_severity_changes_the_image_more(name):
    if name in ("time_lag", "overexposure"):  # the frames of this test do not move
        pytest.skip("depends on the images")
    changes = []
    for severity in (1, 2, 3):
        images, corrupted = corrupt(name, severity)
        changes.append(
            sum(
                np.abs(corrupted.get(s).astype(float) - images.get(s).astype(float)).mean()
                for s in SENSORS
            )
        )
    assert changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_corruption_names_its_source_and_describes_each_severity(name):
    plugin = plugins.load_corruption(name)
    texts = {plugin.describe(severity, plugin.Options()) for severity in (1, 2, 3)}
    assert len(texts) == 3
    module = import_module(inspect.getmodule(plugin.corrupt).__name__)
    assert "Source:" in module.__doc__
    assert pickle.loads(pickle.dumps(plugin)) == plugin


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (33, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_any_size_can_be_corrupted(name, size):
    plugin = plugins.load_corruption(name)
    clean = make_pair(size=size)
    images = PairImages(clean.infrared, clean.visible, make_pair(1, size))
    corrupted = plugin.corrupt(images, 3, plugin.Options(), np.random.default_rng(0))
    assert corrupted.infrared.shape == size
    assert corrupted.visible.shape == (*size, 3)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("name", NAMES)
def test_black_and_saturated_images_can_be_corrupted(name, level):
    plugin = plugins.load_corruption(name)
    flat = PairImages(
        np.full((20, 30), level, np.uint8),
        np.full((20, 30, 3), level, np.uint8),
        make_pair(1, (20, 30)),
    )
    corrupted = plugin.corrupt(flat, 3, plugin.Options(), np.random.default_rng(0))
    assert corrupted.infrared.dtype == corrupted.visible.dtype == np.uint8
