"""Denoising network against the released one: reference values, exact parameter counts."""

import pytest
import torch

from fusion.checkpoints import dmfuse_release
from fusion.networks.blocks.residual import encode_noise_level
from fusion.networks.denoising import DenoisingNetwork
from tests.helpers.fusion.reference_tensors import (
    assert_samples_close,
    assert_summary_close,
    load_reference,
    make_parameter_tensor,
    make_sine_tensor,
    summarize_tensor,
)


@pytest.fixture(scope="module")
def reference():
    return load_reference("dmfuse_unet")


@pytest.fixture(scope="module")
def network(reference):
    tensors = {
        name: make_parameter_tensor(shape, k, 0.03) + (len(shape) == 1 and name.endswith("weight"))
        for k, (name, shape) in enumerate(reference["params"])
    }
    network = DenoisingNetwork(channels=3, inner=32).double().eval()
    network.load_state_dict(dmfuse_release.rename_denoising_tensors(tensors))
    return network


LEVEL = torch.tensor([0.99], dtype=torch.float64)


def test_the_noise_level_encoding_is_that_of_the_released_code(reference):
    encoded = encode_noise_level(LEVEL, 32).flatten()
    assert encoded.tolist() == pytest.approx(reference["positional_encoding"]["values"], rel=1e-12)


@torch.inference_mode()
def test_all_expanding_features_are_those_of_the_released_network(network, reference):
    features = network.extract_features(make_sine_tensor(3, 64, 64), LEVEL, range(15))
    for number, expected in reference["feats"].items():
        assert_summary_close(summarize_tensor(features[int(number)]), expected)


@torch.inference_mode()
def test_all_contracting_features_are_those_of_the_released_network(network, reference):
    features = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: features.append(output))
        for module in (network.entry, *network.down)
    ]
    network(make_sine_tensor(3, 64, 64), LEVEL)
    for hook in hooks:
        hook.remove()
    assert len(features) == len(reference["enc_feats"]) == 15
    for number, expected in reference["enc_feats"].items():
        assert_summary_close(summarize_tensor(features[int(number)]), expected)


@torch.inference_mode()
def test_the_predicted_noise_is_that_of_the_released_network(network, reference):
    noise = network(make_sine_tensor(3, 64, 64), LEVEL)
    assert_summary_close(summarize_tensor(noise), reference["output"])
    assert_samples_close(noise[0, :, ::21, ::21], reference["out_sample"])


@torch.inference_mode()
def test_features_of_fewer_blocks_are_identical(network):
    x = make_sine_tensor(3, 32, 48)
    all_features = network.extract_features(x, LEVEL, range(15))
    features = network.extract_features(x, LEVEL, (8, 2, 14))
    for number, feature in zip((8, 2, 14), features, strict=True):
        assert torch.equal(feature, all_features[number])


def test_modules_after_the_last_requested_block_are_not_run(network):
    modules_run = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: modules_run.append(name))
        for name, module in network.named_children()
    ]
    with torch.inference_mode():
        network.extract_features(make_sine_tensor(3, 32, 32), LEVEL, (2,))
    for hook in hooks:
        hook.remove()
    assert "entry" in modules_run
    assert "leave" not in modules_run


@pytest.mark.parametrize(
    ("inner", "color", "gray"),
    [
        (128, 391_048_067, 391_043_457),
        (64, 97_805_763, 97_803_457),
        (32, 24_473_315, 24_472_161),
        (16, 6_129_267, 6_128_689),
    ],
)
def test_parameter_counts_are_those_of_the_released_code(inner, color, gray):
    with torch.device("meta"):
        for channels, expected in ((3, color), (1, gray)):
            network = DenoisingNetwork(channels=channels, inner=inner)
            assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("inner", [2, 6, 8, 20, 24, 48])
def test_every_even_width_can_be_built_and_run(inner):
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
