"""Merging of the time steps of DMFuse's features in the tensors of a fusion stage."""

import pytest
import torch

from fusion.checkpoints import load_network
from fusion.checkpoints.feature_steps import merge_feature_steps
from fusion.checkpoints.load_network import NoiseOptions, TrainedDMFuse

STEP = 50


def build_architecture(steps):
    return {
        "denoising": {"inner": 8, "channels": 1, "schedule": "cosine", "timesteps": 200},
        "head": {
            "encoder": "diffusion",
            "interaction": "caim",
            "affinity": "paper",
            "scaled": False,
            "features_at": steps,
            "noise": False,
        },
    }


def fuse(tensors, steps):
    """Fuse a pair of random images with the tensors of a network of some time steps."""
    network = load_network.build_dmfuse(
        tensors, build_architecture(steps), NoiseOptions(), "cpu", "weights"
    )
    infrared, visible = torch.rand(2, 1, 1, 32, 48, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        return network.fuse(infrared, visible, network.sample_noise(infrared, visible))


def test_three_times_the_same_step_fuse_like_the_merged_weights():
    torch.manual_seed(0)
    tensors = TrainedDMFuse(build_architecture((STEP,) * 3), NoiseOptions()).state_dict()
    expected = fuse(tensors, (STEP,) * 3)
    merged = fuse(merge_feature_steps(tensors, 3), (STEP,))
    assert expected.std() > 0.01
    torch.testing.assert_close(merged, expected, rtol=0, atol=1e-5)


def test_only_kernels_of_heads_are_summed_step_by_step():
    # Step-major: channels 0 and 1 belong to the first step, 2 and 3 to the second.
    kernel = torch.tensor([1.0, 2.0, 10.0, 20.0]).view(1, 4, 1, 1)
    tensors = {
        "fusion.heads.0.conv.weight": kernel,
        "fusion.heads.0.conv.bias": torch.ones(4),
        "fusion.heads.0.spatial.weight": kernel,
        "denoising.entry.weight": kernel,
    }
    merged = merge_feature_steps(tensors, 2)
    assert merged["fusion.heads.0.conv.weight"].flatten().tolist() == [11, 22]
    assert all(merged[name] is tensors[name] for name in list(tensors)[1:])


def test_channels_that_do_not_divide_by_the_steps_are_an_error():
    with pytest.raises(ValueError, match="multiple of the 3 time steps"):
        merge_feature_steps({"fusion.heads.0.conv.weight": torch.ones(32, 8, 3, 3)}, 3)
