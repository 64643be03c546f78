"""Options of a recipe where paper and code differ, as the stages understand them."""

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
from tests.helpers import tiny_training as toys
from tests.helpers.reference_tensors import load_reference

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = (5, 50, 100)


def images(channels=2):
    return torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(1))


def draws():
    return RandomStreams(0, [0, 1], "cpu")


def built(stage, **changes):
    return train_stage.build_stage(
        TrainingRun("dmfuse", stage, toys.build_recipe("dmfuse", **changes)), None
    )


@pytest.mark.parametrize("levels", ["step", "between"])
def test_features_are_told_the_level_of_the_step_or_one_above_it(monkeypatch, levels):
    told = []

    def stacked(network, image, given, noise):
        told.append(given)
        return real(network, image, given, noise)

    real = features.extract_features
    monkeypatch.setattr(features, "extract_features", stacked)
    learner = built("fusion", denoising={"timesteps": 2000, "levels": levels})
    with torch.no_grad():
        learner(images(), draws())
    known = {
        int(t): one["sqrt_alpha_bar"]
        for t, one in load_reference("noise_schedules")["cosine_2000"].items()
    }
    assert len(told) == 2  # one call for each modality
    for given in told:
        for t, values in zip(STEPS, given, strict=True):
            if levels == "step":
                assert values.tolist() == pytest.approx([known[t]] * 2, rel=1e-7)
            else:
                assert all(known[t] < value < known[t - 1] for value in values.tolist())


@pytest.mark.parametrize("levels", ["step", "between"])
def test_the_denoising_network_learns_at_levels_of_steps_or_between_them(levels):
    learner = built("diffusion", denoising={"levels": levels})
    told = []
    learner.denoising.register_forward_pre_hook(lambda _, given: told.append(given[1]))
    with torch.no_grad():
        learner(images(1), draws())
    known = learner.noise.levels.float()
    assert [bool((value == known).any()) for value in told[0]] == [levels == "step"] * 2


def test_the_paper_takes_levels_of_steps_and_the_small_preset_the_code_s():
    found = {name: presets.build_recipe("dmfuse", name, {}, []) for name in ("paper", "small")}
    assert found["paper"].denoising.levels == "step"
    assert found["small"].denoising.levels == "between"


def test_levels_are_no_part_of_a_network():
    recipe = toys.build_recipe("dmfuse", denoising={"levels": "between"})
    assert (
        "levels"
        not in training_run.build_architecture(TrainingRun("dmfuse", "fusion", recipe))["denoising"]
    )


@pytest.mark.parametrize("way", [{}, {"loss": "code"}, {"weights": [2, 3, 5]}])
def test_signed_takes_the_gradient_term_as_printed(way):
    learner = built("fusion", fusion={**way, "signed": True})
    plain = built("fusion", fusion=way)
    plain.load_state_dict(learner.state_dict())
    with torch.no_grad():
        found, other = (one.eval()(images(), draws()) for one in (learner, plain))
        fused = learner._fuse(images(), draws())
        weights = {"code": losses.RELEASED_CODE_LOSS, "paper": losses.PAPER_LOSS}[
            way.get("loss", "paper")
        ]
        if "weights" in way:
            weights = losses.DMFuseLossOptions("paper", 2, 3, 5)
        visible, infrared = images().chunk(2, dim=1)
        expected = losses.compute_dmfuse_terms(
            fused, infrared, visible, replace(weights, signed=True)
        )
    assert float(found["gradient"]) == pytest.approx(float(expected["gradient"]))
    assert float(found["gradient"]) > 1.1 * float(other["gradient"])
    assert torch.equal(found["intensity"], other["intensity"])
    assert torch.equal(found["ssim"], other["ssim"])


@pytest.mark.parametrize("inner", [2, 6])
@pytest.mark.parametrize("encoder", ["diffusion", "cnn"])
def test_every_even_width_is_a_recipe_and_trains(inner, encoder):
    changes = {"denoising": {"inner": inner}, "head": {"encoder": encoder}}
    assert isinstance(toys.build_recipe("dmfuse", **changes), DMFuseRecipe)
    built("fusion", **changes)(images(), draws())["total"].backward()
    built("diffusion", **changes)(images(1), draws())["total"].backward()
