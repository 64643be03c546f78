"""DMNet: size, eqs. 5 and 9 to 12, and every architecture option."""

import dataclasses
import json
import math
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fusion.networks.dmnet import DMNet, stack_visible_infrared
from fusion.networks.dmnet_architecture import DMNetArchitecture
from tests.helpers.fusion.small_dmnet import (
    NOISE_LEVELS,
    SMALL_ARCHITECTURE,
    build_dmnet,
    make_images,
    make_noise,
)


def count_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_the_full_width_has_the_printed_number_of_parameters_within_two_percent():
    with torch.device("meta"):
        network = DMNet(DMNetArchitecture())
    # 391.046 M is the paper's figure for DANet, which is this denoising network alone (Table VIII).
    assert count_parameters(network.denoising) == 391_045_762
    assert count_parameters(network) == 391_674_666
    assert count_parameters(network) == pytest.approx(386.358e6, rel=0.02)


def test_at_a_nominal_size_of_144_only_the_middle_has_attention():
    with torch.device("meta"):
        assert count_parameters(DMNet(DMNetArchitecture(image_size=144)).denoising) == 370_058_882


class LargestTensor(TorchDispatchMode):
    """Records the number of values of the largest tensor that an operation returned."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.numel())
        return output


def test_the_largest_tensor_of_the_autoencoder_is_linear_in_the_pixels():
    network = build_dmnet()
    with LargestTensor() as largest:
        network.reconstruct(torch.rand(1, 1, 64, 64))
    assert largest.values == 4 * 16 * 64 * 64  # two branches of the feed-forward


def test_the_largest_tensor_of_inference_is_a_feature_map():
    network = build_dmnet()
    with torch.no_grad(), LargestTensor() as largest:
        network.reconstruct(torch.rand(1, 1, 512, 128))
    assert largest.values == 16 * 512 * 128  # the wider ones are made strip by strip


def test_latent_features_are_the_mean_over_the_time_steps():
    network = build_dmnet().double()
    clean = stack_visible_infrared(*make_images(dtype=torch.float64))
    noise = make_noise(dtype=torch.float64)
    single = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, time_steps=(5,))).double()
    with torch.no_grad():
        single_step_features = [
            single.compute_latent_features(clean, NOISE_LEVELS[i : i + 1], noise[i : i + 1])
            for i in (0, 1, 2)
        ]
        mean = network.compute_latent_features(clean, NOISE_LEVELS, noise)
    assert (single_step_features[0] - single_step_features[2]).abs().max() > 1e-3
    torch.testing.assert_close(mean, sum(single_step_features) / 3, rtol=1e-9, atol=1e-9)


def test_the_denoising_network_gets_the_noisy_image_with_visible_first():
    calls = []

    class RecordingNetwork(nn.Module):
        def extract_features(self, noisy, level, blocks):
            calls.append((noisy, level, tuple(blocks)))
            return [
                noisy.new_zeros(2, width, 32 >> i, 32 >> i)
                for i, width in enumerate((12, 24, 48, 96, 96))
            ]

    network = build_dmnet()
    network.denoising = RecordingNetwork()
    infrared, visible = make_images()
    network.compute_latent_features(
        stack_visible_infrared(infrared, visible), NOISE_LEVELS, torch.zeros(3, 2, 2, 32, 32)
    )
    noise = make_noise()
    network.compute_latent_features(torch.zeros(2, 2, 32, 32), NOISE_LEVELS, noise)
    torch.testing.assert_close(calls[0][0], NOISE_LEVELS[0] * torch.cat((visible, infrared), dim=1))
    torch.testing.assert_close(calls[5][0], math.sqrt(1 - NOISE_LEVELS[2] ** 2) * noise[2])
    assert calls[1][1].tolist() == pytest.approx([NOISE_LEVELS[1]] * 2)
    assert calls[0][2] == (0, 3, 6, 9, 12)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"transformer": "parallel"},
        {"diffused": "mixed"},
        {"latent_blocks": "first"},
        {"latent_kernel": 3},
        {"residual": "visible"},
    ],
)
def test_images_keep_their_size_and_lie_between_zero_and_one(height, width, change):
    network = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, **change))
    infrared, visible = make_images(2, height, width)
    with torch.no_grad():
        fused, clean = network.fuse_with_diffusion_input(
            infrared, visible, NOISE_LEVELS, make_noise(2, height, width)
        )
        reconstruction = network.reconstruct(infrared)
    assert clean.shape == (2, 2, height, width)
    for image in (fused, reconstruction):
        assert image.shape == infrared.shape
        assert image.min() > 0
        assert image.max() < 1


def test_a_wrong_number_of_levels_is_an_error():
    with pytest.raises(ValueError, match="got 2 levels and 3 noises, expected 3 of each"):
        build_dmnet().fuse(*make_images(), NOISE_LEVELS[:2], make_noise())


def test_the_residual_is_the_visible_image_or_in_stage_one_the_input_image():
    network = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, residual="visible"))
    nn.init.zeros_(network.decoder.image[2].weight)
    infrared, visible = make_images()
    with torch.no_grad():
        torch.testing.assert_close(network.reconstruct(infrared), infrared.sigmoid())
        torch.testing.assert_close(
            network.fuse(infrared, visible, NOISE_LEVELS, make_noise()), visible.sigmoid()
        )


def test_the_mixed_input_is_one_sixth_sources_and_five_sixths_features():
    network = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, diffused="mixed"))
    nn.init.zeros_(network.joining.weight)
    nn.init.ones_(network.joining.bias)
    infrared, visible = make_images()
    with torch.no_grad():
        _, clean = network.fuse_with_diffusion_input(infrared, visible, NOISE_LEVELS, make_noise())
    torch.testing.assert_close(clean, (torch.cat((visible, infrared), dim=1) + 5) / 6)


def test_the_fused_image_depends_only_on_weights_and_noise():
    first, second = build_dmnet(seed=0), build_dmnet(seed=1)
    second.load_state_dict(first.state_dict())
    torch.manual_seed(5)
    state_before = torch.get_rng_state()
    with torch.no_grad():
        image = first.fuse(*make_images(), NOISE_LEVELS, make_noise())
        assert torch.equal(image, second.fuse(*make_images(), NOISE_LEVELS, make_noise()))
    assert torch.equal(state_before, torch.get_rng_state())


def test_bfloat16_and_channels_last_give_nearly_the_same_image():
    network = build_dmnet()
    with torch.no_grad():
        reference = network.fuse(*make_images(), NOISE_LEVELS, make_noise())
        with torch.autocast("cpu", torch.bfloat16):
            bfloat16 = network.fuse(*make_images(), NOISE_LEVELS, make_noise())
        channels_last = (
            build_dmnet()
            .to(memory_format=torch.channels_last)
            .fuse(*make_images(), NOISE_LEVELS, make_noise())
        )
        float64 = (
            build_dmnet()
            .double()
            .fuse(*make_images().double(), NOISE_LEVELS, make_noise().double())
        )
    assert (bfloat16 - reference).abs().mean() < 0.5 / 255
    torch.testing.assert_close(channels_last, reference, rtol=0, atol=1e-5)
    assert float64.dtype == torch.float64
    torch.testing.assert_close(float64.float(), reference, rtol=0, atol=1e-5)


def test_an_architecture_is_restored_from_json():
    architecture = DMNetArchitecture(inner=16, features=24, time_steps=(5, 20), residual="visible")
    assert (
        DMNetArchitecture(**json.loads(json.dumps(dataclasses.asdict(architecture))))
        == architecture
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": 20}, "20 features, 8 heads"),
        ({"features": 8}, "8 features, 8 heads"),
        ({"transformer": "dense"}, "transformer is 'dense'"),
        ({"residual": "infrared"}, "residual is 'infrared'"),
        ({"latent_kernel": 5}, "latent_kernel is 5"),
        ({"time_steps": ()}, "time steps \\(\\)"),
    ],
)
def test_an_invalid_architecture_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        DMNetArchitecture(**change)


def test_the_architecture_is_imported_without_torch():
    code = "import sys, fusion.networks.dmnet_architecture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
