"""Effect of the options in which paper and released code differ."""

from dataclasses import replace

import pytest
import torch

from fusion.diffusion import features
from fusion.losses import losses
from fusion.training import train_stage, training_run
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe import presets
from fusion.training.recipe.schema import DMFuseRecipe
from fusion.training.training_run import TrainingRun
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.reference_tensors import load_reference

pytestmark = pytest.mark.usefixtures("one_thread")
FEATURE_STEPS = (5, 50, 100)


def make_images(channels=2):
    return torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(1))


def make_streams():
    return RandomStreams(0, [0, 1], "cpu")


def build_stage(stage, **changes):
    recipe = tiny_training.build_recipe("dmfuse", **changes)
    return train_stage.build_stage(TrainingRun("dmfuse", stage, recipe), None)


@pytest.mark.parametrize("levels", ["step", "between"])
def test_features_are_extracted_at_the_noise_level_of_the_step_or_one_above_it(monkeypatch, levels):
    levels_per_call = []

    def record_levels(network, image, noise_levels, noise):
        levels_per_call.append(noise_levels)
        return extract_features(network, image, noise_levels, noise)

    extract_features = features.extract_features
    monkeypatch.setattr(features, "extract_features", record_levels)
    stage = build_stage("fusion", denoising={"timesteps": 2000, "levels": levels})
    with torch.no_grad():
        stage(make_images(), make_streams())
    reference = {
        int(t): values["sqrt_alpha_bar"]
        for t, values in load_reference("noise_schedules")["cosine_2000"].items()
    }
    assert len(levels_per_call) == 2  # one call for each modality
    for noise_levels in levels_per_call:
        for t, values in zip(FEATURE_STEPS, noise_levels, strict=True):
            if levels == "step":
                assert values.tolist() == pytest.approx([reference[t]] * 2, rel=1e-7)
            else:
                assert all(reference[t] < value < reference[t - 1] for value in values.tolist())


@pytest.mark.parametrize("levels", ["step", "between"])
def test_the_denoising_network_trains_at_noise_levels_of_steps_or_between_them(levels):
    stage = build_stage("diffusion", denoising={"levels": levels})
    levels_per_call = []
    stage.denoising.register_forward_pre_hook(
        lambda _, arguments: levels_per_call.append(arguments[1])
    )
    with torch.no_grad():
        stage(make_images(1), make_streams())
    schedule_levels = stage.noise_schedule.noise_levels.float()
    at_step = [bool((value == schedule_levels).any()) for value in levels_per_call[0]]
    assert at_step == [levels == "step"] * 2


def test_the_paper_preset_has_levels_of_steps_and_the_small_preset_those_of_the_code():
    recipes = {name: presets.build_recipe("dmfuse", name, {}, []) for name in ("paper", "small")}
    assert recipes["paper"].denoising.levels == "step"
    assert recipes["small"].denoising.levels == "between"


def test_levels_are_not_part_of_the_architecture():
    recipe = tiny_training.build_recipe("dmfuse", denoising={"levels": "between"})
    architecture = training_run.build_architecture(TrainingRun("dmfuse", "fusion", recipe))
    assert "levels" not in architecture["denoising"]


@pytest.mark.parametrize("options", [{}, {"loss": "code"}, {"weights": [2, 3, 5]}])
def test_the_option_signed_uses_the_gradient_term_as_printed(options):
    signed_stage = build_stage("fusion", fusion={**options, "signed": True})
    unsigned_stage = build_stage("fusion", fusion=options)
    unsigned_stage.load_state_dict(signed_stage.state_dict())
    with torch.no_grad():
        signed, unsigned = (
            stage.eval()(make_images(), make_streams()) for stage in (signed_stage, unsigned_stage)
        )
        fused = signed_stage._fuse(make_images(), make_streams())
        weights = {"code": losses.RELEASED_CODE_LOSS, "paper": losses.PAPER_LOSS}[
            options.get("loss", "paper")
        ]
        if "weights" in options:
            weights = losses.DMFuseLossOptions("paper", 2, 3, 5)
        visible, infrared = make_images().chunk(2, dim=1)
        expected = losses.compute_dmfuse_terms(
            fused, infrared, visible, replace(weights, signed=True)
        )
    assert float(signed["gradient"]) == pytest.approx(float(expected["gradient"]))
    assert float(signed["gradient"]) > 1.1 * float(unsigned["gradient"])
    assert torch.equal(signed["intensity"], unsigned["intensity"])
    assert torch.equal(signed["ssim"], unsigned["ssim"])


@pytest.mark.parametrize("inner", [2, 6])
@pytest.mark.parametrize("encoder", ["diffusion", "cnn"])
def test_every_even_width_is_a_recipe_and_trains(inner, encoder):
    changes = {"denoising": {"inner": inner}, "head": {"encoder": encoder}}
    assert isinstance(tiny_training.build_recipe("dmfuse", **changes), DMFuseRecipe)
    build_stage("fusion", **changes)(make_images(), make_streams())["total"].backward()
    build_stage("diffusion", **changes)(make_images(1), make_streams())["total"].backward()
