"""Diffusion features: the same for the same image, in the order the fusion network expects."""

import torch

from fusion import diffusion, features
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import BLOCKS


def test_noise_depends_on_the_image_and_the_seed_alone():
    torch.manual_seed(0)
    image, other = torch.rand(2, 1, 1, 8, 8)
    first = features.noises(image, 3, seed=4)
    torch.rand(100)  # whatever was drawn in between
    again = features.noises(image.clone(), 3, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], features.noises(image, 3, seed=5)[0])
    assert not torch.equal(first[0], features.noises(other, 3, seed=4)[0])


def test_noise_is_standard_normal():
    drawn = features.noises(torch.zeros(1, 1, 300, 300), 1, seed=0)[0]
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1) < 0.02


@torch.inference_mode()
def test_features_are_stacked_noise_level_after_noise_level():
    network = DenoisingNetwork(channels=1, inner=4).eval()
    image = torch.rand(1, 1, 32, 48) * 2 - 1
    schedule = diffusion.cosine()
    levels = [schedule.levels[t][None].float() for t in features.STEPS]
    drawn = features.noises(image, 3, seed=0)
    found = features.stacked(network, image, levels, drawn)
    assert [f.shape[1] for f in found] == [12, 24, 48, 96, 96]
    noisy = diffusion.noised(image, drawn[1], levels[1])
    middle = network.features(noisy, levels[1], BLOCKS)
    for whole, part in zip(found, middle, strict=True):
        width = part.shape[1]
        assert torch.equal(whole[:, width : 2 * width], part)
