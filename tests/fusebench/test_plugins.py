"""Every plug-in file keeps its contract. A new file is tested the moment it exists."""

import numpy as np
import pytest

from fusebench import plugins
from fusebench.errors import UserError
from fusebench.storage.records import Column

RNG = np.random.default_rng(0)
INFRARED = RNG.integers(0, 256, (48, 65), dtype=np.uint8)
VISIBLE = RNG.integers(0, 256, (48, 65, 3), dtype=np.uint8)
LARGE = RNG.integers(0, 256, (176, 193), dtype=np.uint8)  # room for five scales


@pytest.mark.parametrize("name", plugins.list_plugins("fusion.methods"))
def test_every_method_returns_a_new_color_image_of_the_same_size(name):
    method = plugins.load_plugin("fusion.methods", name)
    before = INFRARED.copy(), VISIBLE.copy()
    fused = method.load(method.Options(), "cpu")(INFRARED, VISIBLE)
    assert fused.shape == VISIBLE.shape
    assert fused.dtype == np.uint8
    np.testing.assert_array_equal(INFRARED, before[0])
    np.testing.assert_array_equal(VISIBLE, before[1])


@pytest.mark.parametrize("name", plugins.list_plugins("fusion.methods"))
def test_every_method_says_its_version_its_color_and_its_files(name):
    method = plugins.load_plugin("fusion.methods", name)
    assert isinstance(method.VERSION, int)
    assert isinstance(method.COLOR, str)
    assert isinstance(method.dependency_hashes(method.Options()), dict)


@pytest.mark.parametrize("name", plugins.list_plugins("fusion.metrics"))
def test_every_fusion_metric_is_finite_and_headed(name):
    metric = plugins.load_plugin("fusion.metrics", name)
    assert isinstance(metric.COLUMN, Column)
    assert isinstance(metric.VERSION, int)
    assert np.isfinite(metric.measure(LARGE, LARGE[::-1], LARGE[:, ::-1]))


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_every_model_keeps_the_contract_the_plan_reads(kind):
    for name in plugins.list_plugins(f"{kind}.models"):
        model = plugins.load_plugin(f"{kind}.models", name)
        assert isinstance(model.VERSION, int)
        for part in ("Options", "Predict", "pins", "protocol", "train", "predict"):
            assert callable(getattr(model, part)), f"{kind}.models.{name} has no {part}"


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_every_task_metric_has_headed_columns(kind):
    for name in plugins.list_plugins(f"{kind}.metrics"):
        metric = plugins.load_plugin(f"{kind}.metrics", name)
        assert isinstance(metric.VERSION, int)
        assert metric.Options()
        assert all(isinstance(column, Column) for column in metric.COLUMNS.values())


@pytest.mark.parametrize("name", plugins.list_plugins("fusebench.datasets"))
def test_every_data_set_says_its_classes_and_takes_options(name):
    dataset = plugins.load_plugin("fusebench.datasets", name)
    assert isinstance(dataset.VERSION, int)
    assert isinstance(dataset.TITLE, str)
    assert isinstance(dataset.CLASSES, tuple)
    assert callable(dataset.load)


def test_an_unknown_name_says_what_there_is_and_how_to_add_one():
    with pytest.raises(
        UserError, match=r"Did you mean 'average'\?.*write fusion/methods/avrage.py"
    ):
        plugins.load_plugin("fusion.methods", "avrage")
