"""Diffusion features: the same for the same image, in the order the fusion network expects."""

import torch

from fusion.diffusion import features, process
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS


def test_noise_depends_on_the_image_and_the_seed_alone():
    torch.manual_seed(0)
    image, other = torch.rand(2, 1, 1, 8, 8)
    first = features.sample_seeded_noise(image, 3, seed=4)
    torch.rand(100)  # whatever was drawn in between
    again = features.sample_seeded_noise(image.clone(), 3, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], features.sample_seeded_noise(image, 3, seed=5)[0])
    assert not torch.equal(first[0], features.sample_seeded_noise(other, 3, seed=4)[0])


def test_noise_is_standard_normal():
    drawn = features.sample_seeded_noise(torch.zeros(1, 1, 300, 300), 1, seed=0)[0]
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1) < 0.02


@torch.inference_mode()
def test_features_are_stacked_noise_level_after_noise_level():
    network = DenoisingNetwork(channels=1, inner=4).eval()
    image = torch.rand(1, 1, 32, 48) * 2 - 1
    schedule = process.build_cosine_schedule()
    levels = [schedule.noise_levels[t][None].float() for t in features.FEATURE_STEPS]
    drawn = features.sample_seeded_noise(image, 3, seed=0)
    found = features.extract_features(network, image, levels, drawn)
    assert [f.shape[1] for f in found] == [12, 24, 48, 96, 96]
    noisy = process.add_noise(image, drawn[1], levels[1])
    middle = network.extract_features(noisy, levels[1], FEATURE_BLOCKS)
    for whole, part in zip(found, middle, strict=True):
        width = part.shape[1]
        assert torch.equal(whole[:, width : 2 * width], part)
