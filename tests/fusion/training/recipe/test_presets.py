"""Recipe presets: valid, as the papers state, and without test images."""

import os
from pathlib import Path

import pytest

from fusebench.data.split_builder import load_split
from fusebench.datasets import msrs
from fusebench.errors import UserError
from fusion.training.data import dataset
from fusion.training.recipe import presets
from fusion.training.recipe.schema import RECIPES, STAGE_SECTIONS


@pytest.mark.parametrize(
    ("method", "preset"),
    [(method, preset) for method in RECIPES for preset in presets.PRESETS[method]],
)
def test_every_preset_is_a_recipe(method, preset):
    recipe = presets.build_recipe(method, preset, {}, [])
    for section in STAGE_SECTIONS[method].values():
        if (preset, section) == ("paper", "finetuning"):
            assert recipe.finetuning is None
        else:
            assert getattr(recipe, section).data


def test_the_paper_presets_have_the_options_that_the_papers_state():
    dmfuse = presets.build_recipe("dmfuse", "paper", {}, [])
    assert dmfuse.denoising.inner == 128 // 4
    assert dmfuse.head.features_at == (5, 50, 100)
    assert (dmfuse.fusion.stride, dmfuse.fusion.patch) == (12, 256)
    assert (dmfuse.fusion.batch, dmfuse.fusion.epochs) == (4, 16)
    dmnet = presets.build_recipe("dmnet", "paper", {}, [])
    assert (dmnet.stage1.epochs, dmnet.stage2.epochs) == (15, 30)
    assert {dmnet.stage1.patch, dmnet.stage2.patch} == {128}
    assert {dmnet.stage1.learning_rate, dmnet.stage2.learning_rate} == {1e-4}


def test_the_small_presets_train_on_training_splits_only():
    for method in RECIPES:
        recipe = presets.build_recipe(method, "small", {}, [])
        for section in STAGE_SECTIONS[method].values():
            msrs_part, roadscene_part, scenes_part = getattr(recipe, section).data
            assert (msrs_part.dataset, msrs_part.split, msrs_part.data) == ("msrs", "train", {})
            assert (roadscene_part.data["infrared"], roadscene_part.first) == ("roadscene/ir", 48)
            assert (scenes_part.split, scenes_part.data["seed"]) == ("train", 1000)


@pytest.mark.parametrize("method", RECIPES)
def test_the_small_presets_train_on_no_test_key_of_msrs(method):
    root = Path(os.environ.get("FUSEBENCH_DATA", "data"))
    recipe = presets.build_recipe(method, "small", {}, [])
    try:
        test_keys = {
            f"msrs/{key}" for key in load_split(msrs.load, root, "test", msrs.Options()).keys
        }
        parts = [getattr(recipe, section).data[:1] for section in STAGE_SECTIONS[method].values()]
        data_per_stage = [dataset.find_training_data(part, "pairs", root) for part in parts]
    except UserError as error:
        pytest.skip(f"set FUSEBENCH_DATA: {error}")
    train_keys = {image.key for data in data_per_stage for image in data.images}
    assert len(test_keys) > 0
    assert len(train_keys) > len(test_keys)
    assert not train_keys & test_keys
