"""Diffusion features: reproducible, and in the order that the fusion network expects."""

import torch

from fusion.diffusion import features, process
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS


def test_noise_depends_only_on_the_image_and_the_seed():
    torch.manual_seed(0)
    image, other_image = torch.rand(2, 1, 1, 8, 8)
    first = features.sample_seeded_noise(image, 3, seed=4)
    torch.rand(100)  # the global generator has no effect
    second = features.sample_seeded_noise(image.clone(), 3, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], features.sample_seeded_noise(image, 3, seed=5)[0])
    assert not torch.equal(first[0], features.sample_seeded_noise(other_image, 3, seed=4)[0])


def test_noise_is_standard_normal():
    noise = features.sample_seeded_noise(torch.zeros(1, 1, 300, 300), 1, seed=0)[0]
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02


@torch.inference_mode()
def test_features_are_concatenated_in_the_order_of_the_noise_levels():
    network = DenoisingNetwork(channels=1, inner=4).eval()
    image = torch.rand(1, 1, 32, 48) * 2 - 1
    schedule = process.build_cosine_schedule()
    levels = [schedule.noise_levels[t][None].float() for t in features.FEATURE_STEPS]
    noise = features.sample_seeded_noise(image, 3, seed=0)
    stacked = features.extract_features(network, image, levels, noise)
    assert [level_features.shape[1] for level_features in stacked] == [12, 24, 48, 96, 96]
    noisy = process.add_noise(image, noise[1], levels[1])
    second_level_features = network.extract_features(noisy, levels[1], FEATURE_BLOCKS)
    for all_features, expected in zip(stacked, second_level_features, strict=True):
        width = expected.shape[1]
        assert torch.equal(all_features[:, width : 2 * width], expected)
