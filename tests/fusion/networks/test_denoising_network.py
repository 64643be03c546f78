"""The denoising network against the released one: known answers, exact parameter counts."""

import pytest
import torch

from fusion.checkpoints import dmfuse_release
from fusion.networks.blocks.residual import encode_noise_level
from fusion.networks.denoising import DenoisingNetwork
from tests.helpers.reference_tensors import (
    assert_samples_close,
    assert_summary_close,
    load_reference,
    make_parameter_tensor,
    make_sine_tensor,
    summarize_tensor,
)


@pytest.fixture(scope="module")
def known():
    return load_reference("dmfuse_unet")


@pytest.fixture(scope="module")
def network(known):
    made = {
        name: make_parameter_tensor(shape, k, 0.03) + (len(shape) == 1 and name.endswith("weight"))
        for k, (name, shape) in enumerate(known["params"])
    }
    built = DenoisingNetwork(channels=3, inner=32).double().eval()
    built.load_state_dict(dmfuse_release.rename_denoising_tensors(made))
    return built


LEVEL = torch.tensor([0.99], dtype=torch.float64)


def test_the_noise_level_is_encoded_as_released(known):
    encoded = encode_noise_level(LEVEL, 32).flatten()
    assert encoded.tolist() == pytest.approx(known["positional_encoding"]["values"], rel=1e-12)


@torch.inference_mode()
def test_all_features_are_the_released_ones(network, known):
    found = network.features(make_sine_tensor(3, 64, 64), LEVEL, range(15))
    for number, expected in known["feats"].items():
        assert_summary_close(summarize_tensor(found[int(number)]), expected)


@torch.inference_mode()
def test_all_features_on_the_way_down_are_the_released_ones(network, known):
    found = []
    hooks = [
        module.register_forward_hook(lambda _module, _given, made: found.append(made))
        for module in (network.entry, *network.down)
    ]
    network(make_sine_tensor(3, 64, 64), LEVEL)
    for hook in hooks:
        hook.remove()
    assert len(found) == len(known["enc_feats"]) == 15
    for number, expected in known["enc_feats"].items():
        assert_summary_close(summarize_tensor(found[int(number)]), expected)


@torch.inference_mode()
def test_the_predicted_noise_is_the_released_one(network, known):
    found = network(make_sine_tensor(3, 64, 64), LEVEL)
    assert_summary_close(summarize_tensor(found), known["output"])
    assert_samples_close(found[0, :, ::21, ::21], known["out_sample"])


@torch.inference_mode()
def test_stopping_early_changes_no_bit(network):
    x = make_sine_tensor(3, 32, 48)
    every = network.features(x, LEVEL, range(15))
    some = network.features(x, LEVEL, (8, 2, 14))
    for number, found in zip((8, 2, 14), some, strict=True):
        assert torch.equal(found, every[number])


def test_what_follows_the_last_needed_block_is_not_run(network):
    ran = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, module in network.named_children()
    ]
    with torch.inference_mode():
        network.features(make_sine_tensor(3, 32, 32), LEVEL, (2,))
    for hook in hooks:
        hook.remove()
    assert "entry" in ran
    assert "leave" not in ran


@pytest.mark.parametrize(
    ("inner", "color", "gray"),
    [
        (128, 391_048_067, 391_043_457),
        (64, 97_805_763, 97_803_457),
        (32, 24_473_315, 24_472_161),
        (16, 6_129_267, 6_128_689),
    ],
)
def test_parameters_are_counted_as_in_the_released_code(inner, color, gray):
    with torch.device("meta"):
        for channels, expected in ((3, color), (1, gray)):
            network = DenoisingNetwork(channels=channels, inner=inner)
            assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("inner", [2, 6, 8, 20, 24, 48])
def test_every_even_width_builds_and_runs(inner):
    network = DenoisingNetwork(channels=2, inner=inner)
    assert network(torch.zeros(1, 2, 32, 48), torch.ones(1)).shape == (1, 2, 32, 48)


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="even"):
        DenoisingNetwork(channels=1, inner=7)


def test_an_unknown_block_is_refused():
    with pytest.raises(ValueError, match="0 to 14"):
        DenoisingNetwork(channels=1, inner=2).extract_features(
            torch.zeros(1, 1, 32, 32), torch.ones(1), (15,)
        )
